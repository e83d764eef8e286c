"""The Beta CDF of the batch-shaping authors' code: SciPy forward, three estimates backward.

With F = I_x(a, b) and f its density, in float32 whatever the input:

    forward      F(x)                                       SciPy, on the CPU
    to x         clip(f(x), 1e-3, 100)
    to a (or b)  numpy.gradient of F over 11 equal steps of [max(0.05, a - 0.05), a + 0.05], at the
                 middle one; symbeta also ends the interval at 0.95 and moves b = 1 - a along

Source: batchshaping/cdf_beta.py of the notebook's repository (Qualcomm AI Research, 2023), the
functions that make its two kinds of CDF, without and with trainable parameters.
"""

import numpy as np
import torch
from scipy import special

DENSITY_BOUNDS = (1e-3, 100.0)
REACH = 0.05
POINTS = 11


class BetaCdf(torch.autograd.Function):
    """F at samples (R, N) for one pair a, b of tensors with one element; b None is 1 - a."""

    @staticmethod
    def forward(ctx, x, a, b):
        host = x.detach().cpu().double().numpy()
        first, second = float(a), None if b is None else float(b)
        with np.errstate(divide="ignore"):
            density = np.clip(_density(host, first, _other(first, second)), *DENSITY_BOUNDS)
        slopes = [_slope(lambda a: special.betainc(a, _other(a, second), host), first, b is None)]
        if b is not None:
            slopes.append(_slope(lambda b: special.betainc(first, b, host), second, False))
        ctx.save_for_backward(*(_single(value, x) for value in (density, *slopes)))
        return _single(special.betainc(first, _other(first, second), host), x)

    @staticmethod
    def backward(ctx, cotangent):
        to_x, *to_parameters = (cotangent * slope for slope in ctx.saved_tensors)
        to_parameters = [value.sum().reshape(1) for value in to_parameters]
        return (to_x, *to_parameters) if len(to_parameters) == 2 else (to_x, *to_parameters, None)


def _other(a, b):
    return 1 - a if b is None else b


def _density(x, a, b):
    power = special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x)
    return np.exp(power - special.betaln(a, b))


def _slope(cdf, parameter, symmetric):
    """The derivative in the parameter at the middle of the interval around it."""
    highest = min(1 - REACH, parameter + REACH) if symmetric else parameter + REACH
    points = np.linspace(max(REACH, parameter - REACH), highest, POINTS)
    return np.gradient(np.stack([cdf(p) for p in points]), points, axis=0)[POINTS // 2]


def _single(values, like):
    return torch.as_tensor(values, dtype=torch.float32, device=like.device)
