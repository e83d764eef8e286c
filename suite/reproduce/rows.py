"""The table: what every claim's numbers say, one row a claim and implementation."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pandas as pd

from suite import reproduce
from suite.reproduce.claims import EXACT, Claim, Evidence, Found, Judgement, Source, Unsupported
from suite.reproduce.published import Published, published
from suite.reproduce.worker import from_json

COLUMNS = (
    "source", "claim", "quantity", "place", "implementation", "published", "digits", "unit",
    "exact", "mean", "sd", "verdict", "why",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """digits, exact, mean, sd: NaN where there is none."""

    source: str
    claim: str
    quantity: str
    place: str
    implementation: str
    published: str
    digits: float
    unit: str
    exact: float
    mean: float
    sd: float
    verdict: str
    why: str


def rows(records: list[dict]) -> list[Row]:
    """Every claim judged, source by source, in the order of its claims."""
    found = []
    for name in dict.fromkeys(record["source"] for record in records):
        mine = [record for record in records if record["source"] == name]
        source, told = reproduce.get(name), Found(_records(mine))
        for claim in source.claims:
            for implementation in _implementations(mine, claim):
                found.append(_row(source, claim, implementation, told, mine))
    return found


def frame(found: list[Row]) -> pd.DataFrame:
    """The rows as the store has them."""
    return pd.DataFrame([asdict(row) for row in found], columns=list(COLUMNS))


def _records(records: list[dict]) -> dict:
    return {
        (r["experiment"], r["implementation"], r["start"]): from_json(r)
        for r in records
        if r["status"] == "ok"
    }


def _implementations(records: list[dict], claim: Claim) -> list[str]:
    mine = (r["implementation"] for r in records if r["experiment"] == claim.experiment)
    return list(dict.fromkeys(mine))


def _row(
    source: Source, claim: Claim, implementation: str, found: Found, records: list[dict]
) -> Row:
    stated = published(source.name)[claim.name]
    judged = _judged(claim, stated, implementation, found, records)
    return Row(
        source.name, claim.name, stated.quantity, stated.place, implementation, stated.value,
        stated.digits or float("nan"), stated.unit, judged.exact, judged.mean, judged.sd,
        judged.verdict, judged.why,
    )  # fmt: skip


def _judged(
    claim: Claim, stated: Published, implementation: str, found: Found, records: list[dict]
) -> Judgement:
    for record in records:
        who = (record["experiment"], record["implementation"], record["start"])
        if who == (claim.experiment, implementation, EXACT) and record["status"] != "ok":
            return Judgement("not run", f"{record['status']}: {record['reason']}")
    try:
        return claim.judge(Evidence(stated, claim.experiment, implementation, found))
    except Unsupported as error:
        return Judgement("not run", str(error))
