"""Block by block on a CPU, so that what a block needs stays in the caches.

A pass over tens of megabytes that are mapped anew costs more than the arithmetic in it, and XLA
makes one of every value that is used twice.
"""

import jax
import jax.numpy as jnp
from jax import lax

BLOCK = 1 << 18
"""Samples whose passes stay in the caches."""


def by_blocks(function, step, *given):
    """function(*given) of so many rows at a time; arrays of shape () go to all of them.

    The rows are those of the first axis; every result must have them in front.
    """
    rows = next(len(value) for value in given if value.ndim)
    if rows <= step:
        return function(*given)
    blocks = -(-rows // step)

    def on_cpu(*given):
        def at(start):
            return (lax.dynamic_slice_in_dim(v, start, step) if v.ndim else v for v in given)

        def add(i, found):
            start = jnp.minimum(i * step, rows - step)  # the last block may overlap
            own = function(*at(start))
            return jax.tree.map(
                lambda a, b: lax.dynamic_update_slice_in_dim(a, b, start, 0), found, own
            )

        shapes = jax.eval_shape(lambda: function(*at(0)))
        nothing = jax.tree.map(lambda a: jnp.zeros((rows, *a.shape[1:]), a.dtype), shapes)
        return lax.fori_loop(0, blocks, add, nothing)

    return lax.platform_dependent(*given, cpu=on_cpu, default=function)
