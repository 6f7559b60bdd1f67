from typing import Final

from gexlake.models.block import Doubles, Ints

STOP_END: Final[int]
STOP_INCOMPLETE: Final[int]
STOP_IRREGULAR: Final[int]
STOP_FULL: Final[int]

def decode(
    text: bytes | bytearray,
    start: int,
    stop: int,
    ticker: bytes,
    ticker_optional: bool,
    min_us: int,
    max_us: int,
    ints: Ints,
    numbers: Doubles,
    ladder: Doubles,
    extras: Ints,
    records: int,
    rows: int,
    /,
) -> tuple[int, int, int, int, int]: ...
