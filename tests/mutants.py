"""Write which mutants of the judge its tests leave alive, after ``mutmut run``, as Markdown.

    mutmut run && python tests/mutants.py > results/mutants.md

Run by hand (pyproject.toml says on what): some minutes, and mutmut is no dependency of anything.
"""

import collections
import importlib.metadata
import subprocess


def mutmut(*arguments):
    done = subprocess.run(["mutmut", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def changed(name):
    """The lines that a mutant takes out and puts in."""
    shown = mutmut("show", name)
    return [line for line in shown if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def main():
    results = dict(line.strip().rsplit(": ", 1) for line in mutmut("results", "--all", "true"))
    counts = collections.Counter(results.values())
    killed, total = counts["killed"], sum(counts.values())
    print("# What the tests of the judge do not notice\n")
    print(
        f"mutmut {importlib.metadata.version('mutmut')} changed `suite/judge` in {total:,} places, "
        f"one at a time; `tests/judge` noticed {killed:,} of them ({killed / total:.1%}).\n"
    )
    print("The others, with what was taken out and what was put in:\n")
    for name, outcome in sorted(results.items()):
        if outcome != "killed":
            print(f"`{name}` ({outcome})\n\n```diff")
            print(*changed(name), sep="\n")
            print("```\n")


if __name__ == "__main__":
    main()
