"""What both frameworks' batch shaping asks of the kernels."""

import math
from typing import NamedTuple


class Options(NamedTuple):
    """The operator's keyword arguments but ``reduction``; clip: whether there is one."""

    prior: str
    plotting_position: str
    ties: str
    from_logits: bool
    clip: bool


def bounds(clip, from_logits):
    """Smallest and largest sample, or logit, that is not clamped; infinite without clip."""
    lo, hi = clip or (-math.inf, math.inf)
    if clip is None or not from_logits:
        return float(lo), float(hi)
    return (
        math.log(lo / (1 - lo)) if lo > 0 else -math.inf,
        math.log(hi / (1 - hi)) if hi < 1 else math.inf,
    )
