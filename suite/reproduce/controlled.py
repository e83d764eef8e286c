"""A claim in words that holds, and whether it means what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from suite.reproduce.claims import Evidence, Judgement
from suite.reproduce.verdicts import Control, statement

Controlled = Callable[[Evidence], Control]


def controlled_statement(holds: Controlled, control: Controlled, number: str = "") -> Callable:
    """``statement``; where it holds and the control refutes it, it does not mean what it says.

    What both say is told.
    """

    def judge(evidence: Evidence) -> Judgement:
        judged, found = statement(holds, number)(evidence), control(evidence)
        refuted = judged.verdict == "reproduced" and found.refutes
        return replace(
            judged,
            verdict="does not mean what it says" if refuted else judged.verdict,
            why=f"{judged.why}; {found.says}",
        )

    return judge
