"""Errors: one shape, the right status, and no more said than is meant for the caller."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from starlette.testclient import TestClient

from gexlake.api.errors import ends_the_process
from helpers.service import Connect, assert_error

FAULTS = [
    ("UsageError", 400, "usage_invalid"),
    ("QueryError", 400, "query_invalid"),
    ("NoSnapshotError", 404, "no_snapshot"),
    ("SourceError", 400, "source_unusable"),
    ("LakeError", 503, "lake_unusable"),
    ("LakeVersionError", 503, "lake_version"),
    ("LakeLockedError", 503, "lake_locked"),
    ("StorageError", 503, "storage_failed"),
    ("WorkerError", 503, "worker_failed"),
]


@pytest.mark.parametrize(("name", "status", "code"), FAULTS)
def test_a_fault_has_its_status_and_code(client: TestClient, name: str, status: int, code: str) -> None:
    response = client.get(f"/probe/fault/{name}")
    assert assert_error(response, status, code)["message"] == "It is so."
    assert ("retry-after" in response.headers) == (status == 503)


def test_an_error_of_a_route_has_its_own_status_and_headers(client: TestClient) -> None:
    response = client.get("/probe/fault/ApiError")
    assert_error(response, 409, "import_running")
    assert response.headers["location"] == "/imports/1"


@pytest.mark.parametrize("name", ["ValueError", "GexlakeError", "Panic", "group"])
def test_what_nobody_foresaw_is_500_and_its_traceback_is_in_the_log_alone(
    client: TestClient, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    document = assert_error(client.get(f"/probe/fault/{name}"), 500, "internal_error")
    assert document["request_id"]
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_ends_the_process_or_the_task_is_no_answer(kind: type[BaseException]) -> None:
    assert ends_the_process(kind())
    assert ends_the_process(BaseExceptionGroup("several", [ValueError("a"), BaseExceptionGroup("in it", [kind()])]))
    assert not ends_the_process(BaseExceptionGroup("several", [ValueError("a"), BaseException("b")]))


def test_an_answer_that_breaks_is_cut_off_and_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    assert client.get("/probe/broken-stream").text == "first"
    assert "failed while it answered" in caplog.text


def test_a_parameter_that_is_not_valid_is_named_with_its_value(client: TestClient) -> None:
    document = assert_error(client.get("/probe/limited", params={"limit": "0"}), 422, "parameters_invalid")
    assert document["message"] == "Not valid: limit."
    assert document["details"] == [
        {"parameter": "limit", "value": "0", "message": "Input should be greater than or equal to 1."}
    ]


def test_a_parameter_that_is_missing_is_named(client: TestClient) -> None:
    document = assert_error(client.get("/probe/limited"), 422, "parameters_invalid")
    assert document["details"] == [{"parameter": "limit", "value": None, "message": "Field required."}]


def test_a_field_of_a_body_is_named_by_its_place(client: TestClient) -> None:
    document = assert_error(client.post("/probe/order", json={"names": ["a", 1]}), 422, "parameters_invalid")
    assert document["details"][0]["parameter"] == "names.1"
    assert document["details"][0]["value"] == 1


BODIES: list[tuple[bytes, Any]] = [
    (b"{", None),
    (b"", None),
    (b'"text"', "text"),
    (b'{"names": "\\ud800"}', "\ud800"),
    (b'{"names": NaN}', "NaN"),
    (b'{"names": ' + b"9" * 300 + b"}", "9" * 200 + "…"),
    (b'{"names": "' + b"x" * 500 + b'"}', "x" * 200 + "…"),
    (b'{"names": {"a": [1, 2]}}', '{"a": [1, 2]}'),
]


@pytest.mark.parametrize(("body", "value"), BODIES)
def test_whatever_a_body_holds_it_is_refused_in_the_same_shape(client: TestClient, body: bytes, value: Any) -> None:
    response = client.post("/probe/order", content=body, headers={"Content-Type": "application/json"})
    document = assert_error(response, 422, "parameters_invalid")
    assert document["details"][0]["value"] == value


def test_a_body_nested_too_deep_is_refused(client: TestClient) -> None:
    response = client.post("/probe/order", content=b"[" * 5000, headers={"Content-Type": "application/json"})
    assert_error(response, 400, "request_invalid")


def test_a_body_that_does_not_say_that_it_is_json_is_not_read_as_json(client: TestClient) -> None:
    """A page of another site can send such a body without asking first."""
    response = client.post("/probe/order", content=b'{"names": []}', headers={"Content-Type": "text/plain"})
    assert_error(response, 422, "parameters_invalid")


def test_an_unknown_path_is_404_and_a_known_one_of_another_method_405(client: TestClient) -> None:
    assert_error(client.get("/nothing"), 404, "not_found")
    assert_error(client.get("/health/"), 404, "not_found")
    response = client.delete("/health")
    assert_error(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET"


def test_openapi_names_errors_keys_and_version(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["info"]["title"] == "gexlake"
    assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey"}
    metrics = document["paths"]["/metrics"]["get"]
    assert metrics["security"] == [{"bearer": []}, {"apiKey": []}]
    assert {"200", "401", "403", "413", "429", "500", "503"} <= set(metrics["responses"])
    assert "security" not in document["paths"]["/health"]["get"]
    schema = metrics["responses"]["429"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/ErrorDocument"}
    probe = document["paths"]["/probe/limited"]["get"]["responses"]["422"]
    assert probe["content"]["application/json"]["schema"] == schema


def test_the_documentation_runs_its_own_script_and_no_other(client: TestClient) -> None:
    response = client.get("/docs")
    policy = response.headers["content-security-policy"]
    assert "'sha256-" in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert "SwaggerUIBundle" in response.text


def test_cors_is_off_unless_an_origin_is_set(connect: Connect) -> None:
    origin = {"Origin": "https://charts.example.org"}
    assert "access-control-allow-origin" not in connect().get("/health", headers=origin).headers
    client = connect(cors_origins=("https://charts.example.org",))
    for path in ("/health", "/nothing"):
        assert client.get(path, headers=origin).headers["access-control-allow-origin"] == origin["Origin"]
    other = client.get("/health", headers={"Origin": "https://example.org"})
    assert "access-control-allow-origin" not in other.headers


PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.mark.parametrize(
    "origin", ["https://charts.example.org", "null", "http://localhost:3000", "http://127.0.0.1:8765"]
)
@pytest.mark.parametrize(
    "path", ["/status", "/gex/latest", "/import", "/sql", "/lake/calls/x", "/", "/nothing", "/docs"]
)
def test_without_the_setting_no_answer_admits_the_page_of_another_origin(
    client: TestClient, path: str, origin: str
) -> None:
    for response in (
        client.get(path, headers={"Origin": origin}),
        client.options(path, headers={"Origin": origin, **PREFLIGHT}),
    ):
        assert [name for name in response.headers if name.startswith("access-control-")] == []
        assert response.headers["cross-origin-resource-policy"] == "same-site"
    assert client.options(path, headers={"Origin": origin, **PREFLIGHT}).status_code in (404, 405)


NOT_QUITE = [
    "https://charts.example.org.evil.example", "https://evilcharts.example.org", "http://charts.example.org",
    "https://charts.example.org:444", "https://charts.example.org/", "HTTPS://CHARTS.EXAMPLE.ORG", "null", "*",
]  # fmt: skip


@pytest.mark.parametrize("origin", NOT_QUITE)
def test_an_origin_that_is_almost_the_one_that_is_set_is_not_admitted(connect: Connect, origin: str) -> None:
    client = connect(cors_origins=("https://charts.example.org",))
    for response in (
        client.get("/health", headers={"Origin": origin}),
        client.options("/status", headers={"Origin": origin, **PREFLIGHT}),
    ):
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("origins", [("*",), ("https://charts.example.org",)])
def test_what_is_admitted_may_bring_a_key_but_no_cookie(connect: Connect, origins: tuple[str, ...]) -> None:
    client = connect(cors_origins=origins)
    asked = client.options("/status", headers={"Origin": "https://charts.example.org", **PREFLIGHT})
    assert asked.status_code == 200
    for headers in (asked.headers, client.get("/health", headers={"Origin": "https://charts.example.org"}).headers):
        assert headers["access-control-allow-origin"] == origins[0]
        assert "access-control-allow-credentials" not in headers
