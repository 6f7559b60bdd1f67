"""What the program does, once, for command line, HTTP and Python alike.

A room for each thing one does; `lake.py` and `remote_lake.py` are the doors of Python. Rooms import one way, as
`tests/unit/test_architecture.py` lists.
"""
