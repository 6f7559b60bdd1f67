"""The bare parse: each file read and parsed by simdjson with a new parser, in one process, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import simdjson


def main() -> None:
    """SOURCE."""
    for path in sorted(Path(sys.argv[1]).glob("*.json")):
        simdjson.Parser().parse(path.read_bytes())


if __name__ == "__main__":
    main()
