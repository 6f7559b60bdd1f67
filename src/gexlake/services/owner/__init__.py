"""Which process holds the database, and how others ask it: the server's side, the callers' side, and who may.

A function that needs the database is marked `@served` and its module named in `api/routes/calls.py`.
"""
