"""The soft histogram of relaxed 0.4.0: ``relaxed.hist``, mapped over rows.

bins = edges, reflect_infinities = (overflow == "reflect"). It has the normal kernel and no weights.
"""

from functools import partial

import jax
import jax.numpy as jnp
import relaxed

from suite.registry import implements

PAIRS = 3e8
"""Edges times samples beyond which the matrix of all pairs does not fit a small machine."""


def lacking(case):
    """Why relaxed cannot do a case, or None."""
    kernel = case.options.get("kernel", "gaussian")
    if kernel != "gaussian":
        return f"relaxed.hist has no kernel={kernel!r}, only the normal one"
    if "weights" in case.dims:
        return "relaxed.hist takes no weights"
    pairs = case.sizes["R"] * case.sizes["N"] * case.sizes["E"]
    return f"relaxed.hist makes a matrix of {pairs:.0e} numbers" if pairs > PAIRS else None


@implements(
    "soft_histogram",
    framework="jax",
    devices=("cpu", "cuda"),
    requires=("relaxed",),
    skip=lacking,
    known_error="peer-relaxed-hist",
)
def soft_histogram(
    x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"
):
    """Soft counts of every row; arguments as in ``suite.operators.soft_histogram``."""
    one = partial(relaxed.hist, density=density, reflect_infinities=overflow == "reflect")
    per_row = 0 if jnp.ndim(bandwidth) else None
    counts = jax.vmap(one, in_axes=(0, None, per_row))(x, edges, bandwidth)
    # A density is float64 whatever x is, where jax has float64 at all.
    return counts.astype(x.dtype)
