"""Lines of the log: what others named does not act on the terminal that shows them."""

from __future__ import annotations

import json
import logging

import pytest

from gexlake.api.logs import FIELDS, FORMATTERS

HOSTILE = "a\x1b[2J\r\n2025-11-14 INFO forged\u202e\x9b\u2028"


def record_of(message: str) -> logging.LogRecord:
    error = ValueError(HOSTILE)
    record = logging.LogRecord("gexlake", logging.INFO, "", 0, message, (), (ValueError, error, None))
    setattr(record, FIELDS, {"lake": HOSTILE})
    return record


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_in_a_line_acts(form: str) -> None:
    text = FORMATTERS[form]().format(record_of(HOSTILE))
    assert text.replace("\n", "").isprintable()


def test_a_message_and_its_fields_are_one_line() -> None:
    first, *rest = FORMATTERS["text"]().format(record_of(HOSTILE)).split("\n")
    assert first.count(r"a\x1b[2J\r\n2025-11-14 INFO forged\u202e\x9b\u2028") == 2
    assert all(line.startswith("  | ") for line in rest), "a traceback is what is indented"
    assert rest[-1] == r"  | 2025-11-14 INFO forged\u202e\x9b\u2028"


def test_json_says_the_same() -> None:
    document = json.loads(FORMATTERS["json"]().format(record_of(HOSTILE)))
    assert (document["message"], document["lake"]) == (HOSTILE, HOSTILE)
