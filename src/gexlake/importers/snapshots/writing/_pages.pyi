from collections.abc import Sequence
from typing import Final

from typing_extensions import Buffer

from gexlake.importers.snapshots.lookup import Numbers
from gexlake.models.block import Doubles, Ints

MOST_VALUES: Final[int]

def encode_doubles(
    values: Doubles, lag: int, ends: Ints, dictionary: Doubles, out: bytearray, /
) -> tuple[int, float, float, list[tuple[int, int]]]: ...
def encode_runs(rows: Ints, first: int, width: int, /) -> bytes: ...
def most_bytes(count: int, pages: int, /) -> int: ...

_Form = tuple[Buffer | None, int, bool]

def decode_doubles(
    pages: list[bytes], forms: Sequence[_Form], rows: int, first: int, stop: int, out: Doubles, at: int, /
) -> None: ...
def pick_doubles(
    pages: list[bytes] | tuple[Buffer, Numbers],
    form: _Form,
    rows: Ints,
    counts: Ints,
    picked: Ints,
    out: Doubles,
    /,
) -> None: ...

class MappedFile:
    def __init__(self, descriptor: int, /) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def fileno(self) -> int: ...
    def read_all(self, places: Numbers, /) -> list[bytes]: ...
