"""Snapshots on their way from a source to their session: one block's, or those of one day of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gexlake.models.block import Doubles, Int, Ints
from gexlake.validation.snapshots import Mask


class Batch(NamedTuple):
    """Snapshots as columns, as in `Block`, with their ladders; `source` numbers the source of each."""

    source: Ints
    ints: Ints
    numbers: Doubles
    ladder: Doubles
    extra: dict[int, str]

    @property
    def timestamps(self) -> Ints:
        """Unix microseconds."""
        row: Ints = self.ints[Int.TIMESTAMP]
        return row

    @property
    def rows(self) -> Ints:
        """Ladder rows of each snapshot."""
        row: Ints = self.ints[Int.ROWS]
        return row

    @property
    def size_bytes(self) -> int:
        """Memory that its tables take."""
        return sum(table.nbytes for table in (self.source, self.ints, self.numbers, self.ladder))

    def select(self, wanted: Mask) -> Batch:
        """The snapshots of the mask alone."""
        if wanted.all():
            return self
        texts = (self.extra.get(int(i)) for i in np.flatnonzero(wanted))
        return Batch(
            self.source[wanted],
            self.ints[:, wanted],
            self.numbers[:, wanted],
            self.ladder[:, np.repeat(wanted, self.rows)],
            {i: text for i, text in enumerate(texts) if text is not None},
        )

    def save(self, path: Path) -> None:
        """Write it to a scratch file."""
        texts = np.frombuffer(json.dumps(list(self.extra.items())).encode(), np.uint8)
        with path.open("wb") as file:
            for table in (self.source, self.ints, self.numbers, self.ladder, texts):
                np.save(file, table)

    @classmethod
    def load(cls, path: Path) -> Batch:
        """The way back."""
        with path.open("rb") as file:
            source, ints, numbers, ladder, texts = (np.load(file) for _ in range(5))
        return cls(source, ints, numbers, ladder, dict(json.loads(texts.tobytes())))
