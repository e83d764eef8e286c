"""Source 001, the batch-shaping notebook and its code: several rows, and ties."""

from __future__ import annotations

import numpy as np
from scipy import stats

from suite.errata.batch_shaping_notebook import STANDARD, loss
from suite.errata.entry import Erratum, Evidence
from suite.errata.evaluate import midpoints, reference, row

_TORCH = ("torch",)
_CODE = "Batch-Shaping code (Qualcomm AI Research, 2023), batch_shaping_loss.py, "
_GENERALISED = "Generalized Batch-Shaping notebook (Qualcomm AI Research, 2023; arXiv 2307.02321), "


def _beta_per_row() -> tuple[Evidence, ...]:
    u = midpoints(500)
    x = np.stack([stats.beta.ppf(u, 2, 6), stats.beta.ppf(u, 6, 2)]).astype(np.float32)
    z = np.stack([stats.norm.ppf(u) - 3, stats.norm.ppf(u) + 3]).astype(np.float32)
    beta = {"prior": "beta", "a": np.array([2, 6], np.float32), "b": np.array([6, 2], np.float32)}
    normal = {"prior": "normal", "a": np.array([-3, 3], np.float32), "b": 1.0}
    right, exchanged, right_normal = (
        float(reference("batch_shaping", x=rows, **prior)["output"])
        for rows, prior in ((x, beta), (x[::-1], beta), (z, normal))
    )
    every_pair = (right + exchanged) / 2
    return (
        Evidence("loss of two rows at their own Beta priors' quantiles", loss(x, **beta), right,
                 1e-6),
        Evidence("its size by the mean over all pairs of a row and a prior", loss(x, **beta),
                 every_pair, 1e-6),
        Evidence("loss of the first row alone", loss(x[:1], prior="beta", a=2.0, b=6.0), right,
                 1e-6),
        Evidence("loss of two rows at their own normal priors' quantiles", loss(z, **normal),
                 right_normal, 1e-6),
    )  # fmt: skip


def _collapsed(n: int = 500) -> np.ndarray:
    return np.zeros((1, n), np.float32)


def _ties() -> tuple[Evidence, ...]:
    half = row(np.concatenate([np.zeros(250), stats.norm.ppf(midpoints(250))]))
    batches = {
        "500 samples on the prior's median": (_collapsed(), 1 / 12),
        "half of 500 samples there, half on the prior's quantiles": (half, 1 / 48),
    }
    found = []
    for words, (x, integral) in batches.items():
        for ties in (True, False):
            quantity = f"loss of {words}, ties {'' if ties else 'not '}handled"
            found.append(Evidence(quantity, loss(x, ties=ties, **STANDARD), integral, 1e-3))
    return tuple(found)


def _ties_in_rows() -> tuple[Evidence, ...]:
    n = 500
    spread = stats.norm.ppf(midpoints(n)).astype(np.float32)[None]
    both = loss(np.concatenate([_collapsed(n), spread]), ties=True, **STANDARD)
    apart = (loss(_collapsed(n), ties=True, **STANDARD) + loss(spread, ties=True, **STANDARD)) / 2
    twice = loss(np.concatenate([_collapsed(n), _collapsed(n)]), ties=True, **STANDARD)
    return (
        Evidence("a tied row beside one without ties: mean of the two alone", both, apart, 1e-6),
        Evidence("a tied row beside itself", twice,
                 loss(_collapsed(n), ties=True, **STANDARD), 1e-6),
    )  # fmt: skip


def _sum_of_rows() -> tuple[Evidence, ...]:
    rows = np.tile(row(stats.norm.ppf(midpoints(500)) + 1), (30, 1))
    one = loss(rows[:1], **STANDARD)
    return (Evidence("loss of T = 30 equal rows, over that of one", loss(rows, **STANDARD) / one,
                     30, 1e-4),)  # fmt: skip


ENTRIES = (
    Erratum(
        "batch-shaping-beta-per-row",
        _CODE + "gbas_loss, SYMBETA and BETA with a parameter per row",
        "With parameters per row, each row is compared with its own prior.",
        "1/C^2 sum_{c,d} 1/N sum_i (i/(N+1) - F(x_c(i); a_d, b_d))^2",
        "1/C sum_c 1/N sum_i (i/(N+1) - F(x_c(i); a_c, b_c))^2",
        "shape",
        "Every prior is evaluated at all rows and the C results of C rows are stacked to C^2 rows: "
        "each row is also drawn to all other rows' priors. Rows on their priors are no minimum. "
        "The normal and relaxed Bernoulli priors are not affected.",
        _TORCH,
        _beta_per_row,
    ),
    Erratum(
        "batch-shaping-ties",
        _CODE + "gbas_loss, handle_ties",
        "Without handling ties the loss is not perfectly exact; handling them makes it so.",
        "p = (largest rank of the tied samples) / (N + 1)",
        "p = i / (N + 1) in the order of any sort, ties or not",
        "bias",
        "The Cramer-von Mises integral of (F_N - F)^2 dF, here 1/12 and 1/48, is reached by ranks "
        "of the sort, ties or not, since inside of a jump of F_N the positions pass through all "
        "of it. The largest rank lifts it: a batch collapsed on the median costs 1/4, not 1/12.",
        _TORCH,
        _ties,
    ),
    Erratum(
        "batch-shaping-ties-in-rows",
        _CODE + "gbas_loss, unique_consecutive over the last axis",
        "Ties are handled in every row.",
        "tied: columns of the sorted matrix that are equal in all rows at once",
        "tied: equal neighbours within a row",
        "shape",
        "Whether a row's ties are seen depends on the rows beside it: one row without ties "
        "switches the handling off for all.",
        _TORCH,
        _ties_in_rows,
    ),
    Erratum(
        "batch-shaping-sum-of-rows",
        _GENERALISED + "first text cell, L_BaS,multi",
        "The losses of the T dimensions are summed.",
        "mean_k 1/N sum_i (F_N - F_k)^2 in the code",
        "sum_k 1/N sum_i (F_N - F_k)^2 in the text",
        "scale",
        "Against the hyperprior and the temperature term the text's loss weighs T = 30 times as "
        "much as the code's, with which the printed numbers were made.",
        _TORCH,
        _sum_of_rows,
    ),
)
