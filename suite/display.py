"""What a person sees while a run is going on."""

from __future__ import annotations

from collections import Counter
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

STYLES = {"ok": "green", "unsupported": "yellow"}


class Display:
    """A progress bar in a terminal; a line per worker elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.counts: Counter[str] = Counter()
        columns = (BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
        self.bar = Bar(
            *columns,
            TextColumn("{task.description}"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )

    def __enter__(self) -> Display:
        self.bar.start()
        self.task = self.bar.add_task("starting", total=None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def total(self, cells: int, done: int) -> None:
        self.bar.update(self.task, total=cells)
        if done:
            self.console.print(f"resuming: {done} results are there already")

    def job(self, title: str, done: int) -> None:
        self.bar.update(self.task, advance=done, description=title)
        if not self.console.is_terminal:
            self.console.print(title)

    def item(self, text: str) -> None:
        self.bar.update(self.task, description=escape(text))

    def advance(self) -> None:
        """One more of the total is done."""
        self.bar.update(self.task, advance=1)

    def cell(self, record: dict) -> None:
        self.counts[record["status"]] += 1
        if record["mode"] != "memory":
            self.bar.update(self.task, advance=1)
        if record["status"] not in STYLES:
            self.console.print(
                f"[red]{record['status']}[/] {record['operator']}/{record['implementation']} "
                f"{record['case']} {record['pass']}: {record['reason']}",
                highlight=False,
                soft_wrap=True,
            )
