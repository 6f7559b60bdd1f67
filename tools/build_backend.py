"""setuptools as the build backend, and before it one question: can C be compiled here?

Without it pip ends in two hundred lines of which one says what is missing. With it that line is all there is to read.

    python tools/build_backend.py     ask the question alone: exit status 1 and the line
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGES = {
    "apt-get": "gcc libc6-dev python3-dev",
    "dnf": "gcc python3-devel",
    "apk": "gcc musl-dev python3-dev",
    "zypper": "gcc python3-devel",
    "pacman": "gcc",
}
"""Program that installs packages -> those that it takes to compile for Python."""
INSTALL = {"apk": "apk add", "pacman": "pacman -S"}
ANY_SOURCE = "#include <string.h>\nint probe(const char *text) { return (int)strlen(text); }\n"
PYTHON_SOURCE = f"#include <Python.h>\n{ANY_SOURCE}"


def compiler() -> list[str]:
    """The command that setuptools will compile with."""
    return shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")


def missing() -> str:
    """What keeps the C modules from being compiled; "" where nothing does."""
    command = compiler()
    if shutil.which(command[0]) is None:
        return f"there is no C compiler ({command[0]})"
    if error := _compile(command, ANY_SOURCE):
        return f"the C compiler does not work ({shlex.join(command)}: {error})"
    include = sysconfig.get_path("include")
    if error := _compile(command, PYTHON_SOURCE, f"-I{include}"):
        found = (Path(include) / "Python.h").exists()
        return f"Python's headers {'do not compile' if found else 'are not there'} ({include}/Python.h: {error})"
    return ""


def _compile(command: list[str], source: str, *options: str) -> str:
    """Make a shared library of the source; the compiler's own first complaint where that fails."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "probe.c"
        file.write_text(source)
        words = [*command, "-shared", "-fPIC", *options, str(file), "-o", str(file.with_suffix(".so"))]
        try:
            done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            return str(error.strerror)
        if done.returncode == 0:
            return ""
        said = [line.strip() for line in (done.stderr + done.stdout).splitlines()]
        return next((line for line in said if "error" in line), f"exit status {done.returncode}")


def advice() -> str:
    """How to get what is missing on this machine."""
    for program, packages in PACKAGES.items():
        if shutil.which(program):
            return f"`{INSTALL.get(program, f'{program} install')} {packages}`"
    return "a C compiler and Python's headers (gcc and python3-dev on Debian)"


def check() -> None:
    """Leave with one line where the C modules cannot be compiled."""
    if what := missing():
        sys.exit(
            f"gexlake cannot be built: {what}. What it takes: {advice()}; "
            "or a wheel that `make wheel` made on another machine, which needs no compiler."
        )


def _checked(name: str) -> Callable[..., Any]:
    """A hook of setuptools, after the check."""

    def hook(*arguments: Any, **options: Any) -> Any:
        from setuptools import build_meta

        check()
        return getattr(build_meta, name)(*arguments, **options)

    return hook


def __getattr__(name: str) -> Any:
    """Hooks that compile nothing are setuptools' own."""
    from setuptools import build_meta

    return getattr(build_meta, name)


# Asked for first, in a step of its own, so that nothing else is printed; not asked for without build isolation.
get_requires_for_build_wheel = _checked("get_requires_for_build_wheel")
get_requires_for_build_editable = _checked("get_requires_for_build_editable")
build_wheel = _checked("build_wheel")
build_editable = _checked("build_editable")

if __name__ == "__main__":
    check()
