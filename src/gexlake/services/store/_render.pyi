import numpy as np
from numpy.typing import NDArray

from gexlake.models.gex_block import Doubles, Ints

def render(
    ticker: bytes,
    ints: Ints,
    numbers: Doubles,
    ladder: Doubles | None,
    tails: bytes,
    tail_ends: Ints,
    first: int,
    stop: int,
    offsets: NDArray[np.uint64],
    /,
) -> bytes: ...
