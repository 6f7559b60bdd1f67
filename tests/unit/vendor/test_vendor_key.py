"""The vendor's key: where it may come from, and that nothing shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexlake.errors import UsageError
from gexlake.vendor.vendor_key import KEY_VARIABLE, VendorKey, load_key

SECRET = "9f8e7d6c5b4a"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (SECRET, f"gexbot_custom_{SECRET}"),
        (f"gexbot_custom_{SECRET}", f"gexbot_custom_{SECRET}"),
        (f"gexbot_tradingview_{SECRET}\n", f"gexbot_tradingview_{SECRET}"),
        (f"research_{SECRET}", f"research_{SECRET}"),
    ],
)
def test_the_prefix_is_added_where_there_is_none(text: str, sent: str) -> None:
    assert VendorKey(text).authorization == f"Bearer {sent}"


def test_a_key_does_not_show_in_its_own_text() -> None:
    key = VendorKey(SECRET)
    assert SECRET not in f"{key} {key!r} {[key]}"


def test_texts_are_shown_without_key_signature_and_token() -> None:
    text = f"{SECRET} gexbot_custom_{SECRET} https://x/y?sv=1&sig=abc%3D&se=2 Bearer qwe access_token=rty"
    shown = VendorKey(SECRET).redact(text)
    assert shown == "******** ******** https://x/y?sv=1&sig=********&se=2 Bearer ******** access_token=********"


@pytest.mark.parametrize("text", ["", "  ", "two words", "käse", "a\nb", "a\x00"])
def test_what_cannot_be_a_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        VendorKey(text)
    assert not text.strip() or text not in str(caught.value)


def test_it_comes_from_the_environment(tmp_path: Path) -> None:
    assert load_key(None, {KEY_VARIABLE: SECRET}).authorization.endswith(SECRET)
    with pytest.raises(UsageError, match=KEY_VARIABLE):
        load_key(None, {})


def test_a_file_of_its_owner_alone_goes_before_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o600)
    assert load_key(file, {KEY_VARIABLE: "another"}).authorization.endswith(SECRET)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    file.write_text(SECRET)
    file.chmod(mode)
    with pytest.raises(UsageError, match=f"its mode is {mode:04o}") as caught:
        load_key(file, {})
    assert SECRET not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        load_key(tmp_path / "key", {})
    with pytest.raises(UsageError):
        load_key(tmp_path, {})
