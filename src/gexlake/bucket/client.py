"""The store that answers a URL, and what it and the network say is wrong, in our words.

Endpoint and credentials are read from the environment, by the names that the clouds' own programs use. Nothing that a
store says is repeated but its status and code: requests, which errors show whole, may hold signatures.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from gexlake.errors import StoreError, UsageError
from gexlake.models.location import ObjectUrl

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

CONNECT_SECONDS = 5
SILENCE_SECONDS = 30
"""So long may nothing come of what was asked for."""
PATIENCE_SECONDS = 60
"""So long is it asked again when the store is away or overloaded."""
QUICK_RETRIES = 2
"""For what is asked first: somebody may have mistyped an address, and waits."""

MISSING = "it is not there"
_HINTS = {
    "s3": "Look at AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.",
    "gs": "Look at GOOGLE_APPLICATION_CREDENTIALS in the environment.",
    "az": "Look at AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY in the environment.",
}
_VARIABLES = ("AWS_", "AZURE_", "GOOGLE_")
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_REASONS = (
    (re.compile(r"ConnectionRefused"), "the connection is refused"),
    (re.compile(r"dns error|failed to lookup"), "there is no host of that name"),
    (re.compile(r"169\.254\.169\.254|metadata|credential", re.IGNORECASE), "there are no credentials"),
    (re.compile(r"TimedOut|Timeout|timed out|Elapsed"), "it does not answer in time"),
    (re.compile(r"certificate", re.IGNORECASE), "its certificate is not trusted"),
)


class ObjectError(Exception):
    """One object cannot be had; the text says why, without its name."""


class MissingObjectError(ObjectError):
    """There is none of that name."""


class DeniedObjectError(ObjectError):
    """The credentials do not suffice for it."""


class ChangedObjectError(ObjectError):
    """It is not in the version that was asked for, or there although nothing was to be."""


def open_store(url: ObjectUrl, *, quick: bool = False) -> ObjectStore:
    """The store of a bucket; with `quick` it gives up soon. Raises `UsageError` where obstore is not installed."""
    said = {name: value for name, value in os.environ.items() if name.startswith(_VARIABLES)}
    return _open_store(url.scheme, url.bucket, quick, tuple(said.items()))


@lru_cache(maxsize=8)
def _open_store(scheme: str, bucket: str, quick: bool, said: tuple[tuple[str, str], ...]) -> ObjectStore:
    """One for what the environment says; connections stay open in it."""
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError:
        raise UsageError(
            f"For {scheme}:// gexlake needs the library obstore.", hint="Install it: pip install 'gexlake[s3]'"
        ) from None
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "read_timeout": timedelta(seconds=SILENCE_SECONDS),
        "timeout": timedelta(days=1),  # of a whole download: silence is what counts
        "allow_http": any(value.startswith("http://") for _, value in said),  # who writes that means it
    }
    tries = QUICK_RETRIES if quick else PATIENCE_SECONDS
    retry: RetryConfig = {"retry_timeout": timedelta(seconds=PATIENCE_SECONDS), "max_retries": tries}
    try:
        return from_url(f"{scheme}://{bucket}", client_options=client, retry_config=retry)
    except (BaseError, ValueError) as error:
        raise StoreError(f"{scheme}://{bucket} cannot be opened: {_reason(error)}.", hint=_HINTS[scheme]) from None


@contextmanager
def translated(url: ObjectUrl, verb: str = "read") -> Iterator[None]:
    """Faults of a store as ours: those of one object as `ObjectError`, those of the whole as `StoreError`."""
    from obstore import exceptions

    try:
        yield
    except FileNotFoundError:
        raise MissingObjectError(MISSING) from None
    except (exceptions.PreconditionError, exceptions.AlreadyExistsError):
        raise ChangedObjectError("it has changed") from None
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise DeniedObjectError(_denied(error)) from None
    except (exceptions.BaseError, ValueError) as error:
        status = _STATUS.search(str(error))
        if status and status[1] in ("401", "403"):
            raise DeniedObjectError(_denied(error)) from None
        if status and status[1] == "404":
            raise MissingObjectError("there is no such bucket" if "NoSuchBucket" in str(error) else MISSING) from None
        raise unreachable(url, error, verb) from None


def unreachable(url: ObjectUrl, error: Exception, verb: str = "read") -> StoreError:
    """A store that does not do what it is asked for."""
    return StoreError(f"{url.at('')} cannot be {verb}: {_reason(error)}.", hint=_HINTS[url.scheme])


def _denied(error: Exception) -> str:
    return _coded("access is denied", error)


def _coded(words: str, error: Exception) -> str:
    code = _CODE.search(str(error))
    return f"{words} ({code[1]})" if code else words


def _reason(error: Exception) -> str:
    text = str(error)
    if status := _STATUS.search(text):
        return _coded(f"it answers with status {status[1]}", error)
    return next((words for pattern, words in _REASONS if pattern.search(text)), "the request failed")
