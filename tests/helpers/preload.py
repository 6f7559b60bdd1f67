"""Libraries of the tests that are preloaded into a process."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

COMPILER = os.environ.get("CC", "cc")
needs_compiler = pytest.mark.skipif(shutil.which(COMPILER) is None, reason="needs a C compiler")


def compiled(name: str, folder: Path, *options: str) -> Path:
    """The library of `helpers/<name>.c`, in a folder."""
    library, source = folder / f"{name}.so", Path(__file__).with_name(f"{name}.c")
    words = [COMPILER, "-shared", "-fPIC", "-O1", *options, "-o", library, source, "-ldl", "-lpthread"]
    subprocess.run(words, check=True)
    return library
