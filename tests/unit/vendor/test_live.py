"""What a refusal of the live interface says of how long to wait."""

from __future__ import annotations

import pytest

from gexlake.vendor.live import read_snapshot_answer
from gexlake.vendor.trouble import LimitedError


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("7", 7.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("9" * 400, 999_999_999.0), ("soon", None), ("", None)],
)
def test_a_wait_is_read_as_of_the_history(retry_after: str, seconds: float | None) -> None:
    with pytest.raises(LimitedError) as caught:
        read_snapshot_answer(429, {"retry-after": retry_after}, b"{}", str)
    assert caught.value.wait_seconds == seconds
