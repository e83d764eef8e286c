"""Operators of ``cuda_torch`` called with NumPy arrays, their launches run by a host driver."""

import numpy as np
import torch
from cuda_host.driver import LaunchError, launching

from suite import load, operators
from suite.judge.correctness import units
from suite.operators.base import EPSILON


def called(driver, operator, arrays, weight, wrt, **options):
    """The output, and gradients for a cotangent, by name, in whatever order threads take turns."""
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    leaves = [tensors[name].requires_grad_() for name in wrt]
    function = load(operator, "cuda_torch", check_values=False)
    with launching(driver):
        output = function(**tensors, **options)
        gradients = torch.autograd.grad(output, leaves, torch.tensor(weight))
    found = (output.detach(), *gradients)
    return {n: array.numpy() for n, array in zip(("output", *wrt), found, strict=True)}


def error(found, operator, arrays, weight, wrt, **options):
    """The largest error of what was found against float64, in the operator's own tolerance."""
    stated = operators.get(operator)
    exact = {name: array.astype(np.float64) for name, array in arrays.items()}
    weight, dtype = np.asarray(weight, np.float64), str(weight.dtype)
    with np.errstate(all="ignore"):
        want = {"output": stated.reference(**exact, **options)}
        want |= stated.reference_gradient(weight, wrt, **exact, **options)
        condition = stated.condition(weight, wrt, **exact, **options)
        worst = 0.0
        for name, got in found.items():
            reference = want[name]
            size = np.abs(np.where(np.isfinite(reference), reference, 0))
            allowed = stated.tolerance(dtype) * condition[name] + EPSILON[dtype] * size
            off = units(got, reference, np.where(allowed > 0, allowed, 1e-300))
            worst = max(worst, float(off.max()))
    return worst


def equal(found):
    """Whether results by name are all, bit by bit, the first ones."""
    return all(
        np.array_equal(other[name], array, equal_nan=True)
        for other in found[1:]
        for name, array in found[0].items()
    )


def seen(drivers, *call, **options):
    """Whether drivers of kernels with a fault give wrong results, or not all the same ones."""
    try:
        found = [called(driver, *call, **options) for driver in drivers]
    except LaunchError:
        return True
    return not error(found[0], *call, **options) <= 1 or not equal(found)
