"""The binned kernel density estimate of relaxed, as differences of normal CDFs.

    count_b = sum_i [Phi((e_{b+1} - x_i) / h) - Phi((e_b - x_i) / h)]

``density`` divides every bin by its width and by the sum of all bins. ``overflow="reflect"`` is the
source's ``reflect_infinities``: edges at -inf and +inf are added first, and the two bins they make
are added to their neighbours last, after the division. Rows are mapped; the source has one.

Sources: "Differentiable Histograms", the relaxed example notebook, the two calls of relaxed.hist;
relaxed (Simpson, Feickert et al.), relaxed/ops/histograms.py, function hist; N. Simpson,
L. Heinrich, 2022, arXiv 2203.05570, on binned kernel density estimates.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm

from suite.registry import implements


def lacking(case):
    """The option of a case that the source does not have, or None."""
    kernel = case.options.get("kernel", "gaussian")
    if kernel != "gaussian":
        return f"the source has no kernel={kernel!r}, only 'gaussian'"
    if "weights" in case.dims:
        return "the source has no weights"
    pairs = case.sizes["R"] * case.sizes["N"] * case.sizes["E"]
    return f"an (edges, samples) matrix of {pairs:.1e} numbers" if pairs > 3e8 else None


@implements(
    "soft_histogram",
    framework="jax",
    devices=("cpu", "cuda"),
    name="published_relaxed",
    known_error="relaxed-hist-upper-tail",
    skip=lacking,
)
def soft_histogram(
    x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"
):
    """Counts or densities (R, B) of rows (R, N); one bandwidth, or one a row."""
    bandwidth = jnp.broadcast_to(jnp.asarray(bandwidth, x.dtype), x.shape[:1])
    one = partial(_histogram, density=density, reflect=overflow == "reflect")
    return jax.vmap(one, in_axes=(0, None, 0))(x, edges, bandwidth)


@partial(jax.jit, static_argnames=("density", "reflect"))
def _histogram(x, edges, bandwidth, *, density, reflect):
    if reflect:
        ends = jnp.array([-jnp.inf, jnp.inf], edges.dtype)
        edges = jnp.concatenate([ends[:1], edges, ends[1:]])
    below = norm.cdf(edges[:, None], loc=x, scale=bandwidth)
    counts = (below[1:] - below[:-1]).sum(axis=1)
    if density:
        counts = counts / jnp.diff(edges) / counts.sum()
    if reflect:
        counts = counts[1:-1].at[0].add(counts[0]).at[-1].add(counts[-1])
    return counts
