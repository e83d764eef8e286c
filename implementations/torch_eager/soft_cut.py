"""Soft cut in plain torch; autograd differentiates it, any number of times."""

import torch

from suite.registry import implements


def _column(value, x):
    """A parameter as a tensor that broadcasts along the rows of x."""
    value = torch.as_tensor(value, dtype=x.dtype, device=x.device)
    return value.unsqueeze(-1) if value.ndim else value


def _finite(value):
    """Infinities become the largest numbers; unlike clamp's, the gradient of a NaN is no zero."""
    largest = value.new_full((), torch.finfo(value.dtype).max)
    return torch.minimum(torch.maximum(value, -largest), largest)


@implements(
    "soft_cut",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
def soft_cut(x, threshold, steepness, *, keep="above"):
    """Sigmoid selection of samples; arguments as in ``suite.operators.soft_cut``."""
    slope = _column(steepness, x)
    # A factor, so that the gradient of a wrong one is NaN too.
    slope = _finite(slope * torch.where(slope > 0, torch.ones_like(slope), torch.nan))
    # Finite, since infinite distances times a vanished slope of the sigmoid would be NaN.
    z = slope * _finite(x - _column(threshold, x))
    # The exponential of logsigmoid: autograd's y (1 - y) of a sigmoid is zero where y rounds to 1.
    return torch.nn.functional.logsigmoid(z if keep == "above" else -z).exp()
