"""From columns to Parquet: frames, checksums, and the two files of a session."""
