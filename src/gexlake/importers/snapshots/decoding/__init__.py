"""From text to columns: finds the records of a source and decodes each, natively or carefully.

`decoder.py` is the loop; a new form of a record belongs into `careful.py`, a new form of a file into `surroundings.py`.
"""
