"""softjax and softtorch 0.1.1 as installed: soft comparisons and soft ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special, stats

from suite.errata.entry import Erratum, Evidence

_SOFTJAX = ("softjax", "jax")
_SOFTTORCH = ("softtorch", "torch")
_FAR = np.array([2.0, 12.0, 17.0], np.float32)


def _torch(function: str, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """A comparison with 0 at softness 1, and its derivative."""
    import softtorch
    import torch

    x = torch.tensor(_FAR, requires_grad=True)
    y = getattr(softtorch, function)(x, torch.zeros_like(x), softness=1.0, **options)
    (slope,) = torch.autograd.grad(y.sum(), x)
    return y.detach().double().numpy(), slope.double().numpy()


def _jax(function: str, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    import jax
    import jax.numpy as jnp
    import softjax

    def compare(x):
        return getattr(softjax, function)(x, jnp.zeros_like(x), softness=1.0, **options)

    x = jnp.asarray(_FAR)
    slope = jax.grad(lambda v: compare(v).sum())(x)
    return np.asarray(compare(x), np.float64), np.asarray(slope, np.float64)


def _greater(compare: Any) -> tuple[Evidence, ...]:
    values, slopes = compare("greater", epsilon=0.0)
    bells = special.expit(_FAR) * special.expit(-_FAR)
    return (
        Evidence("greater(2, 0)", values[0], special.expit(2), 1e-6),
        *(Evidence(f"derivative of greater(x, 0) at {x:g}, over the right", slope / bell, 1, 1e-4)
          for x, slope, bell in zip(_FAR, slopes, bells, strict=True)),
    )  # fmt: skip


def _less(compare: Any) -> tuple[Evidence, ...]:
    values, _ = compare("less")
    right = special.expit(-_FAR.astype(np.float64))
    return tuple(
        Evidence(f"less({x:g}, 0), over the right", value / exact, 1, 1e-4)
        for x, value, exact in zip(_FAR, values, right, strict=True)
    )


def _ranks(module: str) -> tuple[Evidence, ...]:
    import importlib

    x = np.random.Generator(np.random.Philox(0)).normal(size=9)
    library = importlib.import_module(module)
    given: Any
    if module == "softtorch":
        import torch

        given, axis = torch.from_numpy(x), {"dim": -1}
    else:
        import jax.numpy as jnp

        given, axis = jnp.asarray(x), {"axis": -1}
    found = []
    for method in ("softsort", "neuralsort", "fast_soft_sort", "sorting_network", "ot"):
        options = {"softness": 1e-4, "method": method, "descending": False, **axis}
        error = np.abs(np.asarray(library.rank(given, **options)) - stats.rankdata(x)).max()
        found.append(Evidence(f"largest error of 9 ranks, softness 0.0001, {method}",
                              float(error), 0, 0.02))  # fmt: skip
    return tuple(found)


def _entries(library: str, needs: tuple[str, ...], compare: Any) -> tuple[Erratum, ...]:
    where = f"{library} 0.1.1, functions.py, "
    return (
        Erratum(
            f"{library}-upper-tail",
            where + "greater, mode='smooth'",
            "A soft comparison by the logistic function, and its gradient.",
            "y = sigmoid(z), dy/dz = y (1 - y)",
            "dy/dz = sigmoid(z) sigmoid(-z)",
            "limit",
            "The framework's own sigmoid: 1 - y loses the upper tail, so that in float32 the slope "
            "is 1% off at z = 12 and 0 from z = 17.",
            needs,
            lambda: _greater(compare),
        ),
        Erratum(
            f"{library}-less",
            where + "less, logical_not(greater_equal(...))",
            "The soft comparison the other way round.",
            "1 - sigmoid(z)",
            "sigmoid(-z)",
            "limit",
            "A difference from 1 has no small values: 0 from z = 17 in float32. greater(y, x) has "
            "them.",
            needs,
            lambda: _less(compare),
        ),
        Erratum(
            f"{library}-rank",
            where + "rank",
            "Soft ranks by five methods, ranks in the limit of no softness.",
            "ranks from 1 to N",
            "",
            "none",
            "Holds for distinct values.",
            needs,
            lambda: _ranks(library),
        ),
    )


ENTRIES = _entries("softjax", _SOFTJAX, _jax) + _entries("softtorch", _SOFTTORCH, _torch)
