"""What is to go wrong, and how often: switches for tests. Pure.

Every fault has a count, which what happens takes from until it is used up; so a test knows what it will meet.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gexlake.replay.archive import FileForm

Count = Annotated[int, Field(ge=0, le=1_000_000)]


class _Switch(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Refusals(_Switch):
    """The next requests to the vendor's routes are refused: 403 as when it throttles, or another status."""

    count: Count = 1
    status: Annotated[int, Field(ge=400, le=599)] = 403
    path: str = ""
    """Only of paths with this text in them."""
    after: Count = 0
    """So many such requests are answered as ever first."""
    error: str | None = None
    """The text of the error; the vendor's own for this status where there is none."""
    retry_after: float | None = None
    """Seconds, for the header Retry-After."""


class ExpiredUrls(_Switch):
    """The next signed addresses that are given out have expired already."""

    count: Count = 1


class CutDownloads(_Switch):
    """The next downloads of a file, or of a part of one, break off."""

    count: Count = 1
    after_bytes: Annotated[int, Field(ge=0)] = 1000
    """Of the body, that are sent."""


class LateMessages(_Switch):
    """Group messages are held back, and sent behind the next message of their group: out of order."""

    count: Count = 1


class RepeatedMessages(_Switch):
    """Group messages are sent twice, each time under a sequence number of its own."""

    count: Count = 1


class Faults(_Switch):
    """All switches; those that are not named are off."""

    refusals: Refusals | None = None
    expired_urls: ExpiredUrls | None = None
    cut_downloads: CutDownloads | None = None
    late_messages: LateMessages | None = None
    repeated_messages: RepeatedMessages | None = None
    delay_seconds: Annotated[float, Field(ge=0, le=60)] = 0.0
    """Before every answer of the vendor's routes."""
    file_form: FileForm = FileForm.GZIP
    """Of history files."""
    url_seconds: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """How long signed addresses are good for, where not as long as ever."""


class DroppedSockets(_Switch):
    """Which sockets are to be dropped now, and how."""

    code: Annotated[int, Field(ge=1000, le=4999)] | None = None
    """Of the close frame; None to break the connection off without one."""
    hub: str = ""
    """Only of this hub."""


class Refusal(BaseModel):
    """One refusal, to be answered."""

    status: int
    error: str
    retry_after: float | None


ERRORS: dict[int, str] = {
    400: "Bad request.",
    401: "Invalid API key.",
    403: "Forbidden.",
    404: "Not found.",
    429: "Rate limit exceeded.",
}
"""The text of an error without one of its own, by status."""

CountedFault = Literal["expired_urls", "cut_downloads", "late_messages", "repeated_messages"]


class FaultBox:
    """The switches, and what is left of their counts."""

    def __init__(self) -> None:
        self.faults = Faults()

    def set(self, faults: Faults) -> None:
        """These are the switches from now on."""
        self.faults = faults

    def facts(self) -> dict[str, Any]:
        """The switches with what is left of their counts."""
        return self.faults.model_dump(mode="json")

    def refusal(self, path: str) -> Refusal | None:
        """How a request is to be refused; None where it is not."""
        refusals = self.faults.refusals
        if refusals is None or refusals.path not in path or not refusals.count:
            return None
        if refusals.after:
            refusals.after -= 1
            return None
        refusals.count -= 1
        error = refusals.error or ERRORS.get(refusals.status, "Internal server error.")
        return Refusal(status=refusals.status, error=error, retry_after=refusals.retry_after)

    def take(self, name: CountedFault) -> bool:
        """Whether such a thing is to go wrong now; it counts as done."""
        fault = getattr(self.faults, name)
        if fault is None or not fault.count:
            return False
        fault.count -= 1
        return True

    def cut_after_bytes(self) -> int | None:
        """Behind how many bytes the next download is to break off; None where it is not."""
        cut = self.faults.cut_downloads
        return cut.after_bytes if cut is not None and self.take("cut_downloads") else None
