"""The errata for people: a table for the terminal, a page for the repository."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from suite.errata.entry import Evidence
from suite.errata.proving import Proved

_STYLES = {"wrong": "red", "holds": "green", "not run": "yellow", "failed": "bold red"}
_HEAD = """# Errata

What published formulas get wrong, and where they hold. Written by `make errata` from proofs that
it runs; `python -m suite errata --entry NAME` runs one of them. Do not edit.

"""


def print_table(found: Sequence[Proved], console: Console, *, all_evidence: bool = False) -> None:
    """Source, claim, verdict and evidence of every entry, one row each.

    all_evidence: every quantity that was compared; else the first that the verdict rests on.
    """
    table = Table(show_lines=True, expand=True)
    # Names are for --entry: folded where they are too long, never cut.
    table.add_column("entry, source", ratio=31, overflow="fold")
    table.add_column("claim", ratio=22)
    table.add_column("verdict", width=9)
    table.add_column("evidence", ratio=26)
    for item in found:
        style = _STYLES[item.verdict]
        table.add_row(
            f"[bold]{item.entry.name}[/]\n{_plain(item.entry.source)}",
            _plain(item.entry.claim),
            f"[{style}]{item.verdict}[/]\n{_plain(_fault(item))}".strip(),
            _plain(_evidence(item, all_evidence)),
        )
    console.print(table)


def print_details(found: Sequence[Proved], console: Console) -> None:
    """The formulas and the reasons behind rows of the table."""
    for item in found:
        entry = item.entry
        lines = [f"[bold]{entry.name}[/]", f"  published  {_plain(entry.published)}"]
        if entry.corrected:
            lines.append(f"  corrected  {_plain(entry.corrected)}")
        console.print("\n".join([*lines, f"  {_plain(entry.why)}"]))


def write_page(found: Sequence[Proved], file: Path) -> None:
    """The page: the table, then every entry with its formulas and all of its evidence."""
    lines = ["| entry | claim | verdict | evidence |", "|---|---|---|---|"]
    for item in found:
        name = item.entry.name
        shown = dataclasses.replace(item, recorded=False)
        cells = (f"[{name}](#{name})", item.entry.claim, _words(item), _evidence(shown, False))
        lines.append("| " + " | ".join(_cell(text) for text in cells) + " |")
    sections = [_section(item) for item in found]
    text = _HEAD + "\n".join(lines) + "\n\n" + "\n".join(sections)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _section(item: Proved) -> str:
    entry = item.entry
    lines = [
        f"## {entry.name}",
        "",
        f"{_words(item).capitalize()}. {entry.source}.",
        "",
        f"> {entry.claim}",
        "",
    ]
    lines += ["```", f"published  {entry.published}"]
    lines += [f"corrected  {entry.corrected}"] if entry.corrected else []
    lines += ["```", "", entry.why, ""]
    if item.evidence:
        lines += ["| quantity | published | right | |", "|---|---|---|---|"]
        for e in item.evidence:
            mark = "agrees" if e.agrees else "**differs**"
            cells = (e.quantity, *_numbers(e), mark)
            lines.append("| " + " | ".join(_cell(text) for text in cells) + " |")
        versions = ", ".join(f"{k} {v}" for k, v in item.versions.items())
        lines += ["", f"With {versions}." if versions else "", ""]
    return "\n".join(lines).replace("\n\n\n", "\n\n")


def _fault(item: Proved) -> str:
    if item.verdict in ("not run", "failed"):
        return item.reason
    shown = "" if item.entry.fault == "none" else item.entry.fault
    return shown if item.as_declared else f"not as declared: {item.entry.fault}"


def _words(item: Proved) -> str:
    fault = _fault(item)
    return f"{item.verdict} ({fault})" if fault else item.verdict


def _evidence(item: Proved, everything: bool) -> str:
    shown = item.evidence if everything else item.telling[:1]
    lines = [_line(e) for e in shown]
    if item.recorded:
        versions = ", ".join(f"{k} {v}" for k, v in item.versions.items())
        lines.append(f"(recorded with {versions}; {item.reason} here)")
    elif more := len(item.evidence) - len(shown):
        lines.append(f"(and {more} more)")
    return "\n".join(lines)


def _line(e: Evidence) -> str:
    published, right = _numbers(e)
    return f"{e.quantity}: {published}, " + ("right" if e.agrees else f"right: {right}")


def _numbers(e: Evidence) -> tuple[str, str]:
    """Both in four digits, or in as many more as it takes to tell them apart when they differ."""
    for digits in (4, 7, 10, 17):
        # Zero is added so that no zero has a minus.
        found = tuple(f"{v + 0.0:.{digits}g} {e.unit}".strip() for v in (e.published, e.right))
        if e.agrees or found[0] != found[1]:
            break
    return found[0], found[1]


def _plain(text: str) -> str:
    """Text whose brackets are not rich's markup."""
    return text.replace("[", "\\[")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "; ")
