"""Speed, memory and size of an import, against named peers over the same synthetic files: `python -m bench`."""
