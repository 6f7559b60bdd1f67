"""Functions over a lake that answer through the server that holds it, or by themselves where none runs.

DuckDB lets nobody else open a database that one process writes. So a function that needs the database is marked
`@served`: called in any process, it looks for the server's address in the lake and has the server call the very same
function there. Arguments and result travel as JSON, frames as Arrow.
"""

from __future__ import annotations

import fcntl
import inspect
import io
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar, cast

from gexlake import errors
from gexlake.aside import call_aside
from gexlake.db.faults import LOCK_WAIT_SECONDS, POLL_SECONDS, is_stopped_process
from gexlake.db.layout import LakeLayout
from gexlake.errors import GexlakeError, LakeError, LakeLockedError

if TYPE_CHECKING:
    import httpx
    from pydantic import TypeAdapter

P = ParamSpec("P")
R = TypeVar("R")

CALL_PATH = "/lake/calls/"
ARROW = "application/vnd.apache.arrow.stream"
JSON = "application/json"
CONNECT_SECONDS = 5.0
STOPPED_SECONDS = LOCK_WAIT_SECONDS / 2
"""How often to look whether a server that does not answer is stopped; seen so twice, it is not waited for."""


class ServerAddress(NamedTuple):
    """Where the server of a lake listens; the token admits whoever may read the lake's own files."""

    url: str
    token: str
    pid: int
    directory: str
    """The lake's directory, as the server has it: a copy made of links would have the address as well."""
    inode: int


class CallError(GexlakeError):
    """What another process asked for cannot be called so."""


class _GoneError(LakeLockedError):
    """The server ended before it answered, or does not take calls any more."""


# ---- the address in the lake ---------------------------------------------------------------------------------------


@contextmanager
def announced_server(layout: LakeLayout, url: str) -> Iterator[ServerAddress]:
    """Say in the lake that this process serves it at `url`, for as long as the block lasts and the process lives."""
    directory = layout.root.resolve()
    address = ServerAddress(url, secrets.token_urlsafe(32), os.getpid(), str(directory), directory.stat().st_ino)
    temporary = layout.server_file.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # the system drops it when this process dies, however it dies
        os.write(descriptor, json.dumps(address._asdict()).encode())
        temporary.replace(layout.server_file)
        yield address
        layout.server_file.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def find_server(lake: Path) -> ServerAddress | None:
    """The server that holds the lake; None where none runs, or where it is this process."""
    try:
        descriptor = os.open(LakeLayout(lake).server_file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with suppress(ValueError, TypeError):
            address = ServerAddress(**json.loads(os.read(descriptor, 1 << 16)))
            return address if address.pid != os.getpid() and _is_of(address, lake) else None
    finally:
        os.close(descriptor)
    return None


def _is_of(address: ServerAddress, lake: Path) -> bool:
    """Whether it is the address of this lake: by its path, or by its directory where that is mounted elsewhere."""
    directory = lake.resolve()
    return str(directory) == address.directory or directory.stat().st_ino == address.inode


# ---- calling -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Call:
    """A function that can be called through a server; its first parameter is `lake`."""

    function: Callable[..., Any]

    @cached_property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self.function)

    @cached_property
    def parameters(self) -> dict[str, TypeAdapter[Any]]:
        return {
            name: self._adapter(parameter.annotation)
            for name, parameter in self.signature.parameters.items()
            if name != "lake"
        }

    @cached_property
    def result(self) -> TypeAdapter[Any] | None:
        """How the result travels; None for a frame, which travels as Arrow."""
        annotation = self.signature.return_annotation
        return None if annotation == "pl.DataFrame" else self._adapter(annotation)

    def _adapter(self, annotation: str) -> TypeAdapter[Any]:
        from pydantic import TypeAdapter

        return TypeAdapter(eval(annotation, self.function.__globals__))  # our own source text


_calls: dict[str, _Call] = {}
"""By name, every function that a server can be asked to call."""


def served(function: Callable[P, R]) -> Callable[P, R]:
    """Have a function of a lake answer through the server that holds the lake, where one runs.

    Its parameters and result must have a form in JSON that Pydantic knows, or be a Polars frame. What it raises of
    `GexlakeError` is raised here as well.
    """
    call = _calls[function.__name__] = _Call(function)

    @wraps(function)
    def anywhere(*args: P.args, **kwargs: P.kwargs) -> R:
        arguments = call.signature.bind(*args, **kwargs).arguments
        lake = Path(arguments.pop("lake"))
        deadline = time.monotonic() + LOCK_WAIT_SECONDS
        while True:
            address = find_server(lake)
            try:
                if address is not None:
                    return cast(R, _ask(address, call, lake, arguments))
                return function(*args, **kwargs)
            except (_GoneError, LakeLockedError) as error:  # it ended just now, or began
                changed = isinstance(error, _GoneError) or (address is None and find_server(lake) is not None)
                if not changed or time.monotonic() > deadline:
                    raise
            time.sleep(POLL_SECONDS)

    return anywhere


def answer(name: str, lake: Path, body: bytes) -> tuple[str, bytes]:
    """Call a served function in the process that holds the lake; content type and text of its result.

    Raises `CallError` for a name that is none and for arguments that do not fit, and what the function raises.
    """
    call = _calls.get(name)
    if call is None:
        raise CallError(f"There is no call {name[:64]!r}.")
    result = call.function(lake, **_arguments(call, body))
    if call.result is None:
        buffer = io.BytesIO()
        result.write_ipc_stream(buffer)
        return ARROW, buffer.getvalue()
    return JSON, call.result.dump_json(result)


def _arguments(call: _Call, body: bytes) -> dict[str, Any]:
    """The arguments that a body holds as JSON; all that are needed, and none that there is not."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CallError(f"The arguments are not valid JSON: {type(error).__name__}.") from error
    if not isinstance(given, dict):
        raise CallError("The arguments have to be a JSON object.")
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name not in call.parameters:
            raise CallError(f"It has no argument {name[:64]!r}.")
        try:
            found[name] = call.parameters[name].validate_python(value, strict=False)
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
            raise CallError(f"The argument {name!r} does not fit: {type(error).__name__}.") from error
    try:
        call.signature.bind(None, **found)
    except TypeError as error:
        raise CallError(f"Arguments: {error}.") from error
    return found


def _ask(address: ServerAddress, call: _Call, lake: Path, arguments: dict[str, Any]) -> object:
    import httpx

    body = {name: call.parameters[name].dump_python(value, mode="json") for name, value in arguments.items()}
    post = partial(
        httpx.post,
        f"{address.url}{CALL_PATH}{call.function.__name__}",
        json=body,
        headers={"Authorization": f"Bearer {address.token}"},
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        trust_env=False,
    )
    try:
        response = _while_it_runs(post, address, lake)
    except httpx.TransportError as error:
        raise _GoneError(
            f"The server of the lake {lake} (process {address.pid}) does not answer at {address.url}.",
            hint="See what it is at, or end it and run the same command again.",
        ) from error
    return _result(response, call, lake)


def _while_it_runs(post: Callable[[], httpx.Response], address: ServerAddress, lake: Path) -> httpx.Response:
    """The answer, which may take its time; `LakeLockedError` once the server has been seen stopped for a while.

    What it was asked for it may still do when it goes on: a commit is whole whenever it comes, and none comes twice.
    """
    answer = call_aside(post)
    was_stopped = False
    while True:
        try:
            return answer.result(timeout=STOPPED_SECONDS)
        except FutureTimeoutError:
            is_stopped = is_stopped_process(address.pid)
            if is_stopped and was_stopped:
                raise LakeLockedError(
                    f"The server of the lake {lake} (process {address.pid}) is stopped.",
                    hint=f"Let it go on with `kill -CONT {address.pid}`, or end it, and run the same command again; "
                    "what an import has staged is kept and committed then.",
                ) from None
            was_stopped = is_stopped


def _result(response: httpx.Response, call: _Call, lake: Path) -> object:
    if response.is_success and call.result is None:
        import polars as pl

        return pl.read_ipc_stream(response.content)
    if response.is_success:
        assert call.result is not None
        result = call.result.validate_json(response.content)
        if hasattr(result, "lake"):
            result.lake = str(lake)  # as the caller called it
        return result
    try:
        document = response.json()
        kind = getattr(errors, document["fault"])
        fault: GexlakeError = kind(document["message"], hint=document["hint"])
    except (ValueError, KeyError, TypeError, AttributeError):
        fault = LakeError(
            f"The server of the lake answered with {response.status_code}.", hint="Its log says more; restart it."
        )
    raise fault
