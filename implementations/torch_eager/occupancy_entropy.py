"""Occupancy entropy in plain torch: means of p and of 1 - p, so that neither loses its tail.

The backward pass computes the sigmoids again; of the forward one it needs a factor a unit.
"""

import torch

from implementations.torch_eager.first_order import batched_over_rows, never_twice
from suite.registry import implements

_LARGEST = 1e30


@implements(
    "occupancy_entropy",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
def occupancy_entropy(z, *, estimator, temperature=1.0, noise=None):
    """Entropy of units being on; arguments as in ``suite.operators.occupancy_entropy``.

    Raises RuntimeError for second derivatives.
    """
    apply = (_Entropy if torch.compiler.is_compiling() else _BatchedEntropy).apply
    return apply(z, noise, estimator, temperature)[0]


def _argument(z, noise, temperature):
    """v = (z + noise) / T, bounded so that a vanished slope times it is 0."""
    v = (z if noise is None else z + noise) / temperature
    return v.clamp(-_LARGEST, _LARGEST)


def _value_and_factor(z, noise, estimator, temperature):
    """The entropy (R,), and what a unit's slopes are multiplied by besides -v: (R,)."""
    v = _argument(z, noise, temperature)
    if estimator == "mean_bernoulli":
        e = (-v.abs()).exp()
        value = (e.log1p() + v.abs() * (e / (1 + e))).mean(dim=1)
        return value, torch.where(value.isnan(), value, torch.ones_like(value))
    if estimator == "sigmoid":
        p, q = torch.sigmoid(v).mean(dim=1), torch.sigmoid(-v).mean(dim=1)
        value, on, off = _entropy(p, q)
        return value, off - on
    samples = v.shape[1]
    poison = torch.where(v.isnan().any(dim=1), torch.nan, 0.0).to(v.dtype)
    on = (v > 0).sum(dim=1).to(v.dtype) + poison
    clipped = on.clamp(0.5, samples - 0.5)
    factor = ((samples - clipped) / clipped).log()
    return _entropy(on / samples, (samples - on) / samples)[0], factor


def _entropy(p, q):
    """h(p), log p and log q of p + q = 1, each accurate where its argument is near 0 or 1."""
    tiny = torch.finfo(p.dtype).tiny
    on = torch.where(p > 0.5, (-q).log1p(), p.clamp(min=tiny).log())
    off = torch.where(q > 0.5, (-p).log1p(), q.clamp(min=tiny).log())
    return -(p * on + q * off), on, off


def _gradient(cotangent, z, noise, factor, estimator, temperature):
    """The gradient to z (R, N) for the cotangent (R,) of the values."""
    v = _argument(z, noise, temperature)
    e = (-v.abs()).exp()
    push = (cotangent * factor / (z.shape[1] * temperature)).unsqueeze(-1)
    slope = push * (e / (1 + e).square())
    return -v * slope if estimator == "mean_bernoulli" else slope


class _Entropy(torch.autograd.Function):
    """Values (R,) and factors (R,) of z (R, N)."""

    @staticmethod
    def forward(z, noise, estimator, temperature):
        return _value_and_factor(z, noise, estimator, temperature)

    @staticmethod
    def setup_context(ctx, inputs, output):
        # A compiled graph's temperature is a tensor, so that it may change.
        z, noise, *ctx.options = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(z, noise, output[1])

    @staticmethod
    def backward(ctx, cotangent, _):
        return _gradient_once(cotangent, *ctx.saved_tensors, *ctx.options), None, None, None


_gradient_once = never_twice(_gradient, "occupancy_entropy")
_BatchedEntropy = batched_over_rows(_Entropy)
