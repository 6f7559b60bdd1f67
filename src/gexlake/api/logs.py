"""The log of the service: on stderr, as lines of text or one JSON object per line, uvicorn's included."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from textwrap import indent
from typing import Any

import orjson

from gexlake.models.text import plain, plain_json, plain_lines

current_request_id: ContextVar[str | None] = ContextVar("current_request_id", default=None)
"""Of the request that is being answered; every record made meanwhile carries it."""

ACCESS_LOGGER = "gexlake.access"
FIELDS = "fields"
"""The attribute of a record that holds its structured part: `logger.info(…, extra={FIELDS: {…}})`."""


class TextFormatter(logging.Formatter):
    """`2025-11-14T15:00:00.123Z INFO gexlake.access: GET /health status=200 …`

    What comes from outside can neither begin a line of its own nor command a terminal. A traceback follows, each of its
    lines behind `  | `.
    """

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items() if value is not None)
        # What comes from outside must not be able to begin a line of its own, or act on the terminal that shows it.
        line = plain(f"{_instant(record)} {record.levelname} {record.name}: {record.getMessage()}{fields}")
        if record.exc_info:
            traceback = plain_lines(self.formatException(record.exc_info))
            line = f"{line}\n{indent(traceback, '  | ', lambda _: True)}"
        return line


class JsonFormatter(logging.Formatter):
    """One object per line: time, level, logger, message, the record's own fields, and a traceback as `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, Any] = {
            "time": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        try:
            text = orjson.dumps(document, default=str).decode()
        except TypeError:  # a lone surrogate in a text, or an integer beyond 64 bits
            import json

            text = json.dumps(document, default=str)
        return plain_json(text)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, FIELDS, None) or {}
    request_id = current_request_id.get()
    return fields if request_id is None or "request_id" in fields else {**fields, "request_id": request_id}


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


FORMATTERS: dict[str, type[logging.Formatter]] = {"text": TextFormatter, "json": JsonFormatter}
"""Value of the setting `log_format` -> what writes a record."""


class AccessLog:
    """The lines about requests, of the same form as all others, at a quarter of what `logging` takes for one.

    A record with its caller, thread and formatted time costs 20 microseconds, more than all else that is done around a
    request. `log_level` above info turns them off.
    """

    def __init__(self, log_format: str, log_level: str) -> None:
        self.enabled = log_level in ("debug", "info")
        self._line: Callable[[str, dict[str, Any]], str] = ACCESS_LINES[log_format]
        self._second = 0
        self._second_text = ""

    def write(self, fields: dict[str, Any]) -> None:
        """Write one line."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second_text = datetime.fromtimestamp(second, UTC).isoformat().removesuffix("+00:00")
            self._second = second
        instant = f"{self._second_text}.{int((now - second) * 1000):03d}Z"
        try:
            sys.stderr.write(self._line(instant, fields))
        except (OSError, ValueError):
            return  # a log that cannot be written stops no service


def _access_text(instant: str, fields: dict[str, Any]) -> str:
    shown = " ".join([f"{name}={value}" for name, value in fields.items() if value is not None])
    return f"{instant} INFO {ACCESS_LOGGER}: request {shown}\n"


def _access_json(instant: str, fields: dict[str, Any]) -> str:
    head = {"time": instant, "level": "info", "logger": ACCESS_LOGGER, "message": "request"}
    return orjson.dumps(head | fields, option=orjson.OPT_APPEND_NEWLINE).decode()


ACCESS_LINES = {"text": _access_text, "json": _access_json}
"""Value of the setting `log_format` -> what writes a line about a request."""


def _says_more_than_we(record: logging.LogRecord) -> bool:
    """uvicorn complains of every answer that breaks off; the middleware says which of them is a fault, and of what."""
    return not (record.name == "uvicorn.error" and "without completing response" in str(record.msg))


def configure_logging(log_format: str, log_level: str) -> None:
    """Send the log of this process to stderr in one form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMATTERS[log_format]())
    handler.addFilter(_says_more_than_we)
    logging.basicConfig(handlers=[handler], level=log_level.upper(), force=True)
