"""Draw the pictures of README.md and docs/dashboard.md anew, over a synthetic lake that is made for them.

python tools/make_screenshots.py [LAKE]     `make screenshots`; LAKE is one that is there already
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history

TARGET = Path(__file__).parents[1] / "docs" / "images"
FEED = "symbol=NQ_NDX&package=classic&category=gex_zero"
DAY = f"{FEED}&date=2025-11-14"
GREEK = "symbol=NQ_NDX&package=state&category=gamma_zero&date=2025-11-14"
ORDERFLOW = "symbol=NQ_NDX&package=orderflow&category=orderflow&date=2025-11-14"
PICTURES = {
    "session-dark": (f"#/session?{DAY}&at=14:42:00&strike=25778.66", 1440, 860, "dark"),
    "session-light": (f"#/session?{DAY}&at=14:42:00", 1440, 860, "light"),
    "session-zoom": (f"#/session?{DAY}&at=14:30:00&from=14:10:00&to=14:50:00&low=25550&high=25850", 1440, 860, "dark"),
    "compare-difference": (f"#/session?{DAY}&at=14:42:00&with=classic/gex_zero/previous", 1440, 860, "dark"),
    "compare-beside": (
        f"#/session?{DAY}&at=14:42:00&with=classic/gex_full&compare=beside&show=prior,expiry,strip",
        1440,
        960,
        "light",
    ),
    "greeks": (f"#/session?{GREEK}&at=14:42:00&strike=25778.66", 1440, 860, "dark"),
    "orderflow": (f"#/session?{ORDERFLOW}&at=14:30:00&from=14:10:00&to=14:50:00", 1440, 860, "light"),
    "session-phone": (f"#/session?{DAY}&at=14:42:00", 390, 844, "dark"),
    "coverage": (f"#/coverage?{FEED}&date=2025-11-17", 1440, 560, "dark"),
}
"""Name -> address, width, height, colours."""


def make_lake(root: Path) -> Path:
    """Five full days, one that ends early, one that is missing, and other feeds."""
    write_sample(root / "sample", sessions=5)
    write_sample(root / "sample", sessions=1, start=date(2025, 11, 17), snapshots=9000)
    write_sample(root / "sample", sessions=1, start=date(2025, 11, 19))
    write_sample(root / "sample", sessions=1, start=date(2025, 11, 19), tickers=["SPX"], categories=["gex_full"])
    others = ["gex_one", "gex_full"]
    write_sample(root / "sample", sessions=1, start=date(2025, 11, 14), categories=others)
    of_greek = {"packages": ["state"], "categories": ["gamma_zero"]}
    for feed in (of_greek, {"packages": ["orderflow"]}):
        write_sample(root / "sample", sessions=1, start=date(2025, 11, 14), **feed)  # type: ignore[arg-type]
    import_history(root / "sample", root / "lake")
    return root / "lake"


def photograph(url: str) -> None:
    """Take every picture."""
    chromium = os.environ.get("GEXLAKE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-headless-shell")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, (address, width, height, colours) in PICTURES.items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=colours)  # type: ignore[arg-type]
            page.goto(f"{url}/{address}")
            page.wait_for_timeout(2500)
            path = TARGET / f"{name}.png"
            page.screenshot(path=path)
            Image.open(path).convert("RGB").save(path, optimize=True)  # fewer colours would show as bands
            print(f"{path.name}  {path.stat().st_size // 1000} kB")
            page.close()
        browser.close()


def main() -> None:
    """Make the lake, serve it, take the pictures."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(sys.argv[1]) if len(sys.argv) > 1 else make_lake(Path(folder))
        command = [sys.executable, "-m", "gexlake", "serve", "--lake", str(lake), "--port", "0"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            try:
                urls = (found[0] for line in server.stderr if (found := re.search(r"http://[\w.:]+", line)))
                url = next(urls, None)
                if url is None:
                    sys.exit(f"The lake {lake} cannot be served: `gexlake serve --lake {lake}` says why.")
                photograph(url)
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
