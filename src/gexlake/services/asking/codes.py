"""What a code in a report means, whichever stage gave it."""

from __future__ import annotations

from gexlake.scanner import REFUSALS
from gexlake.validation.rules import Rule

_EXPLANATIONS = {
    **{code: f"{meaning[:1].upper()}{meaning[1:]}." for code, meaning in REFUSALS.items()},
    **{rule.value: rule.explanation for rule in Rule},
}


def explain(code: str) -> str:
    """One sentence on a code of a rule or of the scanner; of an unknown one, as of a newer gexlake, its own words."""
    return _EXPLANATIONS.get(code) or f"{code.replace('_', ' ').capitalize()}."
