import numpy as np
from numpy.typing import NDArray

from gexlake.models.block import Doubles, Ints

def render(
    layout: bytes,
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
