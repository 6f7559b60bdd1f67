"""What tests of the HTTP service share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

LOCAL = "http://127.0.0.1:8765"
Connect = Callable[..., TestClient]
"""Settings in, a client of a service with them out."""


def assert_error(response: Any, status: int, error: str) -> dict[str, Any]:
    """Every error has one shape; the document is returned."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    document: dict[str, Any] = response.json()
    assert sorted(document) == ["details", "error", "message", "request_id"]
    assert document["error"] == error
    assert document["message"].endswith((".", "`"))
    assert document["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    for detail in document["details"]:
        assert sorted(detail) == ["message", "parameter", "value"]
    return document
