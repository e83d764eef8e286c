"""The TorchEBM guide's factory, validator, trace and penalties: what the errata's proofs find."""

from __future__ import annotations

from collections.abc import Callable

from suite import errata
from suite.reproduce.claims import Evidence, Record, Trial
from suite.reproduce.verdicts import Control, short

ENTRIES = {
    "penalties": "torchebm-guide-maximum-likelihood",
    "batched-trace": "torchebm-guide-batched-trace",
    "factory": "torchebm-guide-factory",
    "validator": "torchebm-guide-validator",
}
"""A claim, and the entry of the errata whose proof tests it."""


def run(trial: Trial) -> Record:
    """found, right, agrees / CLAIM / QUANTITY: of every quantity of the proofs."""
    numbers: dict[str, float] = {}
    for claim, name in ENTRIES.items():
        for each in errata.get(name).proof():
            about = f"{claim}/{each.quantity}"
            numbers |= {
                f"found/{about}": float(each.published),
                f"right/{about}": float(each.right),
                f"agrees/{about}": float(each.agrees),
            }
    return Record(numbers)


def holds(claim: str) -> Callable[[Evidence], Control]:
    """Refuted when one of the claim's quantities is not what it should be."""

    def judge(evidence: Evidence) -> Control:
        n = evidence.exact.numbers
        before = f"agrees/{claim}/"
        quantities = [name.removeprefix(before) for name in n if name.startswith(before)]
        wrong = [each for each in quantities if not n[f"{before}{each}"]]
        told = [
            f"{each} {short(n[f'found/{claim}/{each}'])}, right {short(n[f'right/{claim}/{each}'])}"
            for each in wrong or quantities
        ]
        says = f"{len(wrong)} of {len(quantities)} answers are wrong: {'; '.join(told)}"
        return Control(says, bool(wrong))

    return judge
