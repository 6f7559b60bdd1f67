"""`/lake/calls/{name}`: for processes of this machine, and sane also where one of them sends nonsense."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gexlake.api.app import create_app
from gexlake.services.owner.served import CALL_PATH, _calls
from gexlake.settings import Settings
from helpers.service import LOCAL, assert_error


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    lake = tmp_path_factory.mktemp("calls") / "data"
    lake.mkdir()
    app = create_app(Settings(lake=lake, rate_limit="", access_log=False))
    with TestClient(app, base_url=LOCAL) as client:
        token = app.state.service.running.address.token
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 1


MALFORMED = {
    "nothing": b"",
    "a list": b"[]",
    "a number": b"5",
    "null": b"null",
    "text": b'"lake"',
    "no arguments": b"{}",
    "not JSON": b"{",
    "not UTF-8": b"\xff\xfe",
    "NUL": b"\0",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "an argument that there is not": b'{"nonsense": 1}',
    "the lake": b'{"lake": "/etc"}',
    "a huge integer": b'{"limit": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("name", ["commit_staged", "run_query", "nonsense", "%0d%0aX: 1"])
def test_a_malformed_call_is_400_in_the_shape_of_all_errors(
    client: TestClient, caplog: pytest.LogCaptureFixture, name: str, body: bytes
) -> None:
    assert_error(client.post(CALL_PATH + name, content=body), 400, "call_invalid")
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


WRONG: list[Any] = [None, 5, "x", [], {}, [[]], {"a": {}}, -1e308, True, nested(150)]


@pytest.mark.parametrize("name", sorted(_calls))
def test_an_argument_of_another_kind_is_no_fault_of_the_service(
    client: TestClient, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Refused, or, where it fits after all, answered."""
    if name.startswith(("commit", "register", "rebuild")):
        values = [value for value in WRONG if not isinstance(value, dict)]
    else:
        values = WRONG
    for parameter in _calls[name].parameters:
        for value in values:
            response = client.post(CALL_PATH + name, content=json.dumps({parameter: value}))
            assert response.status_code in (200, 400, 409), (parameter, value, response.text)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_call_that_fits_is_answered(client: TestClient, tmp_path: Path) -> None:
    response = client.post(CALL_PATH + "list_lineage", content=json.dumps({"limit": 1}))
    assert response.status_code == 200


def test_the_token_is_asked_for_before_the_body(client: TestClient) -> None:
    for token in ("", "Bearer ", "Bearer x", "Bearer \xe9"):
        headers = {"Authorization": token.encode("latin-1")}
        assert_error(client.post(CALL_PATH + "run_query", content=b"[", headers=headers), 401, "token_invalid")
