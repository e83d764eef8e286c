"""Sums over unit vectors, block by block, the gradient beside the value.

Cotangents of a sum are numbers, so the pass that is to be differentiated accumulates the gradient
of every block and forgets the block: memory is that of one block, and nothing is computed twice.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp

from implementations.jax_xla.precision import full_precision


def sum_over_unit_vectors(part, shape, block, arguments):
    """sum over blocks of part(directions (b, *shape), arguments), (), for all unit vectors.

    part: closes over nothing that is traced; zeros among its directions add nothing. arguments: any
    pytree of float arrays. block: the largest b; None takes all at once. It has second derivatives,
    and no forward mode.
    """
    size, dtype = math.prod(shape), jax.tree.leaves(arguments)[0].dtype
    count = -(-size // min(block or size, size))
    width = -(-size // count)

    def of_block(index, arguments):
        at = index * width + jnp.arange(width)
        directions = (at[:, None] == jnp.arange(size)).astype(dtype)
        return part(directions.reshape(-1, *shape), arguments)

    return _sum(of_block, count, arguments)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _sum(function, count, arguments):
    """sum of function(i, arguments) over i < count."""
    return _accumulated(function, count, arguments)


def _accumulated(function, count, arguments):
    def add(total, index):
        return jax.tree.map(jnp.add, total, function(index, arguments)), None

    shapes = jax.eval_shape(function, 0, arguments)
    zeros = jax.tree.map(lambda array: jnp.zeros(array.shape, array.dtype), shapes)
    return jax.lax.scan(add, zeros, jnp.arange(count))[0]


@full_precision
def _forward(function, count, arguments):
    return _accumulated(jax.value_and_grad(function, argnums=1), count, arguments)


def _backward(function, count, gradients, cotangent):
    return (jax.tree.map(lambda gradient: cotangent * gradient, gradients),)


_sum.defvjp(_forward, _backward)
