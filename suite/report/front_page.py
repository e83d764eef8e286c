"""The part of the README that comes from a run: one leaderboard and one picture."""

from __future__ import annotations

from pathlib import Path

from suite.report.contents import leaderboards
from suite.report.measured import from_folder
from suite.report.tables import markdown

BEGIN = '<!-- from a run: make report ARGS="--readme README.md" writes this part -->'
END = "<!-- to here -->"
SHOWN = "batch_shaping"


def write_front_page(readme: Path, run_folder: Path, report_folder: Path) -> bool:
    """Replace what stands between the README's two marks; False where it has no such marks.

    run_folder: the run that is shown. report_folder: where its report was written, for a picture.
    """
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        return False
    run = from_folder(run_folder)
    page = _link(report_folder / "report.md", readme)
    parts = [
        f"Run `{run_folder.name}` on `{run_folder.parent.name}`: one operator of "
        f"{len(run.operators)}, the others are in [the report]({page})."
    ]
    if SHOWN in run.operators and (tables := leaderboards(run, SHOWN)):
        parts.append(markdown(tables[0]).strip())
    pictures = sorted((report_folder / "figures").glob(f"{SHOWN}-*-time.png"))
    if pictures:
        parts.append(f"![time of {SHOWN}]({_link(pictures[0], readme)})")
    body = "\n\n".join(parts)
    readme.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}", encoding="utf-8")
    return True


def _link(path: Path, readme: Path) -> str:
    return path.resolve().relative_to(readme.resolve().parent).as_posix()
