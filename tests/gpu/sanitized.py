"""Calls every kernel once, forward and backward: what compute-sanitizer watches.

``python tests/gpu/sanitized.py`` exits with status 1 when an answer is wrong.
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])]

from conftest import declared  # noqa: E402
from on_device import Problem, case_of, worst  # noqa: E402

from suite import operators  # noqa: E402
from suite.operators.base import PASSES  # noqa: E402


def main() -> int:
    """Odd sizes, so that no block is full; prints what was called."""
    bad = 0
    for declaration in (d for d in declared() if "cpu" not in d.devices):
        problem = Problem(declaration, case_of(operators.get(declaration.operator), 5, 331), "cuda")
        if declaration.unable("cuda") or problem.unsupported():
            continue
        error = worst(problem, problem.run(PASSES[1]), problem.expected(), PASSES[1])
        print(f"{declaration.operator} {declaration.name}: {error:.3g} tolerances", flush=True)
        bad += error > 1.0
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
