"""Occupancy entropy in Triton: two launches forward, one backward; no sigmoid is stored."""

import torch

from implementations.torch_eager.first_order import batched_over_rows, never_twice
from implementations.triton.occupancy import (
    entropies_launch,
    gradients,
    gradients_launch,
    sums_launch,
    tile_sums,
)
from implementations.triton.torch.launch import launch, name_of, numbers, operation
from suite.registry import implements


@implements(
    "occupancy_entropy",
    framework="torch",
    devices=("cuda",),
    dtypes=("float32", "float64", "float16", "bfloat16"),
    requires=("triton",),
)
def occupancy_entropy(z, *, estimator, temperature=1.0, noise=None):
    """Entropy of units being on; arguments as in ``suite.operators.occupancy_entropy``.

    Raises RuntimeError for second derivatives.
    """
    apply = (_Entropy if torch.compiler.is_compiling() else _BatchedEntropy).apply
    return apply(z, noise, estimator, temperature)[0]


@operation(tile_sums)
def occupancy_values(
    z: torch.Tensor, noise: torch.Tensor | None, estimator: str, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Entropies (R,) and factors (R,) of z, noise (R, N)."""
    shape, noisy = tuple(z.shape), noise is not None
    given = z, noise if noisy else z, numbers(z, temperature)
    (sums,) = launch(sums_launch(shape, noisy, estimator), *given)
    return launch(entropies_launch(shape, name_of(z.dtype), estimator), sums)


@operation(gradients)
def occupancy_gradient(
    cotangent: torch.Tensor, z: torch.Tensor, noise: torch.Tensor | None, factors: torch.Tensor,
    estimator: str, temperature: float,
) -> torch.Tensor:  # fmt: skip
    """The gradient to z (R, N) for cotangents (R,)."""
    noisy = noise is not None
    step = gradients_launch(tuple(z.shape), name_of(z.dtype), noisy, estimator)
    given = cotangent, z, noise if noisy else z, numbers(z, temperature), factors
    return launch(step, *given)[0]


def _contiguous(tensor):
    return None if tensor is None else tensor.contiguous()


def _gradient(cotangent, z, noise, factors, estimator, temperature):
    given = map(_contiguous, (cotangent, z, noise, factors))
    return occupancy_gradient(*given, estimator, float(temperature))


class _Entropy(torch.autograd.Function):
    """Values (R,) and factors (R,) of z (R, N)."""

    @staticmethod
    def forward(z, noise, estimator, temperature):
        given = map(_contiguous, (z, noise))
        return occupancy_values(*given, estimator, float(temperature))

    @staticmethod
    def setup_context(ctx, inputs, output):
        z, noise, *ctx.options = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(z, noise, output[1])

    @staticmethod
    def backward(ctx, cotangent, _):
        return _gradient_once(cotangent, *ctx.saved_tensors, *ctx.options), None, None, None


_gradient_once = never_twice(_gradient, "occupancy_entropy")
_BatchedEntropy = batched_over_rows(_Entropy)
