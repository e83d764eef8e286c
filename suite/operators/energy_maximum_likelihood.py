"""Maximum likelihood of an energy by samples of the model: their energies rise, the data's sink.

With data x_n, n = 1..N, negatives y_m, m = 1..M, from the model exp(-E)/Z, and theta_j all numbers
of theta together,

    L = mean_n E(x_n) - alpha mean_m E(y_m) + strength * penalty,

    penalty   None 0      "l1" sum_j |theta_j|      "l2" sum_j theta_j^2

For alpha = 1 and no penalty the gradient to theta is an unbiased estimate of that of the negative
log likelihood, the negatives held constant; the value of L is no likelihood. Others than 1 weigh
the phases unequally and estimate the gradient of no likelihood.

Arguments: x (N, d), images (N, C, H, W) for ``conv``; theta and energy as in
``energy_score_matching``; negatives (M, d), an array like x. alpha, strength host numbers,
strength >= 0. Returns the loss () and metrics: ``positive_energy``, ``negative_energy`` means,
``energy_gap`` their difference, negative less positive, ``penalty`` as it is added. Gradients to x,
negatives and theta; the derivative of |theta| at 0 is 0. NaN makes the loss NaN. Second derivatives
are defined.

Source: S. Song, D. Kingma, "How to train your energy-based models", 2021, arXiv 2101.03288.
"""

from __future__ import annotations

import numpy as np

from suite.energies.jet import exact
from suite.operators.arguments import require_array, require_choice, require_scalar, require_shape
from suite.operators.base import EPSILON, ITEM_BYTES, Case, Cost, Operator, Pass
from suite.operators.energy_arguments import require_energy, require_no_infinity
from suite.operators.energy_cases import NAMES, case, draw_theta, moved, operations
from suite.operators.energy_errors import bad, error_cases
from suite.operators.energy_reference import chosen, energies_of, named, spread

PENALTIES = (None, "l1", "l2")


def _answer(blur, x, theta, negatives, *, energy="gaussian", alpha=1.0, penalty=None, strength=0.0):
    """The loss and its unit gradients."""
    up, down = np.full(len(x), 1 / len(x)), np.full(len(negatives), -alpha / len(negatives))
    positive, to_x, first = energies_of(energy, x, theta, up, blur)
    negative, to_negatives, second = energies_of(energy, negatives, theta, down, blur)
    loss = blur(positive).mean() - alpha * blur(negative).mean()
    to_theta = [a + b for a, b in zip(first, second, strict=True)]
    for index, array in enumerate(theta):
        loss = loss + strength * blur(_penalty(array, penalty)).sum()
        to_theta[index] = to_theta[index] + strength * blur(_slope(array, penalty))
    answer = {"output": np.asarray(loss), "x": to_x, "negatives": to_negatives}
    return answer | named(energy, to_theta)


def _penalty(array, penalty):
    if penalty is None:
        return np.zeros_like(array)
    return np.abs(array) if penalty == "l1" else np.square(array)


def _slope(array, penalty):
    if penalty is None:
        return np.zeros_like(array)
    return np.sign(array) if penalty == "l1" else 2 * array


def reference(x, theta, negatives, **options):
    """The loss (), float64."""
    return _answer(exact, x, theta, negatives, **options)["output"]


def reference_gradient(cotangent, wrt, x, theta, negatives, **options):
    """Gradients of cotangent * L to each name of ``wrt``."""
    return chosen(_answer(exact, x, theta, negatives, **options), cotangent, wrt)


def condition(cotangent, wrt, **arguments):
    """By perturbed intermediate results."""
    return spread(_answer, cotangent, wrt, arguments)


def tolerance(dtype):
    """Long sums, layer by layer and back; errors are a few standard deviations."""
    return 64.0 * EPSILON[dtype]


def cost(case: Case, pass_: Pass) -> Cost:
    """Read all arrays, write gradients; one evaluation of the energy of every sample."""
    elements, item = int(np.prod(case.shape("x"))), ITEM_BYTES[case.dtype]
    work = operations(case) * (case.sizes["N"] + case.sizes["M"]) // case.sizes["N"]
    if pass_ == "forward":
        return Cost(moved(case) * item, work, elements)
    return Cost(2 * moved(case) * item, 3 * work, elements)


def check(x, theta, negatives, *, energy="gaussian", alpha=1.0, penalty=None, strength=0.0):
    """Raise for wrong ranks, dtypes and shapes, unknown energies and penalties, a strength < 0."""
    require_energy(x, theta, energy)
    require_array("negatives", negatives, ndim=(len(x.shape),), like=x)
    require_shape("negatives", negatives, [(negatives.shape[0], *x.shape[1:])])
    require_scalar("alpha", alpha)
    require_choice("penalty", penalty, PENALTIES)
    require_scalar("strength", strength)
    if strength < 0:
        raise ValueError(f"strength={strength!r}: expected a finite number >= 0")


def check_values(x, theta, negatives, *, energy="gaussian", alpha=1.0, penalty=None, strength=0.0):
    """Raise for infinities."""
    require_no_infinity(x=x, theta=theta, negatives=negatives)


def draw(case, rng):
    """Standard normal samples, negatives twice as wide, theta as the energy wants it."""
    x, negatives = (rng.normal(size=case.shape(name)) for name in ("x", "negatives"))
    return {"x": x, "negatives": 0.5 + 1.5 * negatives, **draw_theta(case, rng)}


def _case(name, energy, samples, size, negatives, **keywords):
    shape = ("M", "C", "P", "P") if energy == "conv" else ("M", "d")
    keywords["sizes"] = {"M": negatives, **keywords.get("sizes", {})}
    return case(name, energy, samples, size, draws={"negatives": shape}, permute=("N", "M"),
                **keywords)  # fmt: skip


CASES = (
    _case("mlp_softplus-256x16", "mlp_softplus", 256, 16, 256, sizes={"H": 64}, profile="quick",
          representative=True, memory=True,
          options={"penalty": "l2", "strength": 0.01, "alpha": 0.5}),
    _case("gaussian-512x16", "gaussian", 512, 16, 300, profile="quick", representative=True),
    _case("double_well-float64", "double_well", 300, 3, 200, dtype="float64", profile="quick",
          options={"penalty": "l1", "strength": 0.1, "alpha": 0.7}),
    _case("mlp_silu-64x5", "mlp_silu", 64, 5, 64, options={"alpha": 0.5}, profile="quick"),
    _case("conv-8x1x5x5", "conv", 8, 5, 6, options={"alpha": 0.5}, profile="quick"),
    _case("gaussian_mixture-float16", "gaussian_mixture", 128, 2, 128, dtype="float16",
          profile="quick"),
    _case("double_well-300x3", "double_well", 300, 3, 200, options={"alpha": 0.7}),
    _case("gaussian_mixture-300x2", "gaussian_mixture", 300, 2, 300,
          options={"penalty": "l1", "strength": 0.1}),
    _case("gaussian-float64", "gaussian", 100, 4, 50, dtype="float64"),
    _case("mlp_silu-bfloat16", "mlp_silu", 64, 5, 64, dtype="bfloat16", options={"alpha": 0.5}),
    _case("mlp_softplus-512x64", "mlp_softplus", 512, 64, 512, sizes={"H": 128}, memory=True,
          options={"alpha": 0.9}),
    _case("gaussian-512x256", "gaussian", 512, 256, 512),
    _case("conv-8x1x10x10", "conv", 8, 10, 8, options={"alpha": 0.5}),
)  # fmt: skip

_GIVEN = {"negatives": np.ones((3, 2), np.float32)}
_bad = bad(**_GIVEN)

ERROR_CASES = (
    *error_cases(**_GIVEN),
    _bad("negatives-dimension", ValueError, ("negatives", "(3, 4)"),
         negatives=np.ones((3, 4), np.float32)),
    _bad("negatives-empty", ValueError, ("negatives", "(0, 2)"),
         negatives=np.ones((0, 2), np.float32)),
    _bad("negatives-dtype", TypeError, ("negatives", "float64"), negatives=np.ones((3, 2))),
    _bad("negatives-infinite", ValueError, ("negatives", "inf"), by_value=True,
         negatives=np.full((3, 2), np.inf, np.float32)),
    _bad("alpha-nan", ValueError, ("alpha", "nan"), alpha=float("nan")),
    _bad("penalty-unknown", ValueError, ("penalty", "'l3'", "'l2'"), penalty="l3"),
    _bad("strength-negative", ValueError, ("strength", "-0.5"), strength=-0.5),
)  # fmt: skip

OPERATOR = Operator(
    name="energy_maximum_likelihood",
    summary="maximum likelihood of an energy by the model's samples",
    draw=draw,
    reference=reference,
    reference_gradient=reference_gradient,
    condition=condition,
    tolerance=tolerance,
    cost=cost,
    check=check,
    check_values=check_values,
    cases=CASES,
    error_cases=ERROR_CASES,
    options={"energy": NAMES, "penalty": PENALTIES},
    twice=True,
)
