"""The vendor's key: from the environment or a file that only its owner can read, and shown nowhere.

It is no option of the command line, for everybody on a machine may read those.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from gexlake.errors import UsageError

KEY_VARIABLE = "GEXLAKE_VENDOR_KEY"
PREFIXES = ("gexbot_", "research_")
DEFAULT_PREFIX = "gexbot_custom_"
"""Of a key that was stored without its own."""
MASK = "********"
MAX_KEY_BYTES = 4096

_KEY = re.compile(r"[\x21-\x7e]+")
_SECRETS = re.compile(r"(?i)((?:sig|key|access_token|token|signature)=)[^&\s\"']+|(Bearer|Basic) +\S+")


class VendorKey:
    """A key that its text representations do not show."""

    def __init__(self, text: str) -> None:
        """Raises `UsageError` for a text that cannot be a key; it is not named."""
        self._text = text.strip()
        if not _KEY.fullmatch(self._text):
            raise UsageError(
                "The vendor's key is empty or has characters that no key has.",
                hint="Copy it again; it is one word of letters, digits and signs.",
            )
        if not self._text.startswith(PREFIXES):
            self._text = DEFAULT_PREFIX + self._text

    def __repr__(self) -> str:
        return f"VendorKey({MASK})"

    @property
    def authorization(self) -> str:
        """The value of the header of that name; for the vendor's own host alone."""
        return f"Bearer {self._text}"

    def redact(self, text: str) -> str:
        """The text without the key, or the signature of a URL, or a header that carries either."""
        bare = self._text.removeprefix(DEFAULT_PREFIX)
        for secret in (self._text, bare):
            text = text.replace(secret, MASK)
        return _SECRETS.sub(lambda found: f"{found[1] or found[2] + ' '}{MASK}", text)


def load_key(key_file: Path | None = None, environment: Mapping[str, str] = os.environ) -> VendorKey:
    """The key of the file, where one is named, else of `GEXLAKE_VENDOR_KEY`.

    Raises `UsageError` where there is none, and for a file that others may read.
    """
    if key_file is not None:
        return VendorKey(_read(key_file))
    if text := environment.get(KEY_VARIABLE, ""):
        return VendorKey(text)
    raise UsageError(
        "There is no key of the vendor.",
        hint=f"Set {KEY_VARIABLE}, or name a file of mode 0600 that holds the key: by --key-file, for a service by "
        "the setting vendor_key_file.",
    )


def _read(file: Path) -> str:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as opened:  # what is looked at is what is read
            status = os.fstat(descriptor)
            content = opened.read(MAX_KEY_BYTES)
    except OSError as error:
        raise UsageError(
            f"The key file {file} cannot be read: {error.strerror}.", hint="Name a file that holds the key alone."
        ) from error
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{file} is no file.", hint="Name a file that holds the key alone.")
    mode = stat.S_IMODE(status.st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"Others than its owner may use the key file {file}: its mode is {mode:04o}.",
            hint=f"Run `chmod 600 {file}`, and think of the key as known to those who could read it.",
        )
    return content.decode("ascii", "replace")
