"""Keys, signatures, ranges, faults, views, pace and outboxes of a replay."""

from __future__ import annotations

import pytest

from gexlake.replay.access import caller_of, key_of, redact
from gexlake.replay.downloads import Part, RangeError, part_of
from gexlake.replay.faults import CutDownloads, FaultBox, Faults, Refusals
from gexlake.replay.hubs.outbox import MOST_ANSWERS, MOST_OF_GROUP, Outbox, OverflowingError
from gexlake.replay.hubs.slots import NegotiationError, memberships_of
from gexlake.replay.pace import Pace
from gexlake.replay.signing import Signer
from gexlake.replay.views import majors, maxchange

# ---- keys


@pytest.mark.parametrize(
    ("header", "query", "key"),
    [
        ("Bearer abc", {}, "abc"),
        ("bearer  abc ", {}, "abc"),
        ("Basic raw:key", {}, "raw:key"),
        (None, {"key": "abc"}, "abc"),
        ("Bearer ", {"key": "abc"}, ""),
        ("Digest abc", {}, ""),
        ("abc", {}, ""),
        (None, {}, ""),
    ],
)
def test_a_key_comes_in_any_of_three_ways(header: str | None, query: dict[str, str], key: str) -> None:
    assert key_of(header, query) == key


def test_a_caller_is_no_key_and_has_the_tier_at_its_end() -> None:
    caller = caller_of("gexbot_custom_x-state")
    assert "x-state" not in caller.key_id
    assert (caller.tier, caller.may("classic"), caller.may("state"), caller.may("quant")) == (
        "state",
        True,
        True,
        False,
    )
    assert caller_of("gexbot_custom_x").tier == "quant"
    assert caller_of("a") == caller_of("a") != caller_of("b")


@pytest.mark.parametrize(
    "secret", ["access_token=abc", "sig=abc", "key=abc", "Authorization: Bearer abc", "authorization abc"]
)
def test_what_is_secret_is_taken_out(secret: str) -> None:
    text = redact(f"GET /v2/x?a=1&{secret}&b=2")
    assert "abc" not in text
    assert text.startswith("GET /v2/x?a=1&")


# ---- signatures


def test_a_signature_is_of_one_name_one_owner_and_a_while() -> None:
    now = [100.0]
    signer = Signer(lambda: now[0], lifetime_seconds=10)
    query = dict(pair.split("=") for pair in signer.query("a.gz", "me").split("&"))
    assert signer.admits("a.gz", "me", query["se"], query["sig"])
    for name, owner, expiry in (("b.gz", "me", query["se"]), ("a.gz", "you", query["se"]), ("a.gz", "me", "999")):
        assert not signer.admits(name, owner, expiry, query["sig"])
    assert not signer.admits("a.gz", "me", "x", "é")
    now[0] = 110.0
    assert not signer.admits("a.gz", "me", query["se"], query["sig"])
    now[0] = 100.0
    signer.forget()
    assert not signer.admits("a.gz", "me", query["se"], query["sig"])


# ---- ranges


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-", Part(0, 100)),
        ("bytes=0-0", Part(0, 1)),
        ("bytes=99-", Part(99, 100)),
        ("bytes=10-1000", Part(10, 100)),
        ("bytes=-30", Part(70, 100)),
        ("bytes=-1000", Part(0, 100)),
        ("bytes=-", None),
        ("bytes=9-3", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
    ],
)
def test_a_part_is_what_the_header_asks_for(header: str | None, part: Part | None) -> None:
    assert part_of(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=-0"])
def test_a_part_outside_the_file_is_refused(header: str) -> None:
    with pytest.raises(RangeError):
        part_of(header, 100)


# ---- faults


def test_faults_are_used_up() -> None:
    box = FaultBox()
    assert (box.refusal("/x"), box.take("expired_urls"), box.cut_after_bytes()) == (None, False, None)
    box.set(
        Faults(refusals=Refusals(count=1, after=1, path="hist"), cut_downloads=CutDownloads(count=1, after_bytes=5))
    )
    refusals = [box.refusal(path) for path in ("/hist/1", "/other", "/hist/2", "/hist/3")]
    assert [refusal and refusal.status for refusal in refusals] == [None, None, 403, None]
    assert [box.cut_after_bytes(), box.cut_after_bytes()] == [5, None]


# ---- views


def test_majors_are_the_snapshot_under_other_names() -> None:
    snapshot = {
        name: number for number, name in enumerate(("timestamp", "ticker", "spot", "sum_gex_vol", "major_neg_oi"))
    }
    found = majors(snapshot)
    assert list(found) == [
        "timestamp", "ticker", "spot", "mpos_vol", "mpos_oi", "mneg_vol", "mneg_oi", "zero_gamma",
        "net_gex_vol", "net_gex_oi",
    ]  # fmt: skip
    assert (found["net_gex_vol"], found["mneg_oi"], found["zero_gamma"]) == (3, 4, None)


def test_maxchange_has_the_six_pairs_by_name() -> None:
    pairs = [[100, number] for number in range(6)]
    found = maxchange({"timestamp": 1, "ticker": "SPX", "max_priors": pairs})
    assert found == {
        "timestamp": 1, "ticker": "SPX", "current": [100, 0], "one": [100, 1], "five": [100, 2], "ten": [100, 3],
        "fifteen": [100, 4], "thirty": [100, 5],
    }  # fmt: skip
    assert maxchange({"timestamp": 1, "ticker": "SPX"})["thirty"] is None


# ---- pace


def test_one_request_a_second_for_each_metric() -> None:
    pace = Pace()
    assert [pace.admits("a", now) for now in (0.0, 0.5, 0.95, 1.0, 1.9)] == [True, False, True, False, True]
    assert pace.admits("b", 1.9)


# ---- outboxes


def test_a_reader_that_keeps_up_gets_everything_in_order() -> None:
    outbox = Outbox()
    for number in range(100):
        outbox.offer("g", str(number))
        assert outbox.take() == ("g", str(number))
    assert (len(outbox), outbox.left_out) == (0, 0)


def test_a_slow_one_gets_the_newest_of_each_group_and_every_answer() -> None:
    outbox = Outbox()
    outbox.answer("ack")
    for number in range(1000):
        outbox.offer("quick", f"quick {number}")
        if number % 200 == 0:
            outbox.offer("slow", f"slow {number}")
        assert len(outbox) <= MOST_OF_GROUP + 7
    frames = [outbox.take()[1] for _ in range(len(outbox))]
    assert frames[-1] == "quick 999"
    assert [frame for frame in frames if not str(frame).startswith("quick")] == [
        "ack",
        *(f"slow {n}" for n in range(0, 1000, 200)),
    ]
    assert outbox.left_out == 1000 - sum(str(frame).startswith("quick") for frame in frames)


def test_answers_without_end_are_refused() -> None:
    outbox = Outbox()
    for _ in range(MOST_ANSWERS):
        outbox.answer("pong")
    with pytest.raises(OverflowingError):
        outbox.answer("pong")


# ---- negotiation


def test_spot_is_on_every_hub_that_has_analytics_of_the_ticker() -> None:
    generation, memberships = memberships_of(
        [
            "SPX_classic_gex_full",
            "SPX_classic_gex_full",
            "SPX_state_gamma_zero",
            "NDX_orderflow_orderflow",
            "SPX_spot",
            "NDX_spot",
        ]
    )
    assert generation == "v2_"
    assert memberships == {
        ("v2_classic", "SPX_classic_gex_full"),
        ("v2_classic", "SPX_spot"),
        ("v2_state_greeks_zero", "SPX_state_gamma_zero"),
        ("v2_state_greeks_zero", "SPX_spot"),
        ("v2_orderflow", "NDX_orderflow_orderflow"),
        ("v2_orderflow", "NDX_spot"),
    }


def test_a_ticker_without_its_spot_is_named() -> None:
    with pytest.raises(NegotiationError, match="NDX"):
        memberships_of(["SPX_classic_gex_full", "NDX_classic_gex_full", "SPX_spot"])
