"""Whose word counts for where a request comes from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import httpx2
import pytest

from e2e.test_serve_process import Service
from gexlake.services.owner.keys import create_key

FORWARDED = ["X-Forwarded-For", "Forwarded", "X-Real-IP"]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    create_key(tmp_path / "data", name="desk")  # without one this machine is not limited
    return tmp_path / "data"


def statuses(lake: Path, header: str, **settings: str) -> Counter[int]:
    """Of twenty requests, each of which says that it comes from elsewhere."""
    service = Service("--lake", lake, "--port", "0", rate_limit="5/hour", access_log="false", **settings)
    try:
        with httpx2.Client(base_url=service.url()) as client:
            asked = [
                client.get("/status", headers={header: f"for=10.0.0.{n}" if header == "Forwarded" else f"10.0.0.{n}"})
                for n in range(20)
            ]
            return Counter(response.status_code for response in asked)
    finally:
        service.process.kill()
        service.outcome()


@pytest.mark.parametrize("header", FORWARDED)
def test_nobody_is_believed_about_another_address(lake: Path, header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    assert statuses(lake, header) == {401: 5, 429: 15}


@pytest.mark.parametrize(("proxies", "believed"), [("127.0.0.1", True), ("127.0.0.0/8,::1", True), ("10.1.2.3", False)])
def test_but_for_the_proxies_that_the_setting_names(lake: Path, proxies: str, believed: bool) -> None:
    assert statuses(lake, "X-Forwarded-For", proxies=proxies) == ({401: 20} if believed else {401: 5, 429: 15})
