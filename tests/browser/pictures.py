"""What a test needs to compare pixels with values: where a value is drawn, and in which colour."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import Page

STOPS = {
    "dark": (
        [(16, 20, 28), (22, 52, 98), (36, 98, 178), (82, 158, 240), (198, 226, 255)],
        [(16, 20, 28), (86, 42, 10), (168, 84, 14), (240, 144, 44), (255, 226, 178)],
    ),
    "light": (
        [(250, 250, 249), (190, 217, 240), (112, 170, 219), (38, 110, 180), (8, 48, 107)],
        [(250, 250, 249), (254, 217, 166), (246, 165, 77), (210, 98, 12), (112, 44, 4)],
    ),
}
"""Written down once more, so that a slip in the page's own colours shows."""
UNSIGNED_STOPS = {
    "dark": [(30, 26, 66), (38, 70, 118), (34, 116, 132), (74, 162, 126), (158, 204, 122), (240, 240, 176)],
    "light": [(244, 243, 216), (188, 224, 184), (107, 187, 160), (42, 138, 140), (28, 90, 120), (22, 44, 84)],
}
POWER = 0.6


def expected_colour(value: float, bound: float, theme: str) -> npt.NDArray[np.float64]:
    stops = np.array(STOPS[theme][0 if value < 0 else 1], dtype=float)
    along = min(1.0, abs(value) / bound) ** POWER * (len(stops) - 1)
    return np.array([np.interp(along, range(len(stops)), stops[:, channel]) for channel in range(3)])


def unsigned_colour(value: float, low: float, high: float, theme: str) -> npt.NDArray[np.float64]:
    """The colour of what lies on one side of zero."""
    stops = np.array(UNSIGNED_STOPS[theme], dtype=float)
    along = min(1.0, max(0.0, (value - low) / (high - low))) * (len(stops) - 1)
    return np.array([np.interp(along, range(len(stops)), stops[:, channel]) for channel in range(3)])


def decode(content: bytes) -> tuple[dict[str, Any], dict[str, npt.NDArray[np.float64]]]:
    """The answer of /view/session."""
    (length,) = struct.unpack_from("<I", content)
    head = json.loads(content[4 : 4 + length])
    arrays, offset = {}, 4 + length
    for name, size in head["arrays"]:
        arrays[name] = np.frombuffer(content, "<f8", size, offset)
        offset += size * 8
    arrays["cells"] = arrays["cells"].reshape(len(head["strikes"]), arrays["time"].size)
    return head, arrays


class Axes:
    """Where the heatmap has which second and which price, and what its colours reach to, as it is drawn now."""

    def __init__(self, page: Page, selector: str = ".heat") -> None:
        drawn = page.locator(selector).evaluate("box => ({ ...box.dataset })")
        self.plot = json.loads(drawn["plot"])
        self.window = json.loads(drawn["window"])
        self.bound = float(drawn["bound"])
        self.least = float(drawn["least"])

    def x(self, instant: float) -> float:
        time = self.window["time"]
        return float(self.plot["left"] + (instant - time["low"]) / (time["high"] - time["low"]) * self.plot["width"])

    def y(self, price: float) -> float:
        low, high = self.window["price"]["low"], self.window["price"]["high"]
        return float(self.plot["top"] + (high - price) / (high - low) * self.plot["height"])


class Picture(Axes):
    """The heatmap as it is on the screen now, with its pixels: much more work than its axes."""

    def __init__(self, page: Page, selector: str = ".heat") -> None:
        super().__init__(page, selector)
        self.pixels = screenshot(page, selector)


def screenshot(page: Page, selector: str) -> npt.NDArray[np.uint8]:
    content = page.locator(selector).screenshot(animations="disabled")
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
