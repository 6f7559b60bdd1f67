"""Import a folder of GEX history: `gexlake import` for those who know the older script.

python import_data.py --source outputs/gex_bridge/history --dry-run
"""

from __future__ import annotations

import argparse

from gexlake.cli import main


def parse_arguments() -> argparse.Namespace:
    """The options of the older script."""
    parser = argparse.ArgumentParser(description="Import a folder of GEX history into the lake.")
    parser.add_argument("--source", required=True, help="folder of history files")
    parser.add_argument("--lake", help="the lake (default: GEXLAKE_LAKE, else data)")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen; write nothing")
    parser.add_argument("--resume", action="store_true", help="accepted, and always so: unchanged files are skipped")
    parser.add_argument("--verbose", action="store_true", help="show every file")
    return parser.parse_args()


def run(options: argparse.Namespace) -> None:
    """Run `gexlake import` with them."""
    lake = ["--lake", options.lake] if options.lake else []
    flags = [f"--{name}" for name in ("dry-run", "verbose") if getattr(options, name.replace("-", "_"))]
    main(["import", *lake, *flags, "--", options.source])


if __name__ == "__main__":
    run(parse_arguments())
