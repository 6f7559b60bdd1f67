"""The built files of the dashboard belong to its sources, and stand on their own."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from gexlake.api.routes import dashboard

WEB = Path(__file__).parents[2] / "web"
BUILT = dashboard.DIRECTORY


def test_built_files_belong_to_the_sources() -> None:
    files = [WEB / name for name in ("index.html", "package-lock.json", "vite.config.ts")]
    files += [path for folder in ("src", "public") for path in (WEB / folder).rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for name in sorted(path.relative_to(WEB).as_posix() for path in files):
        digest.update(f"{name}\0".encode() + (WEB / name).read_bytes() + b"\0")
    kept = (BUILT / "sources.sha256").read_text(encoding="utf-8").strip()
    assert kept == digest.hexdigest(), "Run `make web` and commit what it built."


def test_page_names_files_that_exist_and_nothing_of_another_host() -> None:
    html = (BUILT / "index.html").read_text(encoding="utf-8")
    named = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(named) == 3
    assert all((BUILT / name.removeprefix("/")).is_file() for name in named)
    for path in BUILT.rglob("*"):
        if path.suffix in {".html", ".js", ".css"}:
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
            assert not re.search(r"https?://\w", text), path
