"""What several folders of unit tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.redis_server import RedisServer


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A running one."""
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder, password="open-sesame")
    server.start()
    yield server
    server.kill()
