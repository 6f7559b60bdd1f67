"""How long a full session takes to open in the dashboard, and how many frames a second scrubbing through it reaches.

    python -m bench.dashboard URL --date 2025-11-14 [--symbol NQ_NDX] [--runs 5]

URL is that of a running `gexlake serve`. Measured inside Chromium, headless and without a graphics card; every run has
a profile of its own, so nothing is cached. "Opened" is the moment at which the heatmap is drawn and the values of the
chosen second stand beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
from typing import Any

OPENED = """() => new Promise(resolve => {
  const look = () => {
    const drawn = document.querySelector('.heat')?.dataset.bound;
    const spot = document.querySelector('[data-cell="spot"]')?.textContent;
    if (drawn && spot && spot !== '–') requestAnimationFrame(() => resolve(performance.now()));
    else requestAnimationFrame(look);
  };
  look();
})"""
BYTES = """() => performance.getEntriesByType('resource').reduce((sum, one) => sum + one.transferSize, 0)"""
SCRUB = """seconds => new Promise(resolve => {
  const slider = document.querySelector('.slider');
  const [low, high] = [Number(slider.min), Number(slider.max)];
  const clock = document.querySelector('[data-cell="clock"]');
  const asof = document.querySelector('[data-cell="asof"]');
  const frames = [];
  let fresh = 0;
  const began = performance.now();
  const step = now => {
    const part = (now - began) / (seconds * 1000);
    if (part >= 1) {
      const gaps = frames.slice(1).map((one, place) => one - frames[place]).sort((a, b) => a - b);
      resolve({frames: frames.length, fresh, seconds: (frames.at(-1) - frames[0]) / 1000,
               worst: gaps[Math.floor(gaps.length * 0.99)]});
      return;
    }
    // The ladder of the frame before: is it that of the second which was asked for, or of one before?
    const shown = /as of (\\S+) New York/.exec(asof.textContent)?.[1];
    if (shown === clock.textContent) fresh += 1;
    frames.push(now);
    slider.value = String(Math.round(low + (high - low) * (0.5 - 0.5 * Math.cos(part * 6.2832))));
    slider.dispatchEvent(new Event('input'));
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def measure(url: str, date: str, symbol: str, runs: int) -> dict[str, Any]:
    """Open and scrub, each run in a fresh browser."""
    from playwright.sync_api import sync_playwright

    address = f"{url}/#/session?symbol={symbol}&package=classic&category=gex_zero&date={date}&at=11:00:00"
    opened, frames, fresh, worst, wire = [], [], [], [], 0
    chromium = os.environ.get("GEXLAKE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-headless-shell")
    with sync_playwright() as playwright:
        for _ in range(runs):
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1440, "height": 860})
            page.goto(address, wait_until="commit")
            opened.append(page.evaluate(OPENED))
            page.wait_for_timeout(1500)
            wire = page.evaluate(BYTES)
            scrubbed = page.evaluate(SCRUB, 6)
            frames.append(scrubbed["frames"] / scrubbed["seconds"])
            fresh.append(scrubbed["fresh"] / scrubbed["frames"])
            worst.append(scrubbed["worst"])
            browser.close()
    return {
        "runs": runs,
        "open_ms_median": round(statistics.median(opened)),
        "open_ms_worst": round(max(opened)),
        "frames_per_second_median": round(statistics.median(frames), 1),
        "frames_per_second_worst": round(min(frames), 1),
        "frame_ms_99th_worst": round(max(worst), 1),
        "frames_with_their_own_ladder": round(statistics.median(fresh), 3),
        "bytes_to_open_and_prefetch": wire,
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--date", required=True)
    parser.add_argument("--symbol", default="NQ_NDX")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    print(json.dumps(measure(given.url.rstrip("/"), given.date, given.symbol, given.runs), indent=2))


if __name__ == "__main__":
    main()
