"""Score matching of an energy: how far its score is from the data's, up to a constant.

With the score s(x) = -dE/dx of samples x_n, n = 1..N,

    L = mean_n [ |s(x_n)|^2 / 2 + tr ds/dx (x_n) ] = mean_n [ |dE/dx|^2 / 2 - Laplacian of E ]

whose expectation is half the Fisher divergence between the data's density and exp(-E)/Z, but for a
term free of theta. The trace is exact. Integration by parts is in it, so that the data's own score
is not: some call this form implicit, others explicit for its exact trace; what a perturbed sample
gives in its place is ``energy_denoising_score_matching``.

Arguments: x (N, d), images (N, C, H, W) for ``conv``. theta a list of arrays, as
``suite.energies`` says. energy a name or a callable energy(x, *theta) -> (N,). block how many
coordinates' derivatives are held at once, None for all; it changes memory, not values.
Returns the loss () and metrics: ``score_square`` mean |s|^2, ``laplacian`` mean Laplacian of E.
Gradients to x and theta. A NaN in x makes the loss NaN and the gradient of its own sample; an
infinity raises, or makes all NaN. Second derivatives of the loss are not defined.

Source: A. Hyvarinen, "Estimation of non-normalized statistical models by score matching", 2005.
"""

from __future__ import annotations

import numpy as np

from suite.energies.jet import exact, unit_vectors
from suite.operators.base import EPSILON, ITEM_BYTES, Case, Cost, Operator, Pass
from suite.operators.energy_arguments import (
    require_block,
    require_energy,
    require_no_infinity,
)
from suite.operators.energy_cases import (
    NAMES,
    case,
    draw_samples,
    draw_theta,
    moved,
    operations,
)
from suite.operators.energy_errors import bad, error_cases
from suite.operators.energy_reference import chosen, mean_of, named, spread


def _answer(blur, x, theta, *, energy="gaussian", block=None):
    """The loss and its unit gradients."""

    def local(rows, jet):
        terms = blur(0.5 * blur(jet.slope**2).sum(1)) - blur(jet.curve.sum(1))
        return terms, np.zeros(len(terms)), jet.slope, -np.ones_like(jet.curve)

    loss, to_x, to_theta = mean_of(energy, x, theta, unit_vectors(x), local, blur)
    return {"output": np.asarray(loss), "x": to_x, **named(energy, to_theta)}


def reference(x, theta, *, energy="gaussian", block=None):
    """The loss (), float64."""
    return _answer(exact, x, theta, energy=energy)["output"]


def reference_gradient(cotangent, wrt, x, theta, *, energy="gaussian", block=None):
    """Gradients of cotangent * L to each name of ``wrt``."""
    return chosen(_answer(exact, x, theta, energy=energy), cotangent, wrt)


def condition(cotangent, wrt, x, theta, *, energy="gaussian", block=None):
    """By perturbed intermediate results."""
    return spread(_answer, cotangent, wrt, {"x": x, "theta": theta, "energy": energy})


def tolerance(dtype):
    """Long sums, layer by layer and back, whose partial sums are rounded as often as they are long;
    errors are a few standard deviations."""
    return 64.0 * EPSILON[dtype]


def cost(case: Case, pass_: Pass) -> Cost:
    """Read all arrays, write gradients; one evaluation of the energy a coordinate."""
    per_sample = int(np.prod(case.shape("x")[1:]))
    work, item = operations(case) * per_sample, ITEM_BYTES[case.dtype]
    elements = case.sizes["N"] * per_sample
    if pass_ == "forward":
        return Cost(moved(case) * item, work, elements)
    return Cost(2 * moved(case) * item, 3 * work, elements)


def check(x, theta, *, energy="gaussian", block=None):
    """Raise for wrong ranks, dtypes and shapes, unknown energies, a block < 1."""
    require_energy(x, theta, energy)
    require_block(block)


def check_values(x, theta, *, energy="gaussian", block=None):
    """Raise for infinities."""
    require_no_infinity(x=x, theta=theta)


def draw(case, rng):
    """Standard normal samples, theta as the energy wants it."""
    return {"x": draw_samples(case, rng), **draw_theta(case, rng)}


# What is added to the energy has no score.
_UNUSED = ("theta.layer3_bias",)

# Of theta alone, for those that do not differentiate what is matched.
_THETA = ("theta.layer1", "theta.layer1_bias", "theta.layer2", "theta.layer2_bias", "theta.layer3")

CASES = (
    case("mlp_softplus-256x16", "mlp_softplus", 256, 16, sizes={"H": 64}, options={"block": 4},
         profile="quick", representative=True, memory=True, unused=_UNUSED),
    case("gaussian-512x16", "gaussian", 512, 16, profile="quick", representative=True),
    case("double_well-float64", "double_well", 300, 3, dtype="float64", profile="quick"),
    case("mlp_silu-64x5", "mlp_silu", 64, 5, profile="quick", unused=_UNUSED),
    case("conv-8x1x5x5", "conv", 8, 5, options={"block": 7}, profile="quick"),
    case("gaussian_mixture-float16", "gaussian_mixture", 128, 2, dtype="float16",
         profile="quick"),
    case("mlp_softplus-64x8-theta", "mlp_softplus", 64, 8, profile="quick", wrt=_THETA),
    case("double_well-300x3", "double_well", 300, 3),
    case("gaussian_mixture-300x2", "gaussian_mixture", 300, 2),
    case("gaussian-float64", "gaussian", 100, 4, dtype="float64"),
    case("mlp_softplus-float64", "mlp_softplus", 64, 4, dtype="float64", options={"block": 3},
         unused=_UNUSED),
    case("mlp_silu-bfloat16", "mlp_silu", 64, 5, dtype="bfloat16", unused=_UNUSED),
    case("mlp_softplus-512x64-theta", "mlp_softplus", 512, 64, sizes={"H": 128}, memory=True,
         options={"block": 8}, wrt=_THETA),
    case("mlp_softplus-512x64", "mlp_softplus", 512, 64, sizes={"H": 128}, memory=True,
         options={"block": 8}, unused=_UNUSED, source="issue: MLP 128 x 2, N = 512, d = 64"),
    *(case(f"gaussian-512x{size}", "gaussian", 512, size) for size in (1, 4, 64, 256)),
    case("gaussian_mixture-4096x2", "gaussian_mixture", 4096, 2, sizes={"K": 8}),
    case("conv-8x1x10x10", "conv", 8, 10, options={"block": 16}),
)  # fmt: skip


_bad = bad()

ERROR_CASES = (
    *error_cases(),
    _bad("block-zero", ValueError, ("block", "0"), block=0),
    _bad("block-fraction", TypeError, ("block", "2.5"), block=2.5),
)

OPERATOR = Operator(
    name="energy_score_matching",
    summary="score matching of an energy with the exact trace of its Hessian",
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
    options={"energy": NAMES},
)
