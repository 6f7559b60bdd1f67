"""Servers on loopback that answer as they are told to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from helpers.vendor_stub import Stub, running_stub


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running_stub() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Stub]:
    """Another host."""
    with running_stub() as running:
        yield running
