"""Ctrl-C comes out somewhere, whatever runs when it is pressed."""

from __future__ import annotations

import signal
import sys
import weakref
from collections.abc import Iterator

import pytest

from gexlake.services.processes.interrupts import kept_interrupts, undisturbed


class Thing:
    """Something that can be let go of."""


@pytest.fixture(autouse=True)
def python_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def let_go_of_something_during_ctrl_c() -> str:
    thing = Thing()
    weakref.finalize(thing, signal.raise_signal, signal.SIGINT)
    del thing
    return "not interrupted"


def test_ctrl_c_in_a_finalizer_is_raised_behind_it() -> None:
    hook = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), kept_interrupts():
        let_go_of_something_during_ctrl_c()
    assert sys.unraisablehook is hook


def test_ctrl_c_in_a_finalizer_is_held_back_where_all_is() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), kept_interrupts(), undisturbed():
        done.append(let_go_of_something_during_ctrl_c())
    assert done == ["not interrupted"]


def test_other_faults_in_a_finalizer_are_told_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(unraisable.exc_type))
    with kept_interrupts():
        thing = Thing()
        weakref.finalize(thing, lambda: 1 // 0)
        weakref.ref(thing)
        del thing
    assert told in ([], [ZeroDivisionError])
