"""Launches in jax, and what makes a batch of them more rows.

jax-triton cannot be imported where jaxlib has no GPU, so it is imported when something is launched.
"""

import functools

import jax
import jax.numpy as jnp

from implementations.jax_xla.first_order_only import first_order_only
from implementations.jax_xla.float64 import float64
from implementations.triton.launch import Launch


def launch(step: Launch, *inputs):
    """What a kernel writes, given arrays; inside :func:`over_rows` only."""
    shapes = tuple(jax.ShapeDtypeStruct(o.shape, o.dtype) for o in step.outputs)
    return tuple(carry_out(step, shapes, *inputs))


def carry_out(step, shapes, *inputs):
    """By jax-triton; sizes are constants to it, as a compiled jax function has them anyway."""
    import jax_triton

    pointers = len(inputs) + len(shapes)
    names = step.kernel.arg_names[pointers : pointers + len(step.sizes)]
    sizes = dict(zip(names, step.sizes, strict=True))
    return jax_triton.triton_call(
        *inputs,
        kernel=step.kernel,
        out_shape=shapes,
        grid=step.grid,
        num_warps=step.warps,
        zeroed_outputs=tuple(i for i, output in enumerate(step.outputs) if output.zeros),
        **sizes,
        **step.constants,
    )


def over_rows(operator, function):
    """A function of arrays (R, ...) that returns a tuple of such, made of launches, for jax.

    64-bit numbers are there inside, whether or not jax was started with them; under vmap a batch is
    more rows; and what is differentiated raises NotImplementedError in the operator's name.
    """

    @jax.custom_batching.custom_vmap
    def call(*arrays):
        with float64():
            return function(*arrays)

    @call.def_vmap
    def _(size, batched, *arrays):
        folded = (
            (a if there else jnp.broadcast_to(a, (size, *a.shape))).reshape(
                -1, *a.shape[1 + there :]
            )
            for a, there in zip(arrays, batched, strict=True)
        )
        found = call(*folded)
        unfolded = tuple(o.reshape(size, o.shape[0] // size, *o.shape[1:]) for o in found)
        return unfolded, (True,) * len(found)

    @functools.wraps(function)
    def guarded(*arrays):
        return call(*(first_order_only(operator, a) for a in arrays))

    return guarded


def numbers(*values):
    """Host numbers as a float64 array."""
    return jnp.array(values, jnp.float64)


def per_row(value, x):
    """A host scalar or an array () or (R,) as one value a row of x, (R,), in x's dtype."""
    return jnp.broadcast_to(jnp.asarray(value, x.dtype), x.shape[:1])
