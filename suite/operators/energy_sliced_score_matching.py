"""Sliced score matching: the Hessian's trace from random directions, M a sample.

With the score s = -dE/dx and directions v_nm of E[v v^T] = I,

    L = mean_n mean_m [ v.(ds/dx) v + (v.s)^2 / 2 ]        at x_n
    variance reduced:   v.(ds/dx) v + |s|^2 / 2

Over the directions' law both have the expectation of score matching's exact form. ``law`` says how
directions come from standard normal draws z, so that each has the scale that this takes:

    "gaussian"  v = z      "rademacher"  v = sign z      "sphere"  v = sqrt(d) z / |z|

A unit vector, without sqrt(d), shrinks the trace d times against |s|^2.

Arguments: x (N, d), images (N, C, H, W) for ``conv``; theta and energy as in
``energy_score_matching``; projections z (N, M, d), or (N, M, C, H, W), constants. Returns the loss
() and metrics: ``curvature`` mean v.Hv, ``slope_square`` what is halved. Gradients to x and theta.
NaN makes the loss NaN. Second derivatives are defined.

Source: Y. Song, S. Garg, J. Shi, S. Ermon, "Sliced score matching", 2019, arXiv 1905.07088.
"""

from __future__ import annotations

import numpy as np

from suite.energies.jet import exact, unit_vectors
from suite.operators.arguments import require_array, require_choice, require_shape
from suite.operators.base import EPSILON, ITEM_BYTES, Case, Cost, Operator, Pass
from suite.operators.energy_arguments import require_energy, require_no_infinity
from suite.operators.energy_cases import NAMES, case, draw_theta, moved, operations
from suite.operators.energy_errors import bad, error_cases
from suite.operators.energy_reference import chosen, mean_of, named, spread

LAWS = ("gaussian", "rademacher", "sphere")


def directions(projections, law):
    """Directions of that law from standard normal draws, float64."""
    flat = projections.reshape(*projections.shape[:2], -1)
    if law == "rademacher":
        flat = np.where(np.isnan(flat), np.nan, np.where(flat < 0, -1.0, 1.0))
    elif law == "sphere":
        norm = np.linalg.norm(flat, axis=2, keepdims=True)
        flat = np.sqrt(flat.shape[2]) * flat / norm
    return flat.reshape(projections.shape)


def _answer(
    blur, x, theta, projections, *, energy="gaussian", law="gaussian", variance_reduced=False
):
    """The loss and its unit gradients."""
    v = directions(projections, law)
    count = v.shape[1]
    if variance_reduced:
        units = np.broadcast_to(unit_vectors(x), (len(x), x[0].size, *x.shape[1:]))
        v = np.concatenate([v, units], axis=1)
    # How often a direction's curve and squared slope count.
    curves = np.r_[np.full(count, -1 / count), np.zeros(v.shape[1] - count)]
    squares = np.r_[np.zeros(count), np.ones(v.shape[1] - count)]
    if not variance_reduced:
        squares = -curves

    def local(rows, jet):
        terms = blur(curves * jet.curve).sum(1) + 0.5 * blur(squares * jet.slope**2).sum(1)
        bent = np.broadcast_to(curves, jet.curve.shape)
        counted = np.where(squares == 0, 0.0, squares * jet.slope)
        return terms, np.zeros(len(terms)), counted, bent

    loss, to_x, to_theta = mean_of(energy, x, theta, v, local, blur)
    return {"output": np.asarray(loss), "x": to_x, **named(energy, to_theta)}


def reference(x, theta, projections, **options):
    """The loss (), float64."""
    return _answer(exact, x, theta, projections, **options)["output"]


def reference_gradient(cotangent, wrt, x, theta, projections, **options):
    """Gradients of cotangent * L to each name of ``wrt``."""
    return chosen(_answer(exact, x, theta, projections, **options), cotangent, wrt)


def condition(cotangent, wrt, **arguments):
    """By perturbed intermediate results."""
    return spread(_answer, cotangent, wrt, arguments)


def tolerance(dtype):
    """Long sums, layer by layer and back; errors are a few standard deviations."""
    return 64.0 * EPSILON[dtype]


def cost(case: Case, pass_: Pass) -> Cost:
    """Read all arrays, write gradients; the energy forward and back, and once a direction."""
    elements, item = int(np.prod(case.shape("x"))), ITEM_BYTES[case.dtype]
    work = operations(case) * (2 + case.sizes["M"])
    if pass_ == "forward":
        return Cost(moved(case) * item, work, elements)
    return Cost(2 * moved(case) * item, 3 * work, elements)


def check(x, theta, projections, *, energy="gaussian", law="gaussian", variance_reduced=False):
    """Raise for wrong ranks, dtypes and shapes, unknown energies and laws."""
    require_energy(x, theta, energy)
    require_array("projections", projections, ndim=(len(x.shape) + 1,), like=x)
    shape = (x.shape[0], projections.shape[1], *x.shape[1:])
    require_shape("projections", projections, [shape])
    require_choice("law", law, LAWS)
    require_choice("variance_reduced", variance_reduced, (False, True))


def check_values(
    x, theta, projections, *, energy="gaussian", law="gaussian", variance_reduced=False
):
    """Raise for infinities."""
    require_no_infinity(x=x, theta=theta, projections=projections)


def draw(case, rng):
    """Standard normal samples and projections."""
    arrays = {name: rng.normal(size=case.shape(name)) for name in ("x", "projections")}
    return {**arrays, **draw_theta(case, rng)}


def _case(name, energy, samples, size, count, law="gaussian", reduced=False, **keywords):
    shape = ("N", "M", "C", "P", "P") if energy == "conv" else ("N", "M", "d")
    keywords["sizes"] = {"M": count, **keywords.get("sizes", {})}
    return case(name, energy, samples, size, draws={"projections": shape}, fixed=("projections",),
                options={"law": law, "variance_reduced": reduced},
                unused=("theta.layer3_bias",), **keywords)  # fmt: skip


CASES = (
    _case("mlp_softplus-256x16", "mlp_softplus", 256, 16, 5, sizes={"H": 64}, profile="quick",
          representative=True, memory=True),
    _case("gaussian-512x16", "gaussian", 512, 16, 1, "rademacher", reduced=True, profile="quick",
          representative=True),
    _case("double_well-float64", "double_well", 300, 3, 2, "sphere", dtype="float64",
          profile="quick"),
    _case("mlp_silu-64x5", "mlp_silu", 64, 5, 2, "sphere", reduced=True, profile="quick"),
    _case("conv-8x1x5x5", "conv", 8, 5, 2, "rademacher", profile="quick"),
    _case("gaussian_mixture-float16", "gaussian_mixture", 128, 2, 2, dtype="float16",
          profile="quick"),
    _case("double_well-300x3", "double_well", 300, 3, 2, "sphere"),
    _case("gaussian_mixture-300x2", "gaussian_mixture", 300, 2, 4, "sphere", reduced=True),
    _case("gaussian-float64", "gaussian", 100, 4, 3, dtype="float64"),
    _case("mlp_silu-bfloat16", "mlp_silu", 64, 5, 2, dtype="bfloat16"),
    _case("mlp_softplus-512x64", "mlp_softplus", 512, 64, 5, sizes={"H": 128}, memory=True,
          source="issue: 5 projections"),
    _case("mlp_softplus-512x64-reduced", "mlp_softplus", 512, 64, 5, reduced=True,
          sizes={"H": 128}),
    _case("gaussian-512x256", "gaussian", 512, 256, 5),
    _case("conv-8x1x10x10", "conv", 8, 10, 5),
)  # fmt: skip

_GIVEN = {"projections": np.ones((5, 3, 2), np.float32)}
_bad = bad(**_GIVEN)

ERROR_CASES = (
    *error_cases(**_GIVEN),
    _bad("projections-rank", ValueError, ("projections", "(5, 2)"),
         projections=np.ones((5, 2), np.float32)),
    _bad("projections-shape", ValueError, ("projections", "(4, 3, 2)", "(5, 3, 2)"),
         projections=np.ones((4, 3, 2), np.float32)),
    _bad("projections-none", ValueError, ("projections", "(5, 0, 2)"),
         projections=np.ones((5, 0, 2), np.float32)),
    _bad("projections-infinite", ValueError, ("projections", "inf"), by_value=True,
         projections=np.full((5, 3, 2), np.inf, np.float32)),
    _bad("law", ValueError, ("law", "'uniform'", "'sphere'"), law="uniform"),
    _bad("variance_reduced", ValueError, ("variance_reduced", "'yes'"), variance_reduced="yes"),
)  # fmt: skip

OPERATOR = Operator(
    name="energy_sliced_score_matching",
    summary="sliced score matching of an energy along random directions",
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
    options={"energy": NAMES, "law": LAWS, "variance_reduced": (False, True)},
    twice=True,
)
