"""What is committed, carried to where others read it: an open table behind the commit log.

DuckDB stays the truth. Whoever carries remembers the last commit that it has carried over, and begins again after it.
"""
