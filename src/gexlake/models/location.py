"""Where a source or a lake is: a path, or a place in a bucket of an object store."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from gexlake.errors import UsageError

SCHEMES = {"s3": "Amazon S3 and what speaks its language", "gs": "Google Cloud Storage", "az": "Azure Blob Storage"}
"""Of URLs, and what answers them."""
_URL = re.compile(rf"({'|'.join(SCHEMES)})://(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ObjectUrl:
    """`scheme://bucket/key`: an object, or all whose keys begin with `key/`; an empty key is the whole bucket.

    The key stands as it is, without percent-encoding.
    """

    scheme: str
    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}" if self.key else f"{self.scheme}://{self.bucket}"

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.parts[-1]

    @property
    def parts(self) -> tuple[str, ...]:
        """The bucket with its scheme, and the parts of the key."""
        bucket = f"{self.scheme}://{self.bucket}"
        return (bucket, *self.key.split("/")) if self.key else (bucket,)

    @classmethod
    def parse(cls, text: str) -> ObjectUrl | None:
        """What `str` wrote; None for a text that is no URL of a bucket."""
        found = _URL.match(text)
        if found is None:
            return None
        bucket, _, key = found[2].partition("/")
        return cls(found[1], bucket, key)

    def at(self, key: str) -> ObjectUrl:
        """Another key of the same bucket."""
        return ObjectUrl(self.scheme, self.bucket, key)


Location = Path | ObjectUrl


def is_url(text: str) -> bool:
    """Whether a location, as lineage writes it, is in a bucket."""
    return ObjectUrl.parse(text) is not None


def location_of(text: str | Location) -> Location:
    """The location that somebody named. Raises `UsageError` for a URL without bucket, or with more than a key."""
    if not isinstance(text, str):
        return text
    url = ObjectUrl.parse(text)
    if url is None:
        return Path(text)
    if not url.bucket:
        raise UsageError(f"{text} names no bucket.", hint=f"Write it as {url.scheme}://bucket/folder.")
    if set("@:") & set(url.bucket) or "?" in str(url):  # not repeated: there may be a password or a signature in it
        raise UsageError(
            f"The {url.scheme}:// URL holds more than a bucket and a key.",
            hint="Credentials are read from the environment, see docs/beyond-one-machine.md.",
        )
    return url.at(url.key.strip("/"))


def location_text(location: Location) -> str:
    r"""A location as text, as it stands in lineage and reports: a URL, or an absolute path.

    Bytes of a path that are not UTF-8 stand as \xNN.
    """
    if isinstance(location, ObjectUrl):
        return str(location)
    return os.fsencode(location.absolute()).decode("utf-8", "backslashreplace")
