"""Products of matrices in the precision of their dtype, where a GPU would round float32 to less."""

import functools

import jax


def full_precision(function):
    """The function, traced so that its products and convolutions round no factor."""

    @functools.wraps(function)
    def traced(*arguments, **named):
        with jax.default_matmul_precision("highest"):
            return function(*arguments, **named)

    return traced
