"""gexlake: GEXBot history as a verified lake."""
