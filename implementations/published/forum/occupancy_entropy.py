"""The forum's entropies of a ReLU unit being on, with its steepness H = 1/T and v = H (z + noise).

    sigmoid                   p = mean sigmoid(v),  -p log p - (1-p) log(1-p)
    mean_bernoulli            the mean of Bernoulli(logits=v).entropy()
    straight_through          p = mean of (v > 0), its gradient that of sigmoid(v), as for sigmoid
    gumbel_straight_through   the same with logistic noise, the difference of two Gumbel draws

The source only tells how; these are its words in the plainest torch. It says "binary entropy on p"
with p a sample's; its aim is the entropy of a binary variable of the batch, which needs p's mean.

Source: PyTorch forum, "Differentiating w.r.t. empirical probability distributions", last post:
idea 1 (sigmoid, then Bernoulli), idea 2 (straight-through Gumbel), idea 3 (Gumbel or normal noise).
"""

import torch

from suite.registry import implements


def no_sigmoid(case):
    """Reason to leave a case to the other formulas of the source, or None."""
    estimator = case.options["estimator"]
    return None if estimator == "mean_bernoulli" else f"{estimator} is in published_forum"


def no_bernoulli(case):
    """Reason to leave a case to the other formula of the source, or None."""
    bernoulli = case.options["estimator"] == "mean_bernoulli"
    return "mean_bernoulli is in published_forum_bernoulli" if bernoulli else None


@implements(
    "occupancy_entropy",
    framework="torch",
    devices=("cpu", "cuda"),
    name="published_forum",
    known_error="forum-entropy-at-zero",
    skip=no_bernoulli,
)
def occupancy_entropy(z, *, estimator, temperature=1.0, noise=None):
    """Binary entropy of the mean of hot sigmoids, or of hard states with their gradient."""
    v = _hot(z, temperature, noise)
    on = torch.sigmoid(v)
    if estimator != "sigmoid":
        on = ((v > 0).to(z.dtype) - on).detach() + on
    p = on.mean(dim=1)
    return -p * p.log() - (1 - p) * (1 - p).log()


@implements(
    "occupancy_entropy",
    framework="torch",
    devices=("cpu", "cuda"),
    name="published_forum_bernoulli",
    known_error="forum-bernoulli-saturated",
    skip=no_sigmoid,
)
def mean_bernoulli_entropy(z, *, estimator, temperature=1.0, noise=None):
    """Mean entropy of a Bernoulli variable for every sample, by torch's distribution."""
    logits = _hot(z, temperature, noise)
    bernoulli = torch.distributions.Bernoulli(logits=logits, validate_args=False)
    return bernoulli.entropy().mean(dim=1)


def _hot(z, temperature, noise):
    """H times the noisy pre-activation."""
    return (1 / temperature) * (z if noise is None else z + noise)
