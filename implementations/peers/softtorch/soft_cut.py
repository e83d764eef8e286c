"""The soft cut of softtorch: ``softtorch.greater`` in its smooth mode, softness = 1 / steepness.

Its epsilon, an offset that matters for hard comparisons only, is set to 0. "below" is
greater(threshold, x), since ``softtorch.less`` is 1 - greater_equal and loses its small values.
"""

import softtorch
import torch

from suite.registry import implements


def lacking(case):
    """Why softtorch cannot do a case, or None."""
    if case.dims.get("steepness"):
        return "softtorch takes one softness, 1 / steepness, not one for every row"
    return None


@implements(
    "soft_cut",
    framework="torch",
    devices=("cpu", "cuda"),
    requires=("softtorch; python_version >= '3.12'",),
    skip=lacking,
    known_error="softtorch-upper-tail",
)
def soft_cut(x, threshold, steepness, *, keep="above"):
    """Sigmoid selection of samples; arguments as in ``suite.operators.soft_cut``."""
    if torch.is_tensor(threshold) and threshold.ndim:
        threshold = threshold.unsqueeze(-1)
    pair = (x, threshold) if keep == "above" else (threshold, x)
    return softtorch.greater(*pair, softness=1 / steepness, epsilon=0.0)
