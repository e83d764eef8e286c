"""A gate's answer in words: a sentence, a page for a pull request, annotations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from suite.compare import tables
from suite.compare.comparison import Comparisons
from suite.compare.github import SHOWN, Level, command
from suite.gate.finding import ORDER, Finding, Outcome
from suite.gate.run import Gate

WORDS: dict[Outcome, str] = {
    "held": "the gate holds",
    "regressed": "the gate does not hold",
    "unmeasured": "the gate could not measure",
    "unclear": "the gate cannot tell",
}
LEVELS: dict[Outcome, Level] = {"regressed": "error", "unmeasured": "warning", "unclear": "warning"}


def summary(answer: Gate) -> str:
    """One sentence: "the gate holds: 12 cells held (1 measured again), in 210 s"."""
    counts = Counter(finding.outcome for finding in answer.findings)
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ORDER if counts[outcome])
    rough = sum(f.outcome == "held" and f.row is not None and f.row.verdict == "unclear"
                for f in answer.findings)  # fmt: skip
    told += f" ({rough} of them measured too roughly to exclude a change)" if rough else ""
    again = f", {answer.again} measured again" if answer.again else ""
    seconds = f", in {answer.seconds:.0f} s" if answer.seconds else ""
    return f"{WORDS[answer.outcome]}: {told}{again}{seconds}"


def markdown(answer: Gate) -> str:
    """The answer, what did not hold, and the comparison's tables."""
    sentence = summary(answer)
    text = [f"## {sentence[0].upper()}{sentence[1:]}", ""]
    told = [finding for finding in answer.findings if finding.outcome != "held"]
    text += [f"- **{finding.outcome}** {_plain(finding)}" for finding in told] + [""] * bool(told)
    if answer.comparison is not None:
        found = Comparisons(answer.labels, (answer.comparison,), answer.kernels)
        text.append(tables.markdown(found))
    return "\n".join(text)


def commands(answer: Gate) -> Iterator[str]:
    """GitHub Actions' workflow commands for what did not hold, as many as GitHub shows."""
    told = [finding for finding in answer.findings if finding.outcome in LEVELS]
    for finding in told[:SHOWN]:
        yield command(LEVELS[finding.outcome], f"{finding.outcome} {finding.subject}", str(finding))
    if len(told) > SHOWN:
        yield command("notice", "more", f"{len(told) - SHOWN} more, in the gate's table")


def _plain(finding: Finding) -> str:
    return str(finding).replace("\\", "\\\\").replace("\n", " ").replace("<", "&lt;")
