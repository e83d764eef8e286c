"""Bad input that all losses of energies are given, and the good input that it is made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from suite.operators.base import ErrorCase

SAMPLES, SIZE = 5, 2


def bad(**given: Any) -> Callable[..., ErrorCase]:
    """A maker of error cases: a Gaussian energy of five samples in two dimensions, ``given`` what
    else the loss must have, and what is changed."""
    x = np.linspace(-1.0, 1.0, SAMPLES * SIZE, dtype=np.float32).reshape(SAMPLES, SIZE)
    theta = [np.zeros(SIZE, np.float32), np.eye(SIZE, dtype=np.float32)]

    def make(name, raises, match, *, by_value=False, **changes) -> ErrorCase:
        arguments = {"x": x, "theta": theta, **given, **changes}
        return ErrorCase(name, arguments, raises, match, by_value)

    return make


def error_cases(**given: Any) -> tuple[ErrorCase, ...]:
    """Wrong samples, thetas and energies."""
    make = bad(**given)
    mean = np.zeros(SIZE, np.float32)
    infinite = np.array([[0, 1], [np.inf, 0], [1, 2], [3, 1], [0, 0]], np.float32)
    wide = np.zeros((SAMPLES, 3), np.float32)
    return (
        make("x-rank", ValueError, ("x", "(6,)"), x=np.zeros(6, np.float32)),
        make("x-empty", ValueError, ("x", "(0, 2)"), x=np.zeros((0, 2), np.float32)),
        make("x-integer", TypeError, ("x", "int32"), x=np.zeros((5, 2), np.int32)),
        make("x-wrong-dimension", ValueError, ("mean", "(2,)", "(3,)"), x=wide),
        make("x-no-images", ValueError, ("x", "(5, 2)", "4 dimensions"), energy="conv"),
        make("theta-no-list", TypeError, ("theta", "an array", "list"), theta=mean),
        make("theta-number", TypeError, ("theta[1]", "float"), theta=[mean, 0.5]),
        make("theta-short", ValueError, ("theta", "1 arrays", "precision"), theta=[mean]),
        make("theta-dtype", TypeError, ("theta[1]", "float64", "float32"), theta=[mean, np.eye(2)]),
        make("theta-few-layers", ValueError, ("theta", "2 arrays", "weights"), energy="mlp_silu"),
        make("energy-unknown", ValueError, ("energy", "quadratic", "double_well"),
             energy="quadratic"),
        make("energy-number", TypeError, ("energy", "3", "callable"), energy=3),
        make("x-infinite", ValueError, ("x", "inf"), by_value=True, x=infinite),
        make("theta-infinite", ValueError, ("theta[0]", "inf"), by_value=True,
             theta=[np.array([0, np.inf], np.float32), np.eye(2, dtype=np.float32)]),
    )  # fmt: skip
