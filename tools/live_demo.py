"""A live day on this machine, without the vendor and without a key: all data is synthetic.

    python tools/live_demo.py [FOLDER]     `make live-demo`

`gexlake replay` stands in for the vendor, with a clock that runs ten times as fast as time. `gexlake get` downloads the
session before from it, and `gexlake serve --live` records the one that runs, answers, and shows it. Ctrl-C ends both.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gexlake.models.source import SYNTHETIC_NOTE
from gexlake.services.lake import open_lake

TICKER = "NQ_NDX"
CATEGORIES = ("gex_zero", "gamma_zero", "orderflow")
SPEED = 10
PATIENCE_SECONDS = 60
KEY = {"GEXLAKE_VENDOR_KEY": "demo"}  # any key will do
GEXLAKE = (sys.executable, "-m", "gexlake")


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """The exit status."""
    root = Path(arguments[0] if arguments else "live-demo").absolute()
    port = os.environ.get("PORT", "8765")
    vendor, lake = root / "vendor", root / "data"
    make_vendor(vendor)
    shutil.copy(vendor / "sample" / SYNTHETIC_NOTE, root)  # what is downloaded and recorded is synthetic too
    before, today = [date for date, _ in open_lake(vendor / "data").iter_sessions(TICKER)]
    with replaying(vendor / "data", str(today)) as url:
        categories = [word for category in CATEGORIES for word in ("--category", category)]
        asked = ["--ticker", TICKER, *categories, "--since", str(before), "--until", str(before)]
        run("get", *asked, "--to", root / "history", "--lake", lake, "--base-url", f"{url}/v2", environment=KEY)
        say(
            f"Recording {today}, {SPEED} times as fast as time. Open\n\n"
            f"  http://127.0.0.1:{port}/#/session?symbol={TICKER}&date={today}&follow=on\n\n"
            f"or ask\n\n  curl 'localhost:{port}/gex/latest?symbol={TICKER}&strikes=false'\n\nCtrl-C ends it."
        )
        recording = {
            "GEXLAKE_LIVE_CATEGORIES": ",".join(CATEGORIES),
            "GEXLAKE_VENDOR_URL": f"{url}/v2",
            "GEXLAKE_VENDOR_CLOCK_FROM": url,
        }
        return run("serve", "--lake", lake, "--port", port, "--live", TICKER, environment=KEY | recording)


def make_vendor(vendor: Path) -> None:
    """A lake of two sessions of the last days: the vendor keeps none that is older than 90 days."""
    if not (vendor / "data").exists():
        start = datetime.now(UTC).date() - timedelta(days=8)
        categories = [word for category in CATEGORIES for word in ("--category", category)]
        run("sample", vendor / "sample", "--sessions", "2", "--start", str(start), *categories)
        run("import", vendor / "sample", "--lake", vendor / "data")


@contextmanager
def replaying(lake: Path, date: str) -> Iterator[str]:
    """The vendor, as long as the block runs: its address."""
    command = [*GEXLAKE, "replay", "--lake", str(lake), "--date", date, "--speed", str(SPEED), "--port", "0"]
    log = lake.parent / "replay.log"
    with log.open("w") as said, subprocess.Popen(command, stderr=said) as process:
        try:
            yield _address(log, process)
        finally:
            process.terminate()


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := re.search(r"at (http://\S+?)[.,]?\s", log.read_text())):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"The replay did not start: {log.read_text()}")
        time.sleep(0.1)
    return found[1]


def run(*arguments: str | Path, environment: dict[str, str] | None = None) -> int:
    """Run a command, having said which; Ctrl-C is for the command. Its exit status; one that fails ends the demo."""
    say(f"$ gexlake {' '.join(map(str, arguments))}")
    with subprocess.Popen([*GEXLAKE, *map(str, arguments)], env=os.environ | (environment or {})) as process:
        while True:
            try:
                status = process.wait()
                break
            except KeyboardInterrupt:
                continue
    if status:
        raise SystemExit(status)
    return status


def say(text: str) -> None:
    """What the demo itself says."""
    print(f"\n{text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
