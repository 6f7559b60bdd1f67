from typing import Final

from gexlake.models.gex_block import Doubles

MOST_VALUES: Final[int]

def encode_doubles(
    values: Doubles, lag: int, dictionary: Doubles, page: bytearray, /
) -> tuple[int, int, float, float, int]: ...
def most_bytes(count: int, /) -> int: ...
