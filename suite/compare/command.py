"""From two words to two sides: runs that are there, or revisions that are measured first."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from suite.compare.revision import Checkout, Unmeasurable, checked_out, commit_of, is_checkout
from suite.compare.side import Side, of_path

Say = Callable[[str], None]


def sides(
    words: Sequence[str], bench: Sequence[str], results: Path, processes: int, say: Say, watch: Say
) -> tuple[Side, ...]:
    """Both sides of a comparison.

    words: of each side a run's, a machine's or a results folder, a checkout of the project, or a
    git revision. What must be measured is, ``processes`` times each and alternating (A B B A), by
    ``bench`` with those arguments, its runs below ``results``. say is told of every
    process, watch of every line that it prints.

    Raises ValueError for a folder without runs, Unmeasurable for what is no side at all, or cannot
    be checked out or run.
    """
    stored = {word: of_path(Path(word)) for word in words if is_stored(word)}
    todo = [word for word in words if word not in stored]
    for word in todo:
        if not is_checkout(Path(word)):
            require_revision(word)
    with contextlib.ExitStack() as stack:
        checkouts = [stack.enter_context(tree(word, results)) for word in todo]
        for number in range(processes):
            for checkout in checkouts if number % 2 == 0 else checkouts[::-1]:
                say(f"{checkout.label}: process {number + 1} of {processes}")
                checkout.bench(bench, watch)
        measured = iter([checkout.side() for checkout in checkouts])
    return tuple(stored[word] if word in stored else next(measured) for word in words)


def bench_words(
    operators: Sequence[str],
    implementations: Sequence[str],
    cases: Sequence[str],
    device: str,
    full: bool,
) -> list[str]:
    """A choice of cells as arguments of ``bench``."""
    named = {"-o": operators, "-i": implementations, "-c": cases}
    words = [word for option, names in named.items() for name in names for word in (option, name)]
    return [*words, "--device", device, "--full" if full else "--quick"]


def is_stored(word: str) -> bool:
    """Whether a word names something on disk that is no checkout: runs, if anything."""
    path = Path(word)
    return path.exists() and not is_checkout(path)


def require_revision(word: str) -> None:
    """Raise Unmeasurable for what names no revision."""
    try:
        commit_of(word)
    except Unmeasurable as error:
        raise Unmeasurable(f"{word!r}: no folder of runs and no git revision ({error})") from None


@contextlib.contextmanager
def tree(word: str, results: Path) -> Iterator[Checkout]:
    """A checkout's folder as it is, or a revision checked out aside for as long as needed.

    Raises Unmeasurable for what is neither, or cannot be checked out.
    """
    folder = Path(word)
    if is_checkout(folder):
        yield Checkout(str(folder), folder.resolve(), results / "here")
    else:
        require_revision(word)
        with checked_out(word, results) as checkout:
            yield checkout
