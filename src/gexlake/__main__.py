"""`python -m gexlake` is `gexlake`."""

from gexlake.cli import main

if __name__ == "__main__":
    main()
