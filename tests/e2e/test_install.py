"""Installing: one line where C cannot be compiled, and a wheel that needs no compiler."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
BACKEND = ROOT / "tools" / "build_backend.py"
WITHOUT_COMPILER = {**os.environ, "PATH": "/nonexistent", "CC": "/nonexistent/cc"}
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
PROJECT = ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "tools/build_backend.py")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an install needs of the project, and nothing that was built before."""
    copy = tmp_path_factory.mktemp("project")
    (copy / "tools").mkdir()
    for name in PROJECT:
        shutil.copy(ROOT / name, copy / name)
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("*.so", "*.egg-info", "__pycache__"))
    return copy


@pytest.fixture(scope="module")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    words = ["wheel", "--quiet", "--no-build-isolation", "--no-deps", "--wheel-dir", str(folder), str(project)]
    subprocess.run([*PIP, *words], check=True)
    (file,) = folder.iterdir()
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`bin` of a fresh environment with the wheel in it, installed without a compiler; the rest is borrowed."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    words = ["--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([*PIP, *words], env=WITHOUT_COMPILER, check=True)
    own = sysconfig.get_path("purelib", vars={"base": str(folder)})
    (Path(own) / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return folder / "bin"


def test_the_wheel_is_for_every_python_from_3_11_on(wheel: Path) -> None:
    assert "-cp311-abi3-" in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    assert sorted(Path(name).name for name in names if name.endswith(".so")) == [
        "_native.abi3.so",
        "_pages.abi3.so",
        "_render.abi3.so",
    ]
    assert any(name.startswith("gexlake/dashboard/assets/") for name in names)
    assert not [name for name in names if name.endswith(".c")]


def test_the_wheel_works_without_a_compiler(installed: Path, tmp_path: Path) -> None:
    def gexlake(*words: str) -> str:
        command = [installed / "gexlake", *words]
        return subprocess.run(
            command, cwd=tmp_path, env=WITHOUT_COMPILER, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    from gexlake import __version__

    where = "import gexlake.importers.snapshots.decoding._native as native; print(native.__file__)"
    found = subprocess.run([installed / "python", "-c", where], cwd=tmp_path, check=True, stdout=subprocess.PIPE)
    assert Path(os.fsdecode(found.stdout)).is_relative_to(installed.parent)
    assert gexlake("--version") == f"gexlake {__version__}\n"
    gexlake("sample", "sample", "--sessions", "1", "--snapshots", "20", "--strikes", "5")
    assert json.loads(gexlake("import", "sample", "-o", "json"))["totals"]["records_imported"] == 20
    assert json.loads(gexlake("query", "select count(*) as n from gex_strikes", "-o", "json")) == [{"n": 100}]


def test_an_install_without_a_compiler_says_what_is_missing_in_one_line(project: Path, tmp_path: Path) -> None:
    words = ["install", "--no-build-isolation", "--no-deps", "--target", str(tmp_path), str(project)]
    done = subprocess.run(
        [*PIP, *words], env=WITHOUT_COMPILER, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode != 0
    lines = done.stdout.splitlines()
    assert len(lines) < 30, "pip shows all that the build says"
    assert "Traceback" not in done.stdout
    (line,) = (line.strip() for line in lines if "gexlake cannot be built" in line)
    assert line.startswith("gexlake cannot be built: there is no C compiler (/nonexistent/cc). What it takes: ")
    assert line.endswith("; or a wheel that `make wheel` made on another machine, which needs no compiler.")


def check(**environment: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, BACKEND], env={**os.environ, **environment}, check=False, capture_output=True, text=True
    )
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


def test_with_a_compiler_there_is_nothing_to_say() -> None:
    assert check() == (0, [])


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({"PATH": "/nonexistent", "CC": "gcc -pthread"}, "there is no C compiler (gcc). "),
        ({"CC": "false"}, "the C compiler does not work (false: exit status 1). "),
        ({"CC": "gcc -include nothing.h"}, "the C compiler does not work (gcc -include nothing.h: "),
    ],
)
def test_what_is_missing_is_named(environment: dict[str, str], text: str) -> None:
    status, (line,) = check(**environment)
    assert status == 1
    assert line.startswith(f"gexlake cannot be built: {text}")


@pytest.fixture
def backend() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_backend", BACKEND)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_missing_headers_are_told_from_a_missing_compiler(
    backend: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    assert backend.missing().startswith(f"Python's headers are not there ({tmp_path}/Python.h: ")
    assert "Python.h: No such file or directory" in backend.missing()


def test_advice_is_for_the_machine(backend: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert backend.advice() == "a C compiler and Python's headers (gcc and python3-dev on Debian)"
    (tmp_path / "dnf").touch(mode=0o755)
    assert backend.advice() == "`dnf install gcc python3-devel`"
