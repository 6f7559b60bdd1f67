"""The built files of the dashboard belong to its sources, and stand on their own."""

from __future__ import annotations

import hashlib
import json
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


def test_what_is_bundled_is_named_with_its_license() -> None:
    licenses = (BUILT / "licenses.md").read_text(encoding="utf-8")
    bundled = json.loads((WEB / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert set(re.findall(r"^## (\S+) - ", licenses, re.M)) == set(bundled)


MAKES_HTML_OF_TEXT = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc|\beval\(|"
    r"new Function|javascript:|setHTMLUnsafe|dangerously"
)


def test_no_text_ever_becomes_html_or_script() -> None:
    """Names of files, tickers and raw records come from outside: they are text, and stay it."""
    sources = sorted((WEB / "src").rglob("*.ts"))
    assert len(sources) > 15
    for path in sources:
        assert not MAKES_HTML_OF_TEXT.search(path.read_text(encoding="utf-8")), path


def test_links_are_made_of_our_own_words() -> None:
    """Each begins with a place of the page; what is from outside stands behind it, escaped."""
    ours = ('"#', '"/', "`#/", "formatState(", "url,", "string")
    for path in sorted((WEB / "src").rglob("*.ts")):
        for value in re.findall(r"\b(?:href|src): (.*)", path.read_text(encoding="utf-8")):
            assert value.startswith(ours), (path.name, value)


def imports_of(path: Path) -> set[Path]:
    """The sources that one names, types among them."""
    named = re.findall(r'from "(\.[^"]+)"', path.read_text(encoding="utf-8"))
    return {(path.parent / f"{name}.ts").resolve() for name in named}


def reached_from(path: Path) -> set[Path]:
    reached, ahead = set[Path](), [path.resolve()]
    while ahead:
        for found in imports_of(ahead.pop()) - reached:
            reached.add(found)
            ahead.append(found)
    return reached


def test_imports_of_the_front_end_point_one_way() -> None:
    for path in (WEB / "src").rglob("*.ts"):
        assert path.resolve() not in reached_from(path), f"{path.name} imports itself by way of others"


MOVERS = ("page", "controller", "opening", "loading", "pictures", "moments", "companions", "sessions_before")
MOVERS += ("movement", "zoom", "playback", "looks", "live")


def test_parts_of_the_session_page_know_nothing_of_what_moves_them() -> None:
    session = (WEB / "src" / "pages" / "session").resolve()
    names = (
        "page",
        "controller",
        "loading",
        "movement",
        "zoom",
        "playback",
        "looks",
        "live",
        "opening",
        "pictures",
        "moments",
    )
    movers = {session / f"{name}.ts" for name in names}
    for part in ("toolbar", "transport", "readout", "stage", "legend", "tip", "pointer", "keys", "files", "pointing"):
        assert not movers & reached_from(session / f"{part}.ts"), part
    for computed in ("cursor", "scales", "choice", "address", "state", "seen", "age", "comparison"):
        names = {path.name for path in reached_from(session / f"{computed}.ts")}
        assert not {"dom.ts", "theme.ts", "canvas.ts"} & names, f"{computed} is for numbers, not for elements"
    assert all(len(path.read_text(encoding="utf-8").splitlines()) <= 250 for path in session.glob("*.ts"))


def test_the_page_may_load_and_run_its_own_files_alone() -> None:
    assert "default-src 'none'; script-src 'self'; style-src 'self'; " in dashboard.POLICY
    assert "unsafe" not in dashboard.POLICY
    assert "base-uri 'none'; form-action 'none'; frame-ancestors 'none'" in dashboard.POLICY


def test_the_page_asks_for_instants_in_unix_seconds() -> None:
    """A text without a zone would be refused; a date is New York's."""
    api = (WEB / "src" / "api.ts").read_text(encoding="utf-8")
    assert "at: (feed: Feed, timestamp: number" in api
    assert "page: (feed: Feed, start: number, end: number" in api
    assert "range?: [number, number]" in api
    assert re.findall(r"pathOf\(([\"`]/(?:\$|gex|view|export)[^\"`]*[\"`])", api) == [
        "`/${typeOfFeed(feed).route}/at`",
        "`/${typeOfFeed(feed).route}`",
        '"/view/session"',
    ]
