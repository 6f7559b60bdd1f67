"""What is committed, carried to where others read it, behind the commit log: to open tables, and to a mirror.

DuckDB stays the truth. Whoever carries remembers the last commit that it has carried over, and begins again after it.
"""
