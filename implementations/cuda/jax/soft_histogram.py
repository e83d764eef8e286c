"""Soft histogram by CUDA in jax: by moments in long rows, else samples at the edges they see."""

from functools import partial

import jax
import jax.numpy as jnp

from implementations.cuda import soft_histogram as kernels
from implementations.cuda.jax import ffi
from suite.registry import implements


def route(x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"):
    """Which way the first row goes, unless next to nothing of it is between its edges."""
    size = _size(x, edges, weights, kernel)
    h = float(jnp.asarray(bandwidth).reshape(-1)[0])
    return kernels.route(edges.tolist(), h, size, kernel)


@implements(
    "soft_histogram",
    framework="jax",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("cuda.core", "cuda.bindings", "jax_tvm_ffi"),
    native_half=True,
    route=route,
)
@partial(jax.jit, static_argnames=("kernel", "density", "overflow"))
def soft_histogram(
    x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"
):
    """Soft counts of every row; arguments as in ``suite.operators.soft_histogram``.

    Second derivatives raise NotImplementedError.
    """
    held, computed = x.dtype, ffi.computed(x)
    edges = jnp.broadcast_to(edges.astype(computed), (x.shape[0], *edges.shape))
    bandwidth = jnp.broadcast_to(jnp.asarray(bandwidth, computed), x.shape[:1])
    if weights is not None:
        if weights.ndim == 1:  # its gradient is a sum over rows, to be rounded once
            x, weights = x.astype(computed), weights.astype(computed)
        weights = jnp.broadcast_to(weights, x.shape)
    options = kernels.Options(kernel, bool(density), overflow)
    return _histogram(options, x, edges, bandwidth, weights).astype(held)


def _size(x, edges, weights, kernel):
    shape = *x.shape, edges.shape[-1]
    return kernels.sizes(*shape, x.dtype.name, kernel, weights is not None, ffi.first_device())


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _histogram(options, x, edges, bandwidth, weights):
    return _results(options, x, edges, bandwidth, weights)[0]


def _results(options, x, edges, bandwidth, weights):
    """The output, and what a backward pass needs: counts, flags and nodes."""
    size = _size(x, edges, weights, options.kernel)
    rows, count = edges.shape
    results = (
        ffi.shape((rows, count - 1), x.dtype),
        ffi.shape((rows, 8 * (count + 1)), "uint8"),
        ffi.shape((rows,), "int32"),
        ffi.shape((rows, 8 * size.words), "uint8"),
        *ffi.work(rows, kernels.forward_work(size)),
    )
    operands = x, edges, bandwidth, _operand(weights, x)
    return _run_forward(results, *operands, **options._asdict(), **_division(size))[:4]


def _operand(weights, x):
    """A custom call has no operand that may be missing: rows without samples stand for it."""
    return jnp.zeros((len(x), 0), x.dtype) if weights is None else weights


def _forward(options, *arguments):
    # What is wanted is no array: a residual that is there, or None.
    marks = tuple(() if a is not None and a.perturbed else None for a in arguments)
    x, edges, bandwidth, weights = (a if a is None else a.value for a in arguments)
    output, counts, flags, nodes = _results(options, x, edges, bandwidth, weights)
    if marks[1] is None and marks[2] is None:
        nodes = nodes[:, :0]
    return output, (marks, x, edges, bandwidth, weights, counts, flags, nodes)


def _backward(options, residuals, cotangent):
    marks, x, edges, bandwidth, weights, *kept = residuals
    size = _size(x, edges, weights, options.kernel)
    likes = x, edges, bandwidth, x
    wanted = [
        ffi.shape(like.shape if mark is not None else (len(x), 0), like.dtype)
        for mark, like in zip(marks, likes, strict=True)
    ]
    results = (*wanted, *ffi.work(len(x), kernels.backward_work(size)))
    operands = cotangent, x, edges, bandwidth, _operand(weights, x), *kept
    found = _run_backward(results, *operands, **options._asdict(), **_division(size))
    return tuple(
        None if mark is None else gradient for mark, gradient in zip(marks, found[:4], strict=True)
    )


def _division(size):
    return {"words": size.words, "blocks": size.blocks, "parts": size.parts}


def _launched(place, given, x, edges, bandwidth, weights, **arrays):
    """A call's sizes and structure."""
    (rows, samples), count = ffi.rows_of(x), edges.shape[-1]
    words, blocks, parts = (given[name] for name in ("words", "blocks", "parts"))
    processors, dtype = place.device.processors, str(x.dtype)
    size = kernels.Sizes(
        rows, samples, count, words, blocks, parts, processors, dtype, moments=words > 0
    )
    options = kernels.Options(*(given[name] for name in kernels.Options._fields))
    arrays |= {"x": x, "edges": edges, "weights": weights}
    addresses = {name: ffi.address(buffer) for name, buffer in arrays.items()}
    strides = count, samples
    return size, kernels.call(size, options, addresses, ffi.parameter(bandwidth), *strides)


def _on_forward(place, given, x, edges, bandwidth, weights, *results):
    names = "output", "counts", "flags", "nodes", *kernels.FORWARD_WORK
    arrays = dict(zip(names, results, strict=True))
    place.run(kernels.forward(*_launched(place, given, x, edges, bandwidth, weights, **arrays)))


def _on_backward(
    place, given, cotangent, x, edges, bandwidth, weights, counts, before, nodes, *results
):
    names = "to_x", "to_edges", "to_bandwidth", "to_weights", *kernels.BACKWARD_WORK
    arrays = dict(zip(names, results, strict=True))
    arrays |= {"cotangent": cotangent, "counts": counts, "before": before, "nodes": nodes}
    place.run(kernels.backward(*_launched(place, given, x, edges, bandwidth, weights, **arrays)))


_OPTIONS = {
    "kernel": kernels.KERNELS,
    "density": (False, True),
    "overflow": ("drop", "reflect"),
    "words": int,
    "blocks": int,
    "parts": int,
}
_run_forward = ffi.define("soft_histogram", _on_forward, **_OPTIONS)
_run_backward = ffi.define("soft_histogram_backward", _on_backward, **_OPTIONS)
_histogram.defvjp(_forward, _backward, symbolic_zeros=True)
