"""Lakes as older gexlakes wrote them, in part or as a whole: sessions without a lookup index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import date, timedelta
from pathlib import Path

import pytest

from gexlake.importers.snapshots import session
from gexlake.services.importing.import_history import import_history
from helpers.histories import Record, vendor_name, write_array

AGES = ("indexed", "of an older gexlake", "both")


@contextmanager
def before_lookup_indexes() -> Iterator[None]:
    """Imports of this process write sessions as they were written before there were any."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "iter_blocks", lambda _: iter(()))
        yield


def lake_of_age(root: Path, age: str, sessions: Mapping[date, list[Record]], *, indexed: date) -> Path:
    """A lake of these sessions, and an empty one behind them; where it is of both ages, one session has an index."""
    for day, records in sessions.items():
        write_array(root / "history" / vendor_name(day), records)
        with nullcontext() if age == "indexed" or (age == "both" and day == indexed) else before_lookup_indexes():
            assert import_history(root / "history", root / "lake").acceptable
    write_array(root / "history" / vendor_name(max(sessions) + timedelta(days=1)), [])
    import_history(root / "history", root / "lake")
    return root / "lake"
