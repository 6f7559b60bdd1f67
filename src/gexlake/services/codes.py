"""What a code in a report means, whichever stage gave it."""

from __future__ import annotations

from gexlake.scanner import REFUSALS
from gexlake.validation.rules import Rule


def explain(code: str) -> str:
    """One sentence on a code of a rule or of the scanner; an unknown one, as of a newer gexlake, explains itself."""
    if code in Rule:
        return Rule(code).explanation
    meaning = REFUSALS.get(code, code.replace("_", " "))
    return f"{meaning[:1].upper()}{meaning[1:]}."
