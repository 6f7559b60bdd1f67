"""What is around every request: id, bounds, headers, limits, log and metrics."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gexlake.api.logs import FIELDS, configure_logging, current_request_id
from gexlake.services.owner.keys import create_key
from helpers.service import LOCAL, Connect, assert_error

# ---- id and headers ------------------------------------------------------------------------------------------------


def test_every_answer_has_an_id_of_its_own(client: TestClient) -> None:
    ids = [client.get("/health").headers["x-request-id"] for _ in range(3)]
    assert len(set(ids)) == 3


def test_a_sane_id_is_taken_over(client: TestClient) -> None:
    assert client.get("/health", headers={"X-Request-ID": "trace-0001.a_b"}).headers["x-request-id"] == "trace-0001.a_b"


@pytest.mark.parametrize("given", ["short", "x" * 129, "with space and more", 'quote"quote', "caf\xe9-caf\xe9", ""])
def test_any_other_is_replaced(client: TestClient, given: str) -> None:
    answered = client.get("/health", headers={"X-Request-ID": given.encode("latin-1")}).headers["x-request-id"]
    assert answered != given
    assert re.fullmatch(r"[0-9a-f]{16}-[0-9a-f]+", answered)


@pytest.mark.parametrize("path", ["/health", "/nothing", "/docs", "/openapi.json", "/probe/fault/ValueError"])
def test_every_answer_has_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert len(headers.get_list("content-security-policy")) == 1


# ---- bounds --------------------------------------------------------------------------------------------------------


def test_a_body_that_is_declared_too_large_is_refused_unread(connect: Connect) -> None:
    client = connect(body_bytes=1024)

    def never() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    response = client.post("/probe/order", content=never(), headers={"Content-Length": "1025"})
    assert_error(response, 413, "body_too_large")
    assert response.headers["connection"] == "close"


def test_a_body_in_chunks_is_refused_when_it_becomes_too_large(connect: Connect) -> None:
    response = connect(body_bytes=1024).post(
        "/probe/order",
        content=iter([b'{"names": ["', *[b"x" * 100] * 20, b'"]}']),
        headers={"Content-Type": "application/json"},
    )
    assert assert_error(response, 413, "body_too_large")["message"] == "The body of a request may have 1024 bytes."


def test_a_body_within_its_bound_is_taken(connect: Connect) -> None:
    text = json.dumps({"names": ["x" * 1000]}).encode()
    headers = {"Content-Type": "application/json"}
    client = connect(body_bytes=1024)
    assert client.post("/probe/order", content=text, headers=headers).status_code == 200
    assert client.post("/probe/order", content=iter([text]), headers=headers).status_code == 200


# ---- limits --------------------------------------------------------------------------------------------------------


def test_more_requests_than_are_allowed_are_refused_and_told_when_to_go_on(connect: Connect) -> None:
    client = connect(rate_limit="2/hour")
    assert [client.get("/probe/read").status_code for _ in range(2)] == [200, 200]
    response = client.get("/probe/read")
    assert assert_error(response, 429, "rate_limited")["message"].startswith("More than 2 requests in 3600 s.")
    assert 0 < int(response.headers["retry-after"]) <= 3600


def test_each_key_has_its_own_count(connect: Connect, lake_dir: Path) -> None:
    client = connect(rate_limit="1/hour")
    keys = [create_key(lake_dir, name=name)[1] for name in ("charts", "bridge")]
    for _ in range(2):
        answers = [client.get("/probe/read", headers={"X-API-Key": key}).status_code for key in keys]
        assert answers in ([200, 200], [429, 429])
    assert client.get("/probe/read").status_code == 401, "without a key it is the address that counts"
    assert client.get("/probe/read").status_code == 429, "which also bounds the guessing of keys"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1"])
def test_this_machine_is_limited_only_once_the_lake_has_keys(connect: Connect, lake_dir: Path, address: str) -> None:
    client = TestClient(connect(rate_limit="1/hour").app, base_url=LOCAL, client=(address, 50000))
    assert [client.get("/probe/read").status_code for _ in range(3)] == [200, 200, 200]
    create_key(lake_dir, name="desk")
    assert [client.get("/probe/read").status_code for _ in range(2)] == [401, 429]


def test_probes_are_never_limited(connect: Connect) -> None:
    client = connect(rate_limit="1/hour")
    for path in ("/health", "/ready"):
        assert [client.get(path).status_code for _ in range(3)] == [200, 200, 200]


def test_no_limit_is_said_at_the_start(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    with connect(rate_limit="") as client:
        assert {client.get("/probe/read").status_code for _ in range(50)} == {200}
    assert "Requests are not limited: the setting rate_limit is empty." in caplog.messages


# ---- log -----------------------------------------------------------------------------------------------------------


def access_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if "gexlake.access" in line]


def test_a_request_is_a_line_of_text(connect: Connect, capsys: pytest.CaptureFixture[str]) -> None:
    connect().get("/probe/limited", params={"limit": 5, "token": "open-sesame"})
    [line] = access_lines(capsys.readouterr().err)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO gexlake\.access: request method=GET route=/probe/limited "
        r"status=200 ms=\d+\.\d+ bytes=1 request_id=[0-9a-f-]+",
        line,
    )


def test_a_request_is_an_object_of_json(connect: Connect, lake_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, text = create_key(lake_dir, name="charts")
    answer = connect(log_format="json").get("/probe/read", headers={"X-API-Key": text})
    [line] = access_lines(capsys.readouterr().err)
    document: dict[str, Any] = json.loads(line)
    assert document.pop("ms") >= 0
    assert document.pop("time").endswith("Z")
    assert document == {
        "level": "info",
        "logger": "gexlake.access",
        "message": "request",
        "method": "GET",
        "route": "/probe/read",
        "status": 200,
        "bytes": len(answer.content),
        "request_id": answer.headers["x-request-id"],
        "key_id": key.id,
    }
    assert text not in line


def test_what_was_asked_for_in_vain_is_not_in_the_log(connect: Connect, capsys: pytest.CaptureFixture[str]) -> None:
    connect().get("/secret-path", headers={"Authorization": "Bearer open-sesame"})
    text = capsys.readouterr().err
    assert "route=unmatched status=404" in text
    assert "secret-path" not in text
    assert "open-sesame" not in text


@pytest.mark.parametrize("settings", [{"access_log": False}, {"log_level": "warning"}])
def test_the_log_of_requests_can_be_turned_off(
    connect: Connect, capsys: pytest.CaptureFixture[str], settings: dict[str, Any]
) -> None:
    connect(**settings).get("/health")
    assert not access_lines(capsys.readouterr().err)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_every_record_is_one_line_with_the_request_it_belongs_to(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    configure_logging(log_format, "info")
    token = current_request_id.set("trace-0001")
    logging.getLogger("uvicorn.error").info("first\nsecond %d", 1 << 70)
    logging.getLogger("gexlake").debug("not this one")
    current_request_id.reset(token)
    [line] = capsys.readouterr().err.splitlines()
    if log_format == "json":
        document = json.loads(line)
        assert document["message"] == f"first\nsecond {1 << 70}"
        assert document["request_id"] == "trace-0001"
        assert document["logger"] == "uvicorn.error"
    else:
        assert line.endswith(f"INFO uvicorn.error: first\\nsecond {1 << 70} request_id=trace-0001")


def test_a_traceback_is_part_of_the_object(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info")
    error = ValueError("so it is")
    logging.getLogger("gexlake").error("The service failed.", exc_info=error)
    [line] = capsys.readouterr().err.splitlines()
    assert "ValueError: so it is" in json.loads(line)["exception"]


def test_json_has_a_place_for_what_it_cannot_express_natively(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info")
    logging.getLogger("gexlake").info("%s", "lone \ud800", extra={FIELDS: {"rows": 1 << 70, "path": Path("/x")}})
    document = json.loads(capsys.readouterr().err)
    assert (document["message"], document["rows"], document["path"]) == ("lone \ud800", 1 << 70, "/x")


HOSTILE = {
    "a line": "x\n2025-11-14T15:00:00.123Z INFO gexlake.access: request method=GET route=/forged",
    "a return": "x\r2025-11-14T15:00:00.123Z INFO gexlake.access: forged",
    "lines of Unicode": "x\x85y\u2028z\u2029w",
    "a terminal's commands": "\x1b[2J\x1b]0;forged\x07\x9b2J\x08\x7f",
    "feeds": "a\x0bb\x0cc\x1cd\x1ee\0f",
    "direction": "\u202egnp.exe\u2066",
    "a lone surrogate": "\udcff.json",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_text_from_outside_begins_no_line_and_commands_no_terminal(
    capsys: pytest.CaptureFixture[str], log_format: str, text: str
) -> None:
    configure_logging(log_format, "info")
    told = {"exc_info": ValueError(text), "extra": {FIELDS: {"path": text}}}
    logging.getLogger("gexlake").error("reading %s", text, **told)  # type: ignore[arg-type]
    err = capsys.readouterr().err
    first, *rest = err.split("\n")[:-1]
    assert all(line.startswith("  | ") for line in rest)
    assert (log_format == "text") == bool(rest)
    assert err.isascii()
    if log_format == "text":
        assert err.splitlines() == [first, *rest], "no line ends but where one should"
        assert all(character.isprintable() for line in (first, *rest) for character in line)
        assert "forged" not in err or "reading" in first
    else:
        assert json.loads(first)["message"] == f"reading {text}"
        assert first.isprintable()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_nothing_that_a_request_holds_begins_a_line(
    connect: Connect, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    client = connect(log_format=log_format)
    hostile = "x%0a2025-11-14T15:00:00.123Z%20INFO%20forged%1b[2J"
    client.get(f"/{hostile}?{hostile}={hostile}", headers={"X-Request-ID": "forged forged", "User-Agent": "forged"})
    client.get(f"/probe/limited?limit={hostile}", headers={"X-API-Key": "forged\x1b", "Referer": "forged"})
    client.get(f"/probe/fault/{hostile}")
    err = capsys.readouterr().err
    assert len(access_lines(err)) == 3
    assert "\x1b" not in err
    assert [line for line in err.splitlines() if line.startswith("2025-11-14")] == []


# ---- metrics -------------------------------------------------------------------------------------------------------


def test_requests_are_counted_by_route_method_and_status(client: TestClient) -> None:
    client.get("/probe/limited", params={"limit": 1})
    client.get("/probe/limited", params={"limit": 0})
    client.get("/nothing")
    client.get("/probe/fault/ValueError")
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    for labels in (
        'method="GET",route="/probe/limited",status="200"',
        'method="GET",route="/probe/limited",status="422"',
        'method="GET",route="unmatched",status="404"',
        'method="GET",route="/probe/fault/{name}",status="500"',
    ):
        assert f"gexlake_requests_total{{{labels}}} 1.0" in response.text
    assert 'gexlake_request_seconds_count{route="/probe/limited"} 2.0' in response.text
    assert "gexlake_requests_in_flight 1.0" in response.text
    assert "process_resident_memory_bytes" in response.text


def test_requests_under_way_are_counted(client: TestClient) -> None:
    assert client.get("/probe/in-flight").json() == 1
    client.get("/probe/fault/ValueError")
    assert client.get("/probe/in-flight").json() == 1


# ---- readiness -----------------------------------------------------------------------------------------------------


def test_a_service_is_ready_while_its_lake_is_there(connect: Connect, lake_dir: Path) -> None:
    with connect() as client:
        assert client.get("/health").json()["status"] == "ok"
        assert "lake" in client.get("/ready").json()["checks"]
        for path in sorted(lake_dir.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        lake_dir.rmdir()
        document = assert_error(client.get("/ready"), 503, "not_ready")
        assert "lake" in [detail["parameter"] for detail in document["details"]]
        assert client.get("/health").status_code == 200
