"""Groups, which a socket is told the news of, and hubs, which have a socket each."""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from gexlake.models.feed import FEED_CATEGORIES, GEX_CATEGORIES, PACKAGES, Feed
from gexlake.vendor.names import ticker_of

HUBS = ("classic", "state_gex", "state_greeks_zero", "state_greeks", "state_greeks_one", "orderflow")
"""Of both generations; those of the second have `V2` in front."""
V2 = "v2_"
SPOT = "spot"
MOST_MEMBERSHIPS = 150
"""Of a group in a hub, each counted once."""

_GROUP = re.compile(rf"(.+?)_({'|'.join(PACKAGES)})_(.+)")
_EXPIRY = re.compile(r"(?:(gex|delta|gamma|vanna|charm)_)?(\d{8})")


class Group(NamedTuple):
    """A group by its name without a prefix; `feed` is None for spot prices, and for expiries, which no history has.

    `hub` is its hub without a generation, None where every hub of the second generation has it.
    """

    name: str
    ticker: str
    feed: Feed | None
    hub: str | None

    @property
    def is_spot(self) -> bool:
        """Whether it is of spot prices."""
        return self.hub is None


def group_of(name: str) -> Group | None:
    """The group of a name; None where the vendor has none such."""
    ticker, _, rest = name.rpartition("_")
    if rest == SPOT and ticker_of(ticker) == ticker:
        return Group(name, ticker, None, None)
    found = _GROUP.fullmatch(name)
    if not found or ticker_of(found[1]) != found[1]:
        return None
    ticker, package, category = found.groups()
    if category in FEED_CATEGORIES[package]:
        feed = Feed(ticker, package, category)
        return Group(name, ticker, feed, _hub_of_feed(feed))
    hub = _hub_of_expiry(package, category)
    return Group(name, ticker, None, hub) if hub else None


def group_of_feed(feed: Feed) -> str:
    """The name of a feed's group, without a prefix."""
    return "_".join(feed)


def is_of_hub(group: Group, hub: str) -> bool:
    """Whether a hub, by its whole name, has a group."""
    return group.hub == hub.removeprefix(V2) if group.hub else hub.startswith(V2)


def hub_names(generation: str) -> list[str]:
    """The six hubs of a generation: `""` or `V2`."""
    return [f"{generation}{hub}" for hub in HUBS]


def _hub_of_feed(feed: Feed) -> str:
    if feed.package != "state":
        return feed.package
    if feed.category in GEX_CATEGORIES:
        return "state_gex"
    return f"state_greeks_{feed.category.rpartition('_')[2]}"


def _hub_of_expiry(package: str, category: str) -> str | None:
    found = _EXPIRY.fullmatch(category)
    if not found or not _is_date(found[2]):
        return None
    if package == "state":
        return {None: None, "gex": "state_gex"}.get(found[1], "state_greeks")
    return package if found[1] == {"classic": "gex"}.get(package) else None


def _is_date(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True
