from __future__ import annotations

import pytest

from gexlake.scanner import REFUSALS
from gexlake.scanner.refusals import FAILED_CODES
from gexlake.services.asking.codes import explain
from gexlake.validation.rules import Rule


@pytest.mark.parametrize("code", [*(rule.value for rule in Rule), *REFUSALS])
def test_every_code_is_explained_in_one_sentence(code: str) -> None:
    sentence = explain(code)
    assert sentence.endswith((".", "?"))
    assert sentence[0] in "`A" or sentence[0].isupper()
    assert "\n" not in sentence


def test_a_rule_explains_itself() -> None:
    assert explain("spot_invalid") == Rule.SPOT_INVALID.explanation


def test_a_code_to_come_is_its_own_explanation() -> None:
    assert explain("not_known_yet") == "Not known yet."


def test_failed_codes_are_refusals() -> None:
    assert set(REFUSALS) >= FAILED_CODES
