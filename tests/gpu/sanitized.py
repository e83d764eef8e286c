"""Calls every kernel, forward and backward: what compute-sanitizer watches.

``python tests/gpu/sanitized.py`` exits with status 1 when an answer is wrong.
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])]

import every_kernel  # noqa: E402
from chosen import kernels  # noqa: E402
from on_device import Problem, worst  # noqa: E402

from suite import operators  # noqa: E402
from suite.operators.base import PASSES  # noqa: E402

BOTH = PASSES[1]


def wrong(declaration, device="cuda"):
    """How many of its answers are beyond the tolerance; prints what was called."""
    bad = 0
    for case in every_kernel.cases(operators.get(declaration.operator)):
        problem = Problem(declaration, case, device)
        if problem.unsupported():
            continue
        error = worst(problem, problem.run(BOTH), problem.expected(), BOTH)
        print(f"{declaration.operator} {declaration.name} {case.name}: {error:.3g}", flush=True)
        bad += not error <= 1.0
    return bad


def main() -> int:
    """Errors in tolerances, of every kernel that can run here."""
    able = [d for d in kernels() if not d.unable("cuda")]
    return int(sum(map(wrong, able)) > 0)


if __name__ == "__main__":
    sys.exit(main())
