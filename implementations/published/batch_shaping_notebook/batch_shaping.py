"""Batch shaping as the notebook's authors code it, with and without their handling of ties.

    L = 1/N sum_i (F(x_(i); a, b) - i / (N + 1))^2, averaged over rows

of the sorted samples x_(i). The notebook's text says i/N, the code i/(N+1). The quirks of the code:

    relaxed_bernoulli  x is clamped to [0.001, 0.999], then sigmoid(b logit(x) - logit(a))
    normal             (1 + erf((x - a) / (sqrt(2) b))) / 2: b, there called variance, is the
                       standard deviation
    beta, symbeta      ``beta_cdf``: SciPy in float32; with a parameter per row, each row's CDF is
                       evaluated at the whole matrix and the (R, N) results are stacked to (R R, N)
    ties               unless handled, ranks of the sort; handled, columns of the sorted matrix that
                       are equal in every row share the largest of their ranks

The kept axis ``dim`` of the source is that of the rows here (``suite.as_rows``).

Sources: "Batch-Shaping example notebook", cells 3 to 8, and batchshaping/batch_shaping_loss.py of
its repository (Qualcomm AI Research, 2023), function gbas_loss; B. E. Bejnordi et al., 2020, arXiv
1907.06627; J. D. Havtorn et al., 2023, arXiv 2307.02321.
"""

import math

import torch

from implementations.published.batch_shaping_notebook.beta_cdf import BetaCdf
from suite.registry import implements

CLAMP = 1e-3
_MOST_BETAS = 3e7


def lacking(case):
    """The option of a case that the source does not have, or None."""
    has = {"plotting_position": "weibull", "from_logits": False, "clip": None, "reduction": "mean"}
    for option, value in has.items():
        asked = case.options.get(option, value)
        if asked != value:
            return f"the source has no {option}={asked!r}, only {value!r}"
    return _too_much(case)


def lacking_or_ordinal(case):
    """The same where ties are handled: then there are no ordinal ranks."""
    if case.options.get("ties", "mid") == "ordinal":
        return "ties='ordinal' is the source's default, without its handling of ties"
    return lacking(case)


def _too_much(case):
    if "beta" not in case.options["prior"]:
        return None
    per_row = "a" in case.dims or "b" in case.dims
    evaluations = case.sizes["R"] * case.sizes["N"] * (case.sizes["R"] if per_row else 1) * 24
    if evaluations > _MOST_BETAS:
        return f"every row's Beta at the whole matrix: {evaluations:.1e} incomplete betas"
    return None


@implements(
    "batch_shaping",
    framework="torch",
    name="published_batch_shaping_notebook",
    known_error="batch-shaping-beta-per-row",
    skip=lacking,
)
def batch_shaping(
    x,
    a,
    b=None,
    *,
    prior,
    plotting_position="weibull",
    ties="mid",
    from_logits=False,
    clip=None,
    reduction="mean",
):
    """The authors' loss by its default, ranks of the sort, whatever ``ties`` asks for."""
    ascending = torch.sort(x, dim=1).values
    samples = x.shape[1]
    positions = torch.arange(1, samples + 1, device=x.device, dtype=torch.float32)
    return _loss(ascending, a, b, prior, positions / (samples + 1))


@implements(
    "batch_shaping",
    framework="torch",
    name="published_batch_shaping_notebook_ties",
    known_error="batch-shaping-ties",
    skip=lacking_or_ordinal,
)
def batch_shaping_with_ties(
    x,
    a,
    b=None,
    *,
    prior,
    plotting_position="weibull",
    ties="mid",
    from_logits=False,
    clip=None,
    reduction="mean",
):
    """The authors' loss with their handling of ties switched on."""
    ascending = torch.sort(x, dim=1).values
    _, group, counts = torch.unique_consecutive(
        ascending.detach(), return_inverse=True, return_counts=True, dim=1
    )
    running = counts.cumsum(0) / (x.shape[1] + 1)
    return _loss(ascending, a, b, prior, running[group])


def _loss(ascending, a, b, prior, positions):
    """Mean over the rows of whatever CDF matrix the prior gives, against one row of positions."""
    cdf = _cdf(ascending, _column(a, ascending), _column(b, ascending), prior)
    return ((positions - cdf).square().sum(dim=1) / ascending.shape[1]).mean()


def _column(parameter, x):
    """(R, 1) or (1, 1); a host scalar becomes a float32 tensor."""
    if parameter is None or torch.is_tensor(parameter):
        return parameter if parameter is None else parameter.reshape(-1, 1)
    return torch.full((1, 1), float(parameter), device=x.device)


def _cdf(x, a, b, prior):
    if prior == "normal":
        return 0.5 * (1 + torch.erf((x - a) / (math.sqrt(2) * b)))
    if prior == "relaxed_bernoulli":
        inside = x.clamp(CLAMP, 1 - CLAMP)
        odds = torch.xlogy(b, inside) - torch.special.xlog1py(b, -inside)
        return torch.sigmoid(odds - torch.logit(a))
    pairs = max(len(a), 1 if b is None else len(b))
    firsts = a.expand(pairs, 1)
    seconds = [None] * pairs if b is None else b.expand(pairs, 1)
    return torch.cat([BetaCdf.apply(x, p, q) for p, q in zip(firsts, seconds, strict=True)])
