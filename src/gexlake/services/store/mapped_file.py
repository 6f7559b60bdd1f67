"""A file that is mapped into memory, and known again by any slice of it."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Place(NamedTuple):
    """Where in a file a slice of its map lies: an open file descriptor, and bytes from the beginning."""

    descriptor: int
    offset: int


class MappedFile(mmap.mmap):
    """A file to be read through memory. It stays open and mapped for as long as there is a slice of it.

    Raises `OSError` where the file cannot be opened, `ValueError` where it is empty.
    """

    descriptor = -1
    _address = 0

    def __new__(cls, path: Path) -> MappedFile:
        """Open and map the file."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            made = super().__new__(cls, descriptor, 0, access=mmap.ACCESS_READ)
            made._address = _address_of(memoryview(made))
        except BaseException:
            os.close(descriptor)
            raise
        made.descriptor = descriptor
        return made

    def __init__(self, path: Path) -> None:
        """Nothing is left to be done."""

    def __del__(self) -> None:
        if self.descriptor >= 0:  # else it could not be mapped
            os.close(self.descriptor)

    def place_of(self, view: memoryview) -> Place:
        """Where a slice of this map, at least a byte long, lies in the file."""
        return Place(self.descriptor, _address_of(view) - self._address)


def place_of(view: memoryview) -> Place | None:
    """Where the bytes of a view lie on disk; None where it is not a slice of a mapped file. It must not be empty."""
    owner = view.obj
    return owner.place_of(view) if isinstance(owner, MappedFile) else None


def _address_of(view: memoryview) -> int:
    address: int = np.frombuffer(view, np.uint8).__array_interface__["data"][0]
    return address
