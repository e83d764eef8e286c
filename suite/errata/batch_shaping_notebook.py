"""Source 001, the batch-shaping notebook and its code: plotting positions, parameters, texts."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from scipy import stats

from suite import frameworks
from suite.errata.entry import Erratum, Evidence
from suite.errata.evaluate import evaluate, midpoints, row

_TORCH = ("torch",)
_NOTEBOOK = "Batch-Shaping notebook (Qualcomm AI Research, 2023; arXiv 1907.06627), "
_CODE = "Batch-Shaping code (Qualcomm AI Research, 2023), batch_shaping_loss.py, "
_GENERALISED = "Generalized Batch-Shaping notebook (Qualcomm AI Research, 2023; arXiv 2307.02321), "
STANDARD: dict[str, Any] = {"prior": "normal", "a": 0.0, "b": 1.0}


def published(x: np.ndarray, *, ties: bool = False, wrt: tuple[str, ...] = (), **arguments: Any):
    """The source's loss (and gradients), without or with its handling of ties."""
    name = "published_batch_shaping_notebook" + ("_ties" if ties else "")
    return evaluate("batch_shaping", name, wrt, x=x, **arguments)


def loss(x: np.ndarray, **arguments: Any) -> float:
    """The source's loss alone."""
    return float(published(x, **arguments)["output"])


def _by_positions(x: np.ndarray, plotting_position: str, **arguments: Any) -> float:
    options = {"plotting_position": plotting_position, "ties": "ordinal", **arguments}
    return float(evaluate("batch_shaping", "torch_eager", x=x, **options)["output"])


@functools.cache
def _draws() -> np.ndarray:
    """20000 batches of 32 draws from the standard normal prior."""
    return np.random.Generator(np.random.Philox(2)).normal(size=(20_000, 32)).astype(np.float32)


def _text_positions() -> tuple[Evidence, ...]:
    n = 32
    alone = row([0.0])
    push = evaluate(
        "batch_shaping", "torch_eager", ("x",), x=alone, plotting_position="ecdf", **STANDARD
    )
    pulled = evaluate(
        "batch_shaping", "torch_eager", ("x",), x=row([9.0]), plotting_position="ecdf", **STANDARD
    )
    return (
        Evidence("mean loss of 20000 x 32 draws from the prior, 1/(6 (N+1))",
                 _by_positions(_draws(), "ecdf", **STANDARD), 1 / (6 * (n + 1)), 1.5e-4),
        Evidence("slope at one sample on the prior's median", float(push["x"][0, 0]), 0, 1e-6),
        Evidence("loss of one sample 9 sd above it", float(pulled["output"]), 1 / 4, 1e-6),
    )  # fmt: skip


def _code_positions() -> tuple[Evidence, ...]:
    found = [
        Evidence("mean loss of 20000 x 32 draws from the prior, 1/(6 (N+1))",
                 loss(_draws(), **STANDARD), 1 / (6 * 33), 1.5e-4),
        Evidence("slope at one sample on the prior's median",
                 float(published(row([0.0]), wrt=("x",), **STANDARD)["x"][0, 0]), 0, 1e-6),
    ]  # fmt: skip
    draws = np.random.Generator(np.random.Philox(3)).beta(2, 6, size=(400, 64)).astype(np.float32)
    found.append(
        Evidence("mean loss of 400 x 64 draws from one Beta(2, 6), 1/(6 (N+1))",
                 loss(draws, prior="beta", a=2.0, b=6.0), 1 / (6 * 65), 5e-4)
    )  # fmt: skip
    return tuple(found)


def _standard_deviation() -> tuple[Evidence, ...]:
    u = midpoints(500)
    prior: dict[str, Any] = {"prior": "normal", "a": 0.6, "b": 0.1}
    found = []
    for words, spread in (("variance", math.sqrt(0.1)), ("standard deviation", 0.1)):
        x = row(stats.norm.ppf(u, 0.6, spread))
        quantity = f"loss of 500 quantiles of the normal law with {words} 0.1"
        found.append(Evidence(quantity, loss(x, **prior), 0, 1e-5))
    return tuple(found)


def _low_density() -> tuple[Evidence, ...]:
    prior: dict[str, Any] = {"prior": "normal", "a": 0.6, "b": 0.1}
    at = [0.6 - 0.4, 0.6 - 0.5]
    slopes = [float(published(row([x]), wrt=("x",), **prior)["x"][0, 0]) for x in at]
    rights = [2 * (stats.norm.cdf(x, 0.6, 0.1) - 0.5) * stats.norm.pdf(x, 0.6, 0.1) for x in at]
    return tuple(
        Evidence(f"slope at one sample {k} sd below the mean", slope, right, 1e-6)
        for k, slope, right in zip((4, 5), slopes, rights, strict=True)
    )


def _symmetric() -> tuple[Evidence, ...]:
    # The loss of one sample is (F - 1/2)^2, so that it tells F where F > 1/2 or F < 1/2.
    alone = published(row([0.5]), wrt=("x",), prior="symbeta", a=0.9)
    below = 0.5 + math.copysign(math.sqrt(float(alone["output"])), alone["x"][0, 0])
    mirrored = published(row([0.5]), wrt=("x",), prior="symbeta", a=0.5)
    half = 0.5 + math.copysign(math.sqrt(float(mirrored["output"])), mirrored["x"][0, 0])
    return (
        Evidence("P(X < 1/2) of the prior with a = 0.9", below, 0.5, 1e-6),
        Evidence("P(X < 1/2) of the prior with a = 0.5", half, 0.5, 1e-6),
    )


def _warm_up() -> tuple[Evidence, ...]:
    optim = frameworks.get("torch").torch.optim  # type: ignore[attr-defined]
    found = []
    for rate in (0.3, 1.0):
        parameter = frameworks.get("torch").array([0.0], "float32", "cpu").requires_grad_()
        adam = optim.Adam([parameter], lr=rate)

        def factor(step: int, rate: float = rate) -> float:
            return max(1e-4, rate * step / 20) if step < 20 else rate

        schedule = optim.lr_scheduler.LambdaLR(adam, factor)
        for _ in range(21):
            parameter.grad = parameter.detach() + 1
            adam.step()
            schedule.step()
        quantity = f"learning rate after 20 warm-up steps to {rate:g}"
        found.append(Evidence(quantity, adam.param_groups[0]["lr"], rate, 1e-9))
    return tuple(found)


ENTRIES = (
    Erratum(
        "batch-shaping-text-positions",
        _NOTEBOOK + "first text cell, empirical CDF",
        "The empirical CDF of the loss is i/N for sorted x.",
        "1/N sum_i (i/N - F(x_(i)))^2",
        "1/N sum_i (i/(N+1) - F(x_(i)))^2, as the code has it, or with (2i-1)/(2N)",
        "bias",
        "E F(x_(i)) is i/(N+1). With i/N the loss of a batch from the prior is higher by "
        "(2N+1)/(6 N^2 (N+1)), and the largest sample is pushed up without end, since its "
        "position 1 is not reached.",
        _TORCH,
        _text_positions,
    ),
    Erratum(
        "batch-shaping-code-positions",
        _CODE + "gbas_loss",
        "The distance of the data to the prior is measured at i/(N+1).",
        "1/N sum_i (i/(N+1) - F(x_(i)))^2; E = 1/(6 (N+1)) for draws from the prior",
        "",
        "none",
        "Holds, for one row, and for several rows that share one prior.",
        _TORCH,
        _code_positions,
    ),
    Erratum(
        "batch-shaping-normal-variance",
        _CODE + "Prior.NORMAL, and cdf_normal.py's docstring",
        "The second parameter of the normal prior is its variance.",
        "F = (1 + erf((x - a) / (sqrt(2) b))) / 2, b called variance",
        "the same, b being the standard deviation",
        "misnamed",
        "The notebook's 0.1 is a standard deviation; read as a variance, the target would be three "
        "times as wide.",
        _TORCH,
        _standard_deviation,
    ),
    Erratum(
        "batch-shaping-low-density",
        _NOTEBOOK + "section C, example 1",
        "Where the prior has little density, samples get gradients of very low magnitude.",
        "dL/dx_i = 2/N (F(x_i) - p_i) f(x_i), small with f",
        "",
        "none",
        "Holds: the normal prior's slope follows its density, in float32 as far as that goes.",
        _TORCH,
        _low_density,
    ),
    Erratum(
        "batch-shaping-symmetric-beta",
        _NOTEBOOK + "example 2, and Prior.SYMBETA",
        "Beta(a, 1 - a) is the symmetric Beta distribution.",
        "F = I_x(a, 1 - a), called symmetric",
        "F = I_x(a, a) is symmetric; I_x(a, 1 - a) has mean a and only for a = 1/2 is",
        "misnamed",
        "The notebook's a = 0.9 puts most of its mass near 1.",
        _TORCH,
        _symmetric,
    ),
    Erratum(
        "batch-shaping-warm-up",
        _GENERALISED + "cell 3, LambdaLR(optimizer, warmup_factory(...))",
        "The learning rate rises linearly to lr in the warm-up epochs.",
        "lr_t = lr * (lr t / T_w)",
        "lr_t = lr * (t / T_w)",
        "scale",
        "LambdaLR multiplies the optimiser's rate by the function's value, which is a rate "
        "already: the example trains at 0.09 where it says 0.3.",
        _TORCH,
        _warm_up,
    ),
)
