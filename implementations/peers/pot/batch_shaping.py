"""Batch shaping by POT's 1-d optimal transport: ``ot.wasserstein_1d`` with p = 2.

Where all samples of a row are distinct, the loss is the squared Wasserstein distance between the
samples mapped by the prior's CDF and the plotting positions: both are in increasing order, so

    W_2^2({F(x_i)}, {p_i}) = 1/N sum_i (F(x_(i)) - p_(i))^2 = L

Rows are columns to POT. The prior's CDF is what torch has in closed form.
"""

import ot
import torch

from suite.registry import implements

TIED = ("digits_gates", "digits_activations", "digits_gate_logits", "inside", "ends", "tied")
"""Data with equal samples (some are clipped), which POT sorts one after the other."""


def lacking(case):
    """Why POT cannot do a case, or None."""
    prior = case.options["prior"]
    if prior not in CDF:
        return f"the samples must reach POT by the prior's CDF, and torch has none of {prior}"
    if case.options.get("ties", "mid") == "mid" and (
        case.data in TIED or case.options.get("clip") is not None
    ):
        return "transport ranks equal samples one after the other; here they share their mean rank"
    return None


def _normal(x, mean, std):
    return torch.special.ndtr((x - mean) / std)


def _relaxed_bernoulli(x, mean, temperature):
    return torch.sigmoid(temperature * torch.logit(x) - torch.logit(mean))


CDF = {"normal": _normal, "relaxed_bernoulli": _relaxed_bernoulli}
OFFSETS = {"ecdf": (0.0, 0.0), "weibull": (0.0, 1.0), "hazen": (-0.5, 0.0)}


def _column(value, x):
    value = torch.as_tensor(value, dtype=x.dtype, device=x.device)
    return value.unsqueeze(-1) if value.ndim else value


@implements(
    "batch_shaping",
    framework="torch",
    devices=("cpu", "cuda"),
    requires=("ot",),
    skip=lacking,
    known_error="pot-equal-values",
)
def batch_shaping(
    x, a, b=None, *, prior, plotting_position="weibull", ties="mid", from_logits=False, clip=None,
    reduction="mean",
):  # fmt: skip
    """Squared Wasserstein distance; arguments as in ``suite.operators.batch_shaping``."""
    samples = torch.sigmoid(x) if from_logits else x
    samples = samples if clip is None else samples.clamp(*clip)
    positions = torch.arange(1, x.shape[1] + 1, dtype=x.dtype, device=x.device)
    shift, more = OFFSETS[plotting_position]
    positions = ((positions + shift) / (x.shape[1] + more)).expand(x.shape)
    mapped = CDF[prior](samples, _column(a, x), _column(b, x))
    rows = ot.wasserstein_1d(mapped.T, positions.T, p=2)
    return {"none": lambda r: r, "mean": torch.mean, "sum": torch.sum}[reduction](rows)
