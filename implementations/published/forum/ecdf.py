"""The forum's differentiable ECDF: the indices of a sort over the largest, straight through.

    p = argsort(x) / max(argsort(x)),    returned as (p - x) + x with the bracket detached

The bracket and its order are the source's: the value is p up to rounding, the gradient to x is 1.
argsort gives where each sorted sample came from, not the rank of each sample.

Source: PyTorch forum, "Differentiating w.r.t. empirical probability distributions", second post,
the closure: ``x.sort(0)``, the two divisions by ``.max()``, and the line that rewrites
``ecdf_pred``.
"""

import torch

from suite.registry import implements


def lacking(case):
    """The option of a case that the source does not have, or None."""
    has = {"plotting_position": ("ecdf",), "surrogate": ("identity",), "ties": ("max", "ordinal")}
    for option, values in has.items():
        asked = case.options.get(option, values[0])
        if asked not in values:
            return f"the source has no {option}={asked!r}, only {values[0]!r}"
    return None


@implements(
    "ecdf",
    framework="torch",
    devices=("cpu", "cuda"),
    name="published_forum",
    known_error="forum-argsort",
    skip=lacking,
)
def ecdf(x, *, plotting_position="ecdf", ties="max", surrogate="identity", scale=None):
    """What the source calls the ECDF of every row."""
    order = torch.sort(x, dim=1).indices
    position = order.float() / order.max(dim=1, keepdim=True).values.float()
    return (position - x).detach() + x
