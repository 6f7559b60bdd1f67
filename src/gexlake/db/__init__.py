"""The lake on disk: its layout, the DuckDB database and its one owner, commit and recovery.

A session becomes visible in `commit.py`, and after a crash in `recovery.py`: change the two together, and run
`tests/integration/test_crashes.py` and `test_power_cuts.py`. A column of a table belongs into `schema.py`, with a step
in `migrate.py` for lakes that exist.
"""
