"""Run Python with the native modules built by AddressSanitizer and UndefinedBehaviorSanitizer; it needs gcc.

    python tools/sanitized.py tools/fuzz_native.py --seconds 60
    python tools/sanitized.py -m pytest tests/unit/importers/snapshots/decoding/test_native.py

The builds stand in a temporary folder; what is installed is left alone. Any fault ends the process with a report.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

MODULES = (
    "gexlake.importers.snapshots.decoding._native",
    "gexlake.importers.snapshots.writing._pages",
    "gexlake.services.store._render",
)
SOURCES = Path(__file__).parents[1] / "src"
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=all -g -O1 -std=c11 -shared -fPIC"

FINDER = '''
"""Finds the sanitized builds in this folder before those that are installed."""
import importlib.util, pathlib, sys
FOLDER = pathlib.Path(__file__).parent
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        file = FOLDER / f"{name}.so"
        return importlib.util.spec_from_file_location(name, file) if file.exists() else None
sys.meta_path.insert(0, Finder)
'''


def main() -> int:
    """Build, and run what the arguments say."""
    if len(sys.argv) == 1:
        print(__doc__)
        return 2
    return run(sys.argv[1:])


def run(arguments: list[str]) -> int:
    """Run Python with these arguments on sanitized builds; its exit status."""
    with tempfile.TemporaryDirectory(prefix="gexlake-sanitized-") as folder:
        build(Path(folder))
        (Path(folder) / "sitecustomize.py").write_text(FINDER)
        runtime = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True)
        paths = [folder, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "LD_PRELOAD": runtime.stdout.strip(),
            # Leaks are the interpreter's own; an allocation that is too large is to fail as it does elsewhere, and a
            # disk that refuses what is read from memory to end the process by the same signal.
            "ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=16:allocator_may_return_null=1:handle_sigbus=0",
            "PYTHONMALLOC": "malloc",  # or small buffers would have no guards
        }
        return subprocess.run([sys.executable, *arguments], env=environment, check=False).returncode


def build(folder: Path) -> None:
    """Compile each module into the folder, under its full name."""
    include = sysconfig.get_path("include")
    for module in MODULES:
        source = SOURCES / f"{module.replace('.', '/')}.c"
        subprocess.run(["gcc", *FLAGS.split(), f"-I{include}", source, "-o", folder / f"{module}.so"], check=True)


if __name__ == "__main__":
    sys.exit(main())
