"""`gexlake get` against a vendor of the tests' own, and as a process."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from gexlake.models.feed import Feed, SessionKey
from gexlake.services.getting.plan import HISTORY_AFTER, last_session
from gexlake.vendor.names import history_name
from helpers.histories import records_of
from helpers.processes import PATIENCE_SECONDS
from helpers.programs import Program
from helpers.vendor_stub import Answer, Stub, located, running_stub, stored

SECRET = "9f8e7d6c5b4a39281706"
KEY = f"gexbot_custom_{SECRET}"
SIGNATURE = "c2lnbmF0dXJlLW9mLWEtVVJM"
FEED = Feed("NQ_NDX", "classic", "gex_zero")


def recent_days(count: int = 2) -> list[date]:
    """Sessions that the vendor keeps for long yet, the newest not of today: midnight may come while a test runs."""
    days, now = [], datetime.now(UTC) - timedelta(days=2)
    while len(days) < count:
        days.append(last_session(now, HISTORY_AFTER))
        now -= timedelta(days=1)
        days = sorted(set(days))
    return days


def body_of(day: date, count: int = 40) -> bytes:
    """A day of history, as the vendor packs it; the same bytes each time."""
    return gzip.compress(json.dumps(records_of(day, count), separators=(",", ":")).encode(), mtime=0)


class Vendor:
    """The vendor's service, and a store on another port."""

    def __init__(self, api: Stub, store: Stub) -> None:
        self.api, self.store = api, store

    @property
    def url(self) -> str:
        return f"{self.api.url}/v2"

    def has(self, day: date, *answers: Answer, feed: Feed = FEED) -> bytes:
        """Have a file of a day, or have the store answer otherwise before it does; the body of the file."""
        body = body_of(day)
        self.api.on(f"/hist/{'/'.join(feed)}/{day}", located(self.signed(day, feed)))
        self.store.on(history_name(SessionKey(feed, day)), *(answers or (stored(body),)))
        return body

    def signed(self, day: date, feed: Feed = FEED) -> str:
        return f"{self.store.url}/{history_name(SessionKey(feed, day))}?sv=2025&sig={SIGNATURE}"


@contextmanager
def running_vendor() -> Iterator[Vendor]:
    with running_stub() as api, running_stub() as store:
        yield Vendor(api, store)


class Got:
    """A `gexlake get` under way, with its environment and a cache of its own; `how` starts it."""

    def __init__(
        self,
        folder: Path,
        *arguments: object,
        url: str = "",
        key: str = KEY,
        how: Callable[..., subprocess.Popen[Any]] = Program,
    ) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GEXLAKE_")}
        environment |= {"XDG_CACHE_HOME": str(folder / "cache")} | ({"GEXLAKE_VENDOR_KEY": key} if key else {})
        words = ["get", "--to", folder / "history", "--lake", folder / "lake", "--patience", "0", "--interval", "0"]
        words += ["--base-url", url] if url else []
        self.process = how(
            map(str, [*words, *arguments]),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def end(self) -> tuple[int, str, str]:
        """Exit status, stdout and stderr."""
        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        assert "Traceback" not in err, err
        return self.process.returncode, out, err


def only(day: date, feed: Feed = FEED, until: date | None = None) -> list[object]:
    """Options for one feed on one day, or the days until another."""
    return [
        *("--ticker", feed.ticker, "--package", feed.package, "--category", feed.category),
        *("--since", day, "--until", until or day),
    ]


def history_file(folder: Path, day: date, feed: Feed = FEED, suffix: str = ".json.gz") -> Path:
    name = history_name(SessionKey(feed, day)).removesuffix(".json.gz")
    return folder / "history" / "/".join(feed) / f"{name}{suffix}"


def part_file(folder: Path, day: date, feed: Feed = FEED) -> Path:
    return history_file(folder, day, feed, ".part")


def fetched_bytes(folder: Path, day: date) -> int:
    """Of a file that is being fetched by another process, which may not have begun it."""
    with suppress(FileNotFoundError):
        return part_file(folder, day).stat().st_size
    return 0


def marks(folder: Path) -> list[dict[str, Any]]:
    """The lines of the manifest."""
    return [json.loads(line) for line in (folder / "history" / ".gexlake-get.jsonl").read_text().splitlines()]
