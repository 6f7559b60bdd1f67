"""One answer in the form that the caller wants: JSON, JSON Lines, CSV, an Arrow IPC stream or Parquet.

The parameter `format` decides, else the header `Accept`, else it is JSON. Rows of any number go out in batches.
"""

from __future__ import annotations

import gzip
import io
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson
import xxhash
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gexlake._version import __version__
from gexlake.api.errors import ApiError, ErrorDetail
from gexlake.api.params import Format
from gexlake.services.owner.frames import csv_text

if TYPE_CHECKING:
    import polars as pl

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv; charset=utf-8"
ARROW, PARQUET = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"
MEDIA_TYPES: dict[Format, str] = {"json": JSON, "ndjson": NDJSON, "csv": CSV, "arrow": ARROW, "parquet": PARQUET}
FORMATS_OF: dict[str, Format] = {media_type.partition(";")[0]: form for form, media_type in MEDIA_TYPES.items()}
TABLE_FORMATS: tuple[Format, ...] = ("json", "ndjson", "csv", "arrow", "parquet")
ANY = frozenset({"*/*", "application/*"})

GZIP_BYTES = 4096
"""Less than this is sent sooner than it is packed."""
GZIP_MOST_BYTES = 256 << 10
"""Packing more would keep other requests waiting: 10 ms for each 400 kB."""
READ_BYTES = 1 << 18
JOINED_BYTES = 1 << 20
"""An answer of at most so many bytes is one piece: a copy takes less time than a message more."""
Buffer = bytes | memoryview
VARY = "Accept, Accept-Encoding"
_JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_SERIALIZE_NUMPY
_SCHEMA_PREFIX = 8
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def content(*formats: Format) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers in these forms."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    kinds: dict[str, Any] = {
        "json": {},
        "ndjson": {"schema": {"type": "string"}},
        "csv": {"schema": {"type": "string"}},
    }
    return {200: {"content": {MEDIA_TYPES[form].partition(";")[0]: kinds.get(form, binary) for form in formats}}}


def choose_format(request: Request, form: Format | None, offered: Iterable[Format]) -> Format:
    """The form to answer in. Raises `ApiError` 406 where the caller accepts none of those that are offered."""
    offered = tuple(offered)
    if form is not None:
        if form in offered:
            return form
        detail = ErrorDetail(parameter="format", value=form, message=f"It can be {', '.join(offered)} here.")
        raise ApiError(406, "format_not_offered", f"{form} is not offered here.", details=[detail])
    accept = request.headers.get("accept", "*/*")
    if accept == "*/*":
        return offered[0]
    for name in _by_preference(accept):
        if name in ANY or name == "":
            return offered[0]
        if FORMATS_OF.get(name) in offered:
            return FORMATS_OF[name]
        if name == "text/*" and "csv" in offered:
            return "csv"
    raise ApiError(
        406, "format_not_offered", f"Accept names none of {', '.join(MEDIA_TYPES[form] for form in offered)}."
    )


def _by_preference(accept: str) -> list[str]:
    found = []
    for part in accept.split(","):
        name, _, parameters = part.partition(";")
        weight = parameters.partition("q=")[2].partition(";")[0].strip()
        try:
            found.append((-float(weight or 1), name.strip().lower()))
        except ValueError:
            found.append((-1.0, name.strip().lower()))
    return [name for weight, name in sorted(found, key=lambda pair: pair[0]) if weight]


# ---- JSON ----------------------------------------------------------------------------------------------------------


def json_bytes(document: object) -> bytes:
    """A document as JSON; NaN and infinity, which it cannot express, stand as null."""
    return orjson.dumps(document, default=_plain, option=_JSON_OPTIONS)


def _plain(value: object) -> int | float | str:
    """What orjson has no form for; sums of DuckDB are decimals, and numbers in JSON."""
    if isinstance(value, Decimal):
        whole = int(value) if value == value.to_integral_value() else None
        return float(value) if whole is None or whole.bit_length() > 63 else whole
    return str(value)


def buffers_response(buffers: Sequence[Buffer], media_type: str, headers: Mapping[str, str]) -> Response:
    """A body in buffers that lie apart in memory; a large one is sent without a copy of it."""
    size = sum(map(len, buffers))
    if size <= JOINED_BYTES:
        return Response(b"".join(buffers), media_type=media_type, headers=headers)

    async def parts() -> AsyncIterator[Buffer]:
        for buffer in buffers:
            yield buffer

    return StreamingResponse(parts(), media_type=media_type, headers={**headers, "Content-Length": str(size)})


def tagged_response(
    request: Request,
    buffers: Sequence[Buffer],
    media_type: str = JSON,
    *,
    headers: Mapping[str, str] | None = None,
    origin: object = None,
) -> Response:
    """An answer with an ETag, or 304 where the caller has it already; packed where it pays.

    The tag is that of `origin`, from which the content follows, where one is given, else of the content. Packed bytes
    are others than plain ones, and have a tag of their own.
    """
    digest = xxhash.xxh3_128()
    for buffer in buffers if origin is None else [repr((__version__, media_type, origin)).encode()]:
        digest.update(buffer)
    packs = _packs(request, sum(map(len, buffers)))
    tag = f'"{digest.hexdigest()}{"-gzip" if packs else ""}"'
    fields = {"Cache-Control": "no-cache", **(headers or {}), "ETag": tag}
    if is_known(request, tag):
        return Response(status_code=304, headers={**fields, "Vary": VARY})
    if packs:
        return packed_response(request, b"".join(buffers), media_type, headers=fields)
    return buffers_response(buffers, media_type, {**fields, "Vary": VARY})


def _packs(request: Request, size: int) -> bool:
    return GZIP_BYTES <= size <= GZIP_MOST_BYTES and "gzip" in request.headers.get("accept-encoding", "")


_TAG = re.compile(r'(?:W/)?("[^"]*")')


def is_known(request: Request, tag: str) -> bool:
    """Whether the caller has the answer of this tag already: If-None-Match names it, in a list perhaps, or all."""
    if "if-none-match" not in request.headers:
        return False
    known = ",".join(request.headers.getlist("if-none-match"))
    return known.strip() == "*" or tag in _TAG.findall(known)


def json_response(request: Request, body: bytes, *, headers: Mapping[str, str] | None = None) -> Response:
    """JSON, packed with gzip where the caller takes that and it pays."""
    return packed_response(request, body, JSON, headers=headers)


def packed_response(
    request: Request, body: bytes, media_type: str, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Text, packed with gzip where the caller takes that and it pays."""
    fields = {**(headers or {}), "Vary": VARY}
    if _packs(request, len(body)):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        fields["Content-Encoding"] = "gzip"
    return Response(body, media_type=media_type, headers=fields)


# ---- frames --------------------------------------------------------------------------------------------------------


def frame_response(
    request: Request,
    frame: pl.DataFrame,
    form: Format,
    envelope: Callable[[pl.DataFrame], object],
    *,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A frame that is in memory; `envelope` makes the JSON document around its rows."""
    if form == "json":
        return json_response(request, json_bytes(envelope(frame)), headers=headers)
    body = b"".join(iter_encoded([frame], form))
    if form in ("csv", "ndjson"):
        return packed_response(request, body, MEDIA_TYPES[form], headers=headers)
    return Response(body, media_type=MEDIA_TYPES[form], headers={**(headers or {}), "Vary": "Accept"})


def stream_response(
    frames: Iterable[pl.DataFrame], form: Format, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Frames of one schema, one after the other, none of them held longer than it takes to send it.

    Starlette takes each batch in a thread, so making one keeps no other request waiting. The first is made before the
    answer begins: what fails then is still an error of its own, not an answer that breaks off.
    """
    batches = iter_encoded(frames, form)
    return StreamingResponse(
        chain([next(batches)], batches), media_type=MEDIA_TYPES[form], headers={**(headers or {}), "Vary": "Accept"}
    )


def rows_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows as JSON has them: instants in ISO 8601, bytes as hexadecimal text."""
    import polars as pl

    return frame.with_columns(pl.selectors.binary().bin.encode("hex")).to_dicts()


def iter_encoded(frames: Iterable[pl.DataFrame], form: Format) -> Iterator[bytes]:
    """The bytes of frames of one schema, of which there is at least one."""
    if form == "arrow":
        return _iter_arrow(frames)
    if form == "parquet":
        return _iter_parquet(frames)
    if form == "csv":
        return _iter_csv(frames)
    return (b"".join(json_bytes(row) + b"\n" for row in rows_of(frame)) for frame in frames)


def _iter_arrow(frames: Iterable[pl.DataFrame]) -> Iterator[bytes]:
    """One IPC stream out of several: the schema of the first, the batches of all, the end of the last.

    An encapsulated message is 0xFFFFFFFF, the length of its metadata, metadata and body; that of the schema has no
    body (Arrow columnar format, "Encapsulated message format"). No column here is encoded by a dictionary.
    """
    for number, frame in enumerate(frames):
        buffer = io.BytesIO()
        frame.write_ipc_stream(buffer)
        stream = buffer.getvalue().removesuffix(_END_OF_STREAM)
        start = 0 if number == 0 else _SCHEMA_PREFIX + int.from_bytes(stream[4:_SCHEMA_PREFIX], "little")
        yield stream[start:]
    yield _END_OF_STREAM


def _iter_parquet(frames: Iterable[pl.DataFrame]) -> Iterator[bytes]:
    """A Parquet file, made on disk first: its footer comes last and knows of all row groups."""
    from polars.io.plugins import register_io_source

    iterator = iter(frames)
    first = next(iterator)

    def source(*_: object) -> Iterator[pl.DataFrame]:
        yield first
        yield from iterator

    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        register_io_source(source, schema=first.schema).sink_parquet(file.name)
        while chunk := file.read(READ_BYTES):
            yield chunk


def _iter_csv(frames: Iterable[pl.DataFrame]) -> Iterator[bytes]:
    """CSV with a header; lists and structs as JSON text, because CSV has no form for them."""
    import polars as pl

    for number, frame in enumerate(frames):
        nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
        flat = frame.with_columns(
            *(pl.Series(name, [_json_or_none(value) for value in frame[name].to_list()], pl.String) for name in nested),
            pl.selectors.binary().bin.encode("hex"),
        )
        yield csv_text(flat, header=number == 0).encode()


def _json_or_none(value: object) -> str | None:
    return None if value is None else json_bytes(value).decode()
