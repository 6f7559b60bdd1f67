"""Who has negotiated which sockets, and the groups that the server has joined them to."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gexlake.replay.hubs.connection import Connection
from gexlake.vendor.groups import SPOT, V2, Group, group_of, hub_names, is_of_hub

PREFIX = "blue"
"""Stands in front of every group's name on the wire; the vendor may change its own at any time."""
MOST_SLOTS = 1000

Membership = tuple[str, str]
"""A hub by its whole name, and a group without the prefix."""


class NegotiationError(Exception):
    """What is asked for cannot be negotiated; in words, and whether it is for want of permission."""

    def __init__(self, message: str, *, forbidden: bool = False) -> None:
        super().__init__(message)
        self.forbidden = forbidden


@dataclass(eq=False)
class Slot:
    """What one key has negotiated last: the generation of its hubs, and what the server has joined it to."""

    key_id: str
    generation: str
    memberships: set[Membership] = field(default_factory=set)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    connections: set[Connection] = field(default_factory=set)

    def groups(self, hub: str) -> list[str]:
        """The groups that the server has joined a hub's socket to, without the prefix."""
        return sorted(group for of_hub, group in self.memberships if of_hub == hub)


class Slots:
    """One slot for each key; who negotiates anew loses the addresses and the sockets of before."""

    def __init__(self) -> None:
        self._of_key: OrderedDict[str, Slot] = OrderedDict()
        self._of_token: dict[str, Slot] = {}

    def negotiate(self, key_id: str, generation: str, memberships: Iterable[Membership] = ()) -> Slot:
        """A new slot."""
        old = self._of_key.pop(key_id, None)
        if old is not None:
            self._forget(old)
        slot = self._of_key[key_id] = Slot(key_id, generation, set(memberships))
        self._of_token[slot.token] = slot
        while len(self._of_key) > MOST_SLOTS:
            self._forget(self._of_key.popitem(last=False)[1])
        return slot

    def of_token(self, token: str) -> Slot | None:
        """The slot of an address; None for one that is worthless, or not any more worth anything."""
        return self._of_token.get(token)

    def of_key(self, key_id: str) -> Slot | None:
        """What a key has negotiated last; None for nothing."""
        return self._of_key.get(key_id)

    def connections(self) -> Iterator[Connection]:
        """Every open socket."""
        for slot in list(self._of_key.values()):
            yield from list(slot.connections)

    def _forget(self, slot: Slot) -> None:
        self._of_token.pop(slot.token, None)
        for connection in list(slot.connections):
            connection.end("The connection was replaced by a newer one.")


# ---- what is asked for ---------------------------------------------------------------------------------------------


def memberships_of(names: list[str]) -> tuple[str, set[Membership]]:
    """The generation that a list of groups asks for, and their memberships. Raises `NegotiationError`.

    With a spot group it is the second generation, and every ticker has to have its spot group and others.
    """
    if not names:
        raise NegotiationError("groups must not be empty.")
    groups = [_known(name) for name in names]
    generation = V2 if any(group.is_spot for group in groups) else ""
    analytics = {group.ticker for group in groups if not group.is_spot}
    spots = {group.ticker for group in groups if group.is_spot}
    if generation and analytics != spots:
        lacking = ", ".join(sorted(analytics ^ spots))
        raise NegotiationError(f"Spot coverage: every ticker needs its spot group and another one: {lacking}.")
    memberships = {(f"{generation}{group.hub}", group.name) for group in groups if group.hub}
    if generation:  # every hub that has analytics of a ticker has its spot prices as well
        memberships |= {(f"{generation}{group.hub}", f"{group.ticker}_{SPOT}") for group in groups if group.hub}
    return generation, memberships


def checked_memberships(slot: Slot, pairs: Iterable[Membership]) -> set[Membership]:
    """The complete new memberships of a slot. Raises `NegotiationError`."""
    memberships = set(pairs)
    for hub, name in memberships:
        if hub not in hub_names(slot.generation):
            raise NegotiationError(f"Hub {hub!r} is not negotiated.")
        if not is_of_hub(_known(name), hub):
            raise NegotiationError(f"Group {name!r} is not of hub {hub!r}.")
    return memberships


def _known(name: str) -> Group:
    group = group_of(name)
    if group is None:
        raise NegotiationError(f"Unknown group {name!r}.")
    return group
