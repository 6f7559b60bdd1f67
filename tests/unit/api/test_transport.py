"""Buffers of an answer on their way to the socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexlake.api.protocol import _head
from gexlake.api.transport import SENDFILE_BYTES, coalesced

SIZES = st.sampled_from([0, 1, 100, SENDFILE_BYTES - 1, SENDFILE_BYTES, SENDFILE_BYTES + 1])


@given(st.lists(SIZES, max_size=12))
def test_small_neighbours_are_coalesced_and_large_buffers_stay_what_they_are(sizes: list[int]) -> None:
    buffers = [memoryview(bytes([number]) * size) for number, size in enumerate(sizes)]
    found = coalesced(buffers)
    assert b"".join(found) == b"".join(buffers)
    large = [buffer for buffer in buffers if len(buffer) >= SENDFILE_BYTES]
    assert all(any(buffer is one for one in found) for buffer in large)
    assert len(found) <= 2 * len(large) + 1


@pytest.mark.parametrize("header", [(b"link", b"</gex?x\r\nx-injected: 1>"), (b"x\n", b"1")])
def test_a_header_with_a_line_break_is_never_sent(header: tuple[bytes, bytes]) -> None:
    assert _head([(b"a", b"1"), (b"b", b"2")]) == b"HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\n\r\n"
    with pytest.raises(ValueError, match="line break"):
        _head([(b"a", b"1"), header])
