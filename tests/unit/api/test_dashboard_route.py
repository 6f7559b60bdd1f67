"""`/`: the page and its files, with a policy and lasting names."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from helpers.service import assert_error


def test_page_needs_no_key_and_admits_its_own_files_only(client: TestClient) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"


def test_assets_last_forever_and_are_packed(client: TestClient) -> None:
    names = re.findall(r"/assets/[^\"]+", client.get("/").text)
    assert len(names) == 2
    for name in names:
        response = client.get(name)
        assert response.status_code == 200
        assert "immutable" in response.headers["cache-control"]
        assert response.headers["content-encoding"] == "gzip"
        assert client.get(name, headers={"Accept-Encoding": "identity"}).content == response.content


@pytest.mark.parametrize("name", ["index.html", "nothing.js", "..%2Findex.html", "%2e%2e%2findex.html"])
def test_nothing_else_is_served(client: TestClient, name: str) -> None:
    response = client.get(f"/assets/{name}")
    assert_error(response, 404, "not_found")
