"""The service keeps what its own OpenAPI document promises, whatever it is sent: schemathesis against a real server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from e2e.test_serve_process import PATIENCE_SECONDS, Service
from gexlake.services.owner.keys import Scope, create_key
from helpers.histories import MONDAY, records_of, vendor_name, write_array
from helpers.service import assert_error

OPEN = {"/health", "/ready"}
EXCLUDED_CHECKS = (
    "positive_data_acceptance",  # text of a pattern is not yet a moment, a statement or a path
    "ignored_auth",  # a key in one of two headers is enough: see below for requests without any
    "allow_header_conformance",  # Starlette names the methods of one route where two share a path
)
EXAMPLES = 2
"""Of each operation; the long form is 500."""


class Served(NamedTuple):
    url: str
    key: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("schema")
    (folder / "data").mkdir()
    source = write_array(folder / "source" / vendor_name(MONDAY), records_of(MONDAY, 40))
    _, key = create_key(folder / "data", name="all", scopes=list(Scope))
    options = ["--lake", folder / "data", "--port", "0", "--import-root", folder / "source"]
    service = Service(*options, access_log="false", log_level="error", rate_limit="", query_seconds="1")
    try:
        url = service.url()
        order = {"source_path": str(source)}
        done = httpx2.post(f"{url}/import?wait=true", json=order, headers={"X-API-Key": key}, timeout=PATIENCE_SECONDS)
        assert done.json()["status"] == "success"
        yield Served(url, key)
        status, _, err = service.end(signal.SIGTERM)
        assert (status, err) == (0, ""), "nothing was worth an error in the log"
    finally:
        service.process.kill()


def test_no_request_has_an_answer_that_is_not_documented(served: Served, tmp_path: Path) -> None:
    """No 5xx, no status, content type, header or body that the document does not have."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("st"),
            "run",
            f"{served.url}/openapi.json",
            *("--header", f"Authorization: Bearer {served.key}", "--header", f"X-API-Key: {served.key}"),
            *("--phases", "coverage,fuzzing,stateful", "--max-examples", str(EXAMPLES), "--seed", "1"),
            *("--exclude-checks", ",".join(EXCLUDED_CHECKS)),
            *("--exclude-path", "/events"),  # has no end
            *("--request-timeout", str(PATIENCE_SECONDS), "--generation-database", "none", "--no-color"),
        ],
        cwd=tmp_path,
        env={"HYPOTHESIS_STORAGE_DIRECTORY": str(Path(".hypothesis").absolute()), **os.environ},  # not made anew
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-10_000:]


def test_without_a_key_every_route_of_data_is_401(served: Served) -> None:
    paths = httpx2.get(f"{served.url}/openapi.json").json()["paths"]
    assert len(paths) > 20
    for path, operations in paths.items():
        for method, operation in operations.items():
            response = httpx2.request(method, f"{served.url}{path.format(import_id='x', note_id='x')}")
            if path in OPEN:
                assert response.status_code == 200
                assert "security" not in operation
            else:
                assert_error(response, 401, "key_missing")
                assert "401" in operation["responses"]


def test_every_error_is_documented_as_json_of_one_shape(served: Served) -> None:
    paths = httpx2.get(f"{served.url}/openapi.json").json()["paths"]
    for operation in (operation for operations in paths.values() for operation in operations.values()):
        for status, response in operation["responses"].items():
            if status >= "400":
                (media_type,) = response["content"]
                assert media_type == "application/json"
                assert response["content"][media_type]["schema"]["$ref"].endswith("/ErrorDocument")
