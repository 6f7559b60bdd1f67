"""The lake on disk: its layout, the DuckDB database and its one owner, commit and recovery."""
