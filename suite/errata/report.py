"""From entries to what people see: proofs run, the table printed, the record and the page kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from suite import errata
from suite.errata.proving import Proved, prove, record, with_recorded
from suite.errata.table import print_details, print_table, write_page

RECORD = "errata.json"
PAGE = "errata.md"


def run(names: Sequence[str], results: Path, console: Console) -> tuple[Proved, ...]:
    """Prove the named entries, or all, and print them; those that are not as declared.

    All entries together also write ``errata.json`` and ``errata.md`` below ``results``. Raises
    KeyError for an unknown name.
    """
    chosen = tuple(errata.get(name) for name in names) or errata.entries()
    proved = []
    with console.status("") as status:
        for number, entry in enumerate(chosen, 1):
            status.update(f"{number}/{len(chosen)} {entry.name}")
            proved.append(prove(entry))
    found = with_recorded(proved, results / RECORD)
    print_table(found, console, all_evidence=bool(names))
    if names:
        print_details(found, console)
    else:
        record(found, results / RECORD)
        write_page(found, results / PAGE)
        console.print(f"{results / RECORD}\n{results / PAGE}")
    undeclared = tuple(item for item in found if not item.as_declared)
    for item in undeclared:
        declared = item.entry.fault
        reason = item.reason or f"it is {item.verdict}, but its fault is declared as {declared!r}"
        console.print(f"[red]not as declared[/] {item.entry.name}: {reason}", soft_wrap=True)
    return undeclared
