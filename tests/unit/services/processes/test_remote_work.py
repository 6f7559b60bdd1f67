"""What a worker of a cluster looks at before it works: it may have joined since the cluster was looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gexlake.services.processes import remote_work
from gexlake.services.processes.remote_work import Order, SharedPlace, carry_out
from gexlake.services.processes.workers import OnBytes, StoppedError


def read(sizes: list[int], *, on_bytes: OnBytes) -> int:
    for size in sizes:
        on_bytes(size)
    return len(sizes)


def order(place: SharedPlace | None = None, told: list[tuple[int, int]] | None = None) -> Order[int]:
    return Order(read, [3, 4], 7, place, None if told is None else lambda *said: told.append(said))


def test_task_gives_its_result_and_what_it_read(tmp_path: Path) -> None:
    outcome = carry_out(order(SharedPlace.open(tmp_path)))
    assert (outcome.result, outcome.bytes_read, outcome.error) == (2, 7, None)


def test_task_tells_what_it_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_work, "TELL_SECONDS", 0.0)
    told: list[tuple[int, int]] = []
    carry_out(order(told=told))
    assert told == [(7, 3), (7, 7)]


def test_task_stops_when_its_import_is_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_work, "TELL_SECONDS", 0.0)
    place = SharedPlace.open(tmp_path)
    outcome = carry_out(order(place, told=[]) if place.is_open else order())
    assert outcome.error is None
    stopping = Order(lambda _, *, on_bytes: (place.close(), on_bytes(1)), None, 1, place, None)
    assert isinstance(carry_out(stopping).error, StoppedError)


def test_worker_of_another_version_does_not_work() -> None:
    outcome = carry_out(replace(order(), version="0.0.1"))
    assert outcome.result is None
    assert "and this is gexlake 0.0.1: they could write different files." in str(outcome.error)


def test_worker_that_does_not_see_the_place_does_not_work(tmp_path: Path) -> None:
    place = SharedPlace.open(tmp_path)
    place.close()
    assert f"does not see {tmp_path}." in str(carry_out(order(place)).error)


def test_place_that_another_has_is_not_ours(tmp_path: Path) -> None:
    place = SharedPlace.open(tmp_path)
    SharedPlace.open(tmp_path)
    assert not place.is_open
