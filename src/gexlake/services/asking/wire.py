"""What `RemoteLake` says to a service, and how it takes the answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from gexlake import errors
from gexlake.errors import GexlakeError, LakeError, LakeLockedError, NoSnapshotError, QueryError, UsageError
from gexlake.services.asking.notes import ChangedNoteError, TooManyNotesError, UnknownNoteError

if TYPE_CHECKING:
    import httpx
    import polars as pl

ARROW = "application/vnd.apache.arrow.stream"
CONNECT_SECONDS = 5.0
READ_SECONDS = 120.0

Document = TypeVar("Document", bound=BaseModel)


class Wire:
    """Connections to a service, kept between requests. What it answers as an error is raised as what it stands for."""

    def __init__(self, url: str, api_key: str | None) -> None:
        import httpx

        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
        self._url = url
        self._client = httpx.Client(base_url=url, headers=headers, timeout=timeout)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def follow(self, path: str) -> Any:
        """The documents of a stream of server-sent events."""
        import json

        import httpx

        try:
            with self._client.stream("GET", path, timeout=httpx.Timeout(None, connect=CONNECT_SECONDS)) as response:
                _check(response)
                for line in response.iter_lines():
                    if line.startswith("data:"):
                        yield json.loads(line.removeprefix("data:"))
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def frame(self, path: str, parameters: Mapping[str, object]) -> pl.DataFrame:
        """A table."""
        return read_frame(self.ask("GET", path, parameters=parameters, accept=ARROW))

    def iter_pages(self, path: str, parameters: Mapping[str, object]) -> Iterator[pl.DataFrame]:
        """A table page by page, of which there is at least one."""
        cursor = None
        while True:
            response = self.ask("GET", path, parameters={**parameters, "cursor": cursor}, accept=ARROW)
            yield read_frame(response)
            cursor = response.headers.get("x-next-cursor")
            if cursor is None:
                return

    def document(self, path: str, parameters: Mapping[str, object], kind: type[Document]) -> Document:
        """A document of a kind."""
        return kind.model_validate_json(self.ask("GET", path, parameters=parameters).content)

    def ask(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, object] | None = None,
        json: object = None,
        accept: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer to one request; parameters that are None or empty are left out."""
        import httpx

        query = {name: _text(value) for name, value in (parameters or {}).items() if value not in (None, (), [])}
        try:
            response = self._client.request(
                method, path, params=query, json=json, headers={"Accept": accept, **(headers or {})}
            )
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        _check(response)
        return response

    def _unreachable(self, error: Exception) -> LakeLockedError:
        return LakeLockedError(
            f"The service at {self._url} does not answer: {error}.", hint="Is `gexlake serve` running there?"
        )


def _text(value: object) -> str | list[str]:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    return [str(one) for one in value] if isinstance(value, Sequence) else str(value)


def read_frame(response: httpx.Response) -> pl.DataFrame:
    """The frame that is in an answer."""
    import polars as pl

    return pl.read_ipc_stream(response.content, use_pyarrow=False)


_KINDS: dict[str, type[GexlakeError]] = {
    "query_invalid": QueryError,
    "feed_unknown": UsageError,
    "no_snapshot": NoSnapshotError,
    "snapshot_too_old": NoSnapshotError,
    "note_unknown": UnknownNoteError,
    "note_changed": ChangedNoteError,
    "notes_full": TooManyNotesError,
    "usage_invalid": UsageError,
    "parameters_invalid": UsageError,
    "source_path_invalid": errors.SourceError,
    "storage_failed": errors.StorageError,
    "lake_locked": LakeLockedError,
    "lake_version": errors.LakeVersionError,
}
"""Code of an error -> what is raised here; `LakeError` for any other."""


def _check(response: httpx.Response) -> None:
    """Raise what an error of the service stands for."""
    if response.is_success:
        return
    response.read()
    try:
        document = response.json()
        kind, message = _KINDS.get(document["error"], LakeError), document["message"]
        details = " ".join(f"{one['parameter']}: {one['message']}" for one in document["details"])
    except (ValueError, KeyError, TypeError):
        kind, message, details = LakeError, f"It answered with {response.status_code}.", ""
    raise kind(message, hint=details)
