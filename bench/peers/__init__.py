"""Other ways to do the same work, each a program of its own that is timed from start to exit."""
