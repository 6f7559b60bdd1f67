"""Processes to import in, and folders on a fast disk: what is tested here is order and completeness, not the disk."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.object_server import ObjectServer, environment
from helpers.runner import Runner

FAST_DISK = Path("/dev/shm")
FREE_BYTES = 256 << 20


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    """Runs imports, one at a time, each in a process of its own."""
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture(scope="session")
def other_runner() -> Iterator[Runner]:
    """For a second process beside that of `runner`."""
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture(scope="session")
def fast_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory where there is room for it, on disk otherwise."""
    try:
        status = os.statvfs(FAST_DISK)
        usable = os.access(FAST_DISK, os.W_OK) and status.f_bavail * status.f_frsize > FREE_BYTES
    except OSError:
        usable = False
    if not usable:
        yield tmp_path_factory.mktemp("fast")
        return
    with tempfile.TemporaryDirectory(prefix="gexlake-tests-", dir=FAST_DISK) as folder:
        yield Path(folder)


@pytest.fixture
def work(fast_disk: Path) -> Iterator[Path]:
    """A folder of the test's own on the fast disk."""
    with tempfile.TemporaryDirectory(dir=fast_disk) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def mounting() -> Iterator[Runner]:
    """Runs commands where file systems can be mounted that nobody else sees."""
    apart = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        possible = subprocess.run([*apart, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        possible = False
    if not possible:
        pytest.skip("file systems cannot be mounted here")
    runner = Runner(apart)
    yield runner
    runner.close()


@pytest.fixture(scope="session")
def object_server(fast_disk: Path) -> Iterator[ObjectServer]:
    """A store of objects, started once; `stores` has programs use it."""
    folder = fast_disk / "objects"
    folder.mkdir()
    server = ObjectServer(folder)
    server.start()
    server.wait()
    yield server
    server.kill()


@pytest.fixture
def stores(object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ObjectServer:
    """It is the one that the environment names."""
    for name, value in environment(object_server.url).items():
        monkeypatch.setenv(name, value)
    return object_server
