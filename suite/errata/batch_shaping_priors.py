"""Source 001, the batch-shaping notebook and its code: the priors' CDFs and their gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import integrate, special, stats

from suite.errata.batch_shaping_notebook import loss, published
from suite.errata.entry import Erratum, Evidence
from suite.errata.evaluate import evaluate, midpoints, row
from suite.priors import PRIORS

_TORCH = ("torch",)
_NOTEBOOK = "Batch-Shaping notebook (Qualcomm AI Research, 2023; arXiv 1907.06627), "
_CODE = "Batch-Shaping code (Qualcomm AI Research, 2023), "
# Printed in the notebook for 500 points: mean, temperature, final loss.
_PRINTED = ((0.2, 0.25, 2.38e-2), (0.8, 0.4, 2.70e-3), (0.8, 0.01, 1.65e-1))


def _floor() -> tuple[Evidence, ...]:
    found = []
    p = midpoints(500)
    for mean, temperature, _ in _PRINTED:
        prior: dict[str, Any] = {"prior": "relaxed_bernoulli", "a": mean, "b": temperature}
        # Quantiles p of the prior, as logits: b z - logit(a) = logit(p).
        z = (special.logit(p) + special.logit(mean)) / temperature
        right = evaluate("batch_shaping", "torch_eager", x=row(z), from_logits=True, **prior)
        quantity = f"loss of 500 quantiles of the prior, mean {mean:g}, temperature {temperature:g}"
        published_loss = loss(row(special.expit(z)), **prior)
        found.append(Evidence(quantity, published_loss, float(right["output"]), 1e-5))
    return tuple(found)


def _floor_is_printed() -> tuple[Evidence, ...]:
    found = []
    for mean, temperature, printed in _PRINTED:
        prior: dict[str, Any] = {"prior": "relaxed_bernoulli", "a": mean, "b": temperature}
        z = (special.logit(midpoints(500)) + special.logit(mean)) / temperature
        lowest = loss(row(special.expit(z)), **prior)
        quantity = (
            f"printed final loss, mean {mean:g}, temperature {temperature:g}: a perfect batch"
        )
        found.append(Evidence(quantity, printed, lowest, 0.03 * printed))
    return tuple(found)


def _dead() -> tuple[Evidence, ...]:
    found = []
    for z in (6.0, 8.0, -8.0):
        x = row([special.expit(z)])
        slope = published(x, wrt=("x",), prior="relaxed_bernoulli", a=0.2, b=0.25)["x"][0, 0]
        t = 0.25 * z - special.logit(0.2)
        right = 2 * (special.expit(t) - 0.5) * 0.25 * special.expit(t) * special.expit(-t)
        to_logit = slope * special.expit(z) * special.expit(-z)
        found.append(Evidence(f"slope to the logit of one sample at logit {z:g}", to_logit, right,
                              1e-4))  # fmt: skip
    return tuple(found)


def _mean_of_relaxed_bernoulli() -> tuple[Evidence, ...]:
    prior, found = PRIORS["relaxed_bernoulli"], []
    for a, b in ((0.2, 0.25), (0.8, 0.4), (0.8, 0.01), (0.2, 2.0)):
        # E X is the integral of 1 - F; by substitution over logits, where nothing is steep.
        mean = integrate.quad(
            lambda z, a=a, b=b: float(special.expit(z) * prior.pdf(z, a, b, from_logits=True)),
            -60 / b, 60 / b, points=[0, float(special.logit(a) / b)], limit=400,
        )[0]  # fmt: skip
        quantity = f"mean of the prior of mean {a:g}, temperature {b:g}"
        found.append(Evidence(quantity, a, mean, 0.005))
    return tuple(found)


def _beta_slope(x: float, a: float, b: float) -> float:
    """The density by which the published gradient to one sample was multiplied."""
    alone = published(row([x]), wrt=("x",), prior="beta", a=a, b=b)
    return float(alone["x"][0, 0] / (2 * (special.betainc(a, b, np.float32(x)) - 0.5)))


def _density() -> tuple[Evidence, ...]:
    return tuple(
        Evidence(f"slope of F over the density of Beta({a:g}, {b:g}) at {x:g}",
                 _beta_slope(x, a, b) / stats.beta.pdf(np.float64(np.float32(x)), a, b), 1, 1e-4)
        for x, a, b in ((0.3, 2, 6), (0.98, 2, 6), (0.9999, 0.9, 0.1), (1e-6, 0.4, 2))
    )  # fmt: skip


def _parameter_slope(x: float, a: float, b: float | None) -> float:
    """dF/da at x as the published gradient of one sample's loss has it."""
    symmetric = b is None
    arguments: dict[str, Any] = {"prior": "symbeta" if symmetric else "beta"}
    arguments["a"] = np.array([a], np.float32)
    if b is not None:
        arguments["b"] = np.array([b], np.float32)
    slope = published(row([x]), wrt=("a",), **arguments)["a"][0]
    f = special.betainc(a, 1 - a if b is None else b, np.float64(np.float32(x)))
    return float(slope / (2 * (f - 0.5)))


def _derivative(x: float, a: float, b: float | None) -> float:
    prior = PRIORS["symbeta" if b is None else "beta"]
    slopes = prior.parameter_derivatives(np.float64(np.float32(x)), a, b)
    return float(slopes[0])


def _inside() -> tuple[Evidence, ...]:
    return tuple(
        Evidence(f"dF/da of Beta({a:g}, {b:g}) at {x:g}", _parameter_slope(x, a, b),
                 _derivative(x, a, b), 2e-4)
        for x, a, b in ((0.2, 2.0, 6.0), (0.7, 2.0, 6.0), (0.5, 0.6, 3.0))
    )  # fmt: skip


def _near_floor() -> tuple[Evidence, ...]:
    found = []
    for x, a, b in ((0.5, 0.06, 2.0), (0.5, 0.02, 2.0), (0.5, 0.97, None), (0.5, 0.03, None)):
        law = f"Beta({a:g}, {'1 - a' if b is None else format(b, 'g')})"
        got, right = _parameter_slope(x, a, b), _derivative(x, a, b)
        found.append(Evidence(f"dF/da of {law} at {x:g}", got, right, 1e-3))
    got, elsewhere = _parameter_slope(0.5, 0.06, 2.0), _derivative(0.5, 0.08, 2.0)
    found.append(Evidence("the first again, beside dF/da of Beta(0.08, 2)", got, elsewhere, 1e-4))
    return tuple(found)


def _single() -> tuple[Evidence, ...]:
    found = []
    rights = {"beta": special.betainc(2, 6, 0.3), "normal": special.ndtr((0.3 - 2) / 6)}
    for prior, right in rights.items():
        # The loss of one sample is (F - 1/2)^2.
        off = math.sqrt(loss(np.array([[0.3]]), prior=prior, a=2.0, b=6.0)) - abs(right - 0.5)
        quantity = f"error of F, in 1e-9, for one float64 sample, {prior} prior"
        found.append(Evidence(quantity, off / 1e-9, 0, 1e-3))
    return tuple(found)


ENTRIES = (
    Erratum(
        "batch-shaping-clamp-floor",
        _NOTEBOOK + "relaxed Bernoulli examples; code in cdf_relaxedbernoulli.py",
        "Batch shaping brings samples to a relaxed Bernoulli prior, at low temperatures too.",
        "F = sigmoid(b logit(clip(x, 0.001, 0.999)) - logit(a))",
        "F = sigmoid(b z - logit(a)), of the logits z",
        "limit",
        "F of a clamped sample stays within [F(0.001), F(0.999)]: [0.19, 0.21] at temperature "
        "0.01. A batch exactly on the prior has a large loss, and no batch has a smaller one.",
        _TORCH,
        _floor,
    ),
    Erratum(
        "batch-shaping-printed-losses",
        _NOTEBOOK + "printed final losses of the relaxed Bernoulli examples",
        "2.38e-02, 2.70e-03 and 1.65e-01 are the losses that training ends at.",
        "min L = 1/N sum_i (p_i - clip(p_i, F(0.001), F(0.999)))^2 > 0",
        "",
        "none",
        "They are reproduced to 3% without any training, by 500 quantiles of the prior: the clamp "
        "makes them, and training longer lowers none of them.",
        _TORCH,
        _floor_is_printed,
    ),
    Erratum(
        "batch-shaping-clamp-gradient",
        _CODE + "cdf_relaxedbernoulli.py, torch.clip",
        "The loss can be differentiated for all samples in [0, 1].",
        "dF/dz = 0 for |z| > 6.9, x = sigmoid(z)",
        "dF/dz = b F (1 - F), finite for all z",
        "zero gradient",
        "A sample whose sigmoid is within 0.001 of 0 or 1 has no gradient and never comes back.",
        _TORCH,
        _dead,
    ),
    Erratum(
        "batch-shaping-relaxed-bernoulli-mean",
        _NOTEBOOK + "example 1, 'Relaxed Bernoulli with mean 0.2 and temperature 0.25'",
        "The first parameter of the relaxed Bernoulli prior is its mean.",
        "E X = a",
        "P(X > 1/2) = a; E X = a only for a = 1/2 or in the limit b -> 0",
        "misnamed",
        "The mean lies nearer to 1/2 the higher the temperature; as a target for a gate's rate, "
        "after rounding the gate, a is right.",
        _TORCH,
        _mean_of_relaxed_bernoulli,
    ),
    Erratum(
        "batch-shaping-beta-density",
        _CODE + "cdf_beta.py, pdf_clip_min and pdf_clip_max",
        "The gradient to x is the loss's (clipped for stability).",
        "dL/dx = 2/N (F - p) clip(f, 1e-3, 100)",
        "dL/dx = 2/N (F - p) f; to logits f x (1 - x), which needs no clipping",
        "scale",
        "In a thin tail the push is thousands of times the loss's slope, at an end with infinite "
        "density a fraction of it. The first helps training, but it is not this loss's gradient.",
        _TORCH,
        _density,
    ),
    Erratum(
        "batch-shaping-beta-parameters",
        _CODE + "cdf_beta.py, trainable parameters",
        "Derivatives of the Beta CDF in a and b are estimated well by numpy.gradient.",
        "dF/da ~ (F(a + 0.01) - F(a - 0.01)) / 0.02",
        "",
        "none",
        "Holds to 2e-4 where the parameter is above 0.1.",
        _TORCH,
        _inside,
    ),
    Erratum(
        "batch-shaping-beta-parameters-floor",
        _CODE + "cdf_beta.py, max(eps, a - eps) and min(1 - eps, a + eps)",
        "The same, for any parameter: the interval is cut at 0.05 (symbeta: also 0.95).",
        "dF/da at the middle of [max(0.05, a - 0.05), a + 0.05]",
        "dF/da at a",
        "bias",
        "Below 0.1 the middle of the cut interval is not a: for a = 0.06 it is 0.08. What is "
        "returned is the slope of another distribution.",
        _TORCH,
        _near_floor,
    ),
    Erratum(
        "batch-shaping-beta-single",
        _CODE + "cdf_beta.py, dtype=torch.float32",
        "float64 samples give a float64 loss.",
        "F, f and dF/da rounded to float32",
        "F, f and dF/da in the dtype of x",
        "bias",
        "SciPy's float64 values are rounded before anything is done with them, for every prior's "
        "parameters and for the Beta priors' CDF; 1 - F has an absolute error of 3e-8.",
        _TORCH,
        _single,
    ),
)
