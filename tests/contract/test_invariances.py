"""Theorems about an operator hold for every implementation of it, in value and gradients.

What they say is in the operator's own file of theorems; that nothing else passes for them, zeros
for instance, is in test_theorems.py.
"""

import numpy as np
import pytest
from emulation import is_emulated
from hypothesis import given, settings
from hypothesis import strategies as st
from theorem import distance

EXAMPLES = {"numpy": 6, "torch": 6, "jax": 2}
INTERPRETED = {"triton_torch": 2, "triton_jax": 1}
"""Of implementations whose kernels an interpreter runs, a thousand times slower; they are the same
kernels."""
DTYPES = ("float32", "float64")


def dtypes(subject):
    """Where every dtype would be a compilation, the first."""
    mine = [dtype for dtype in DTYPES if dtype in subject.declaration.dtypes]
    return mine[:1] if subject.declaration.framework == "jax" else mine


def examples(subject):
    """How many instances of a theorem are drawn."""
    declaration = subject.declaration
    usual = EXAMPLES[declaration.framework]
    return INTERPRETED.get(declaration.name, usual) if is_emulated(declaration) else usual


def stated(theorem, seed, dtype):
    return theorem.state(np.random.Generator(np.random.Philox(seed)), dtype)


def test_an_implementation_keeps_what_is_proved_of_its_operator(subject, theorem):
    if subject.declaration.slow_compile:
        pytest.skip("test_value.py permutes the samples of the one graph that is compiled")
    tried = dtypes(subject)
    for problem in stated(theorem, 0, tried[0]).problems:
        if reason := subject.unsupported(problem.case):
            pytest.skip(f"{subject.name}: {reason}")

    def answer(given):
        return subject.run(given.case, given.arrays, given.cotangent)

    @settings(deadline=None, derandomize=True, max_examples=examples(subject))
    @given(seed=st.integers(0, 2**32), dtype=st.sampled_from(tried))
    def holds(seed, dtype):
        found = distance(theorem, stated(theorem, seed, dtype), answer)
        assert found.sides <= 1.0, f"{theorem.state.func.__doc__} ({found.sides:.3g} tolerances)"
        assert found.reference <= 1.0, f"{found.reference:.3g} tolerances from the reference"

    holds()
