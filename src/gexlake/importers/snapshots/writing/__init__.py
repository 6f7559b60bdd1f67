"""From columns to Parquet: frames, checksums, and the two files of a session.

`dataset.py` writes a session. A column belongs into `frames.py`; `ladder_file.py` writes the one format that Polars
does not write fast enough, and any reader of Parquet has to read what it writes.
"""
