"""Soft histogram by CUDA in torch: by moments in long rows, else samples at the edges they see."""

import torch

from implementations.cuda import soft_histogram as kernels
from implementations.cuda.torch import ops
from implementations.torch_eager.first_order import never_twice
from suite.registry import implements


def route(x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"):
    """Which way the first row goes, unless next to nothing of it is between its edges."""
    size = _size(x, edges, weights, kernel)
    h = float(torch.as_tensor(bandwidth).reshape(-1)[0])
    return kernels.route(edges.tolist(), h, size, kernel)


@implements(
    "soft_histogram",
    framework="torch",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("cuda.core", "cuda.bindings"),
    native_half=True,
    route=route,
)
def soft_histogram(
    x, edges, bandwidth, weights=None, *, kernel="gaussian", density=False, overflow="drop"
):
    """Soft counts of every row; arguments as in ``suite.operators.soft_histogram``.

    Raises RuntimeError for second derivatives.
    """
    held, computed = x.dtype, ops.computed(x.dtype)
    bandwidth, number = ops.per_row(bandwidth, x)
    edges = edges.to(computed).expand(x.shape[0], -1)
    if weights is not None:
        if weights.ndim == 1:  # its gradient is a sum over rows, to be rounded once
            x, weights = x.to(computed), weights.to(computed)
        weights = weights.expand(x.shape)
    keep = any(ops.wanted(edges, bandwidth))
    arguments = x, edges, bandwidth, weights, number, keep, kernel, bool(density), overflow
    return _histogram(*arguments)[0].to(held)


def _size(x, edges, weights, kernel):
    rows, samples = x.shape
    weighted, dtype = weights is not None, ops.dtype_name(x)
    return kernels.sizes(rows, samples, edges.shape[-1], dtype, kernel, weighted, ops.device_of(x))


def _require(x, edges, bandwidth, weights):
    ops.require_beside(x, edges=edges, bandwidth=bandwidth)
    ops.require_like(x, weights=weights)
    if edges.dtype != ops.computed(x.dtype):
        raise TypeError(f"edges has dtype {edges.dtype}: expected {ops.computed(x.dtype)}")


def _run(x, edges, bandwidth, weights, number, keep, *options):
    """The output, and what a backward pass needs: counts, flags, and nodes if to be kept."""
    _require(x, edges, bandwidth, weights)
    size, arrays, given = _given(x, edges, bandwidth, weights, options[0])
    output, counts, flags, nodes = _results(x, edges, size, keep)
    if size.moments and not keep:
        nodes = x.new_empty((size.rows, size.words), dtype=torch.float64)
    arrays |= {"output": output, "counts": counts, "flags": flags, "nodes": nodes}
    arrays |= _work(kernels.forward_work(size), x)
    made = _call(size, options, arrays, bandwidth, number, given)
    ops.run(kernels.forward(size, made), x)
    return output, counts, flags, nodes if keep else nodes[:, :0]


def _given(x, edges, bandwidth, weights, kernel):
    """Sizes, arrays by name as kernels take them, and their rows' strides."""
    x = x.contiguous()
    edges = edges if edges.stride(1) == 1 else edges.contiguous()
    if weights is not None and weights.stride(1) != 1:
        weights = weights[:1].contiguous().expand(x.shape) if weights.stride(0) == 0 else (
            weights.contiguous()
        )  # fmt: skip
    size = _size(x, edges, weights, kernel)
    strides = edges.stride(0), 0 if weights is None else weights.stride(0)
    return size, {"x": x, "edges": edges, "weights": weights}, strides


def _results(x, edges, size, keep):
    rows, count = edges.shape
    return (
        x.new_empty((rows, count - 1)),
        x.new_empty((rows, count + 1), dtype=torch.float64),
        x.new_empty(rows, dtype=torch.int32),
        x.new_empty((rows, size.words if keep else 0), dtype=torch.float64),
    )


def _work(described, x):
    return {
        name: x.new_empty((x.shape[0], *shape), dtype=getattr(torch, dtype))
        for name, (shape, dtype) in described.items()
    }


def _call(size, options, arrays, bandwidth, number, strides):
    addresses = {name: ops.address(tensor) for name, tensor in arrays.items()}
    one = ops.parameter(bandwidth, number)
    return kernels.call(size, kernels.Options(*options), addresses, one, *strides)


def _fake(x, edges, bandwidth, weights, number, keep, *options):
    words = _size(x, edges, weights, options[0]) if keep else None
    return _results(x, edges, words, keep)


def _run_backward(
    cotangent, x, edges, bandwidth, weights, counts, flags, nodes, number, wanted, *options
):
    """Gradients to x, edges, bandwidth and weights (R, ...), empty where not wanted."""
    _require(x, edges, bandwidth, weights)
    ops.require_beside(x, cotangent=cotangent, counts=counts, flags=flags, nodes=nodes)
    size, arrays, strides = _given(x, edges, bandwidth, weights, options[0])
    found = _gradients(cotangent, x, edges, bandwidth, weights, counts, flags, nodes, number,
                       wanted)  # fmt: skip
    names = "to_x", "to_edges", "to_bandwidth", "to_weights"
    arrays |= {"cotangent": cotangent.contiguous(), "counts": counts, "before": flags}
    arrays |= dict(zip(names, found, strict=True))
    arrays |= {"nodes": nodes} | _work(kernels.backward_work(size), x)
    ops.run(kernels.backward(size, _call(size, options, arrays, bandwidth, number, strides)), x)
    return found


def _gradients(cotangent, x, edges, bandwidth, weights, counts, flags, nodes, number, wanted, *_):
    computed, nothing = ops.computed(x.dtype), (x.shape[0], 0)
    kinds = (
        (x.shape, x.dtype),
        (edges.shape, computed),
        (x.shape[:1], computed),
        (x.shape, x.dtype),
    )
    return tuple(
        x.new_empty(shape if needed else nothing, dtype=dtype)
        for (shape, dtype), needed in zip(kinds, wanted, strict=True)
    )


def _save(ctx, inputs, output):
    ctx.set_materialize_grads(False)
    x, edges, bandwidth, weights, ctx.number, _, *ctx.options = inputs
    ctx.save_for_backward(x, edges, bandwidth, weights, *output[1:])


def _backward(ctx, cotangent, *_):
    wanted = list(ctx.needs_input_grad[:4])
    if cotangent is None:
        return (None,) * 9
    tensors = ctx.saved_tensors
    found = _once(cotangent, *tensors, ctx.number, wanted, *ctx.options)
    gradients = (
        gradient.to(tensor.dtype) if needed else None
        for gradient, tensor, needed in zip(found, tensors[:4], wanted, strict=True)
    )
    return *gradients, *(None,) * 5


def _widened(arguments):
    keep = arguments[5] or any(ops.wanted(*arguments[1:3]))
    return (*arguments[:5], keep, *arguments[6:])


_OPTIONS = "str kernel, bool density, str overflow"
_histogram = ops.define(
    "soft_histogram",
    f"(Tensor x, Tensor edges, Tensor? bandwidth, Tensor? weights, float number, bool keep, "
    f"{_OPTIONS}) -> (Tensor, Tensor, Tensor, Tensor)",
    _run,
    _fake,
    _backward,
    _save,
    _widened,
)
_once = never_twice(
    ops.define(
        "soft_histogram_backward",
        f"(Tensor cotangent, Tensor x, Tensor edges, Tensor? bandwidth, Tensor? weights, "
        f"Tensor counts, Tensor flags, Tensor nodes, float number, bool[] wanted, {_OPTIONS}) -> "
        "(Tensor, Tensor, Tensor, Tensor)",
        _run_backward,
        _gradients,
    ),
    "soft_histogram",
)
