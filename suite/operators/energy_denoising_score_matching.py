"""Denoising score matching: the score of perturbed data, at one or several noise scales.

With samples x_n, standard normal noise e_ns, scales sigma_s, s = 1..S, and the perturbed sample
u = x_n + sigma_s e_ns, whose conditional score is -e_ns / sigma_s,

    L = mean_n mean_s [ w(sigma_s) | -dE/dx(u) + e_ns / sigma_s |^2 / 2 ]

    weighting   "none" w = 1      "sigma2" w = sigma^2, which keeps all scales' terms of one size

Its expectation is, up to a constant, half the Fisher divergence between exp(-E)/Z and the data
*blurred by sigma*: that is what it fits, for every sigma > 0. The score is -dE/dx; with +dE/dx in
its place, or the noise of the other sign, it has its minimum at an energy turned upside down.

Arguments: x (N, d), images (N, C, H, W) for ``conv``; theta and energy as in
``energy_score_matching``; noise (N, S, d), or (N, S, C, H, W), drawn and not yet scaled; sigma a
host number, an array () or one (S,), > 0. Returns the loss () and metrics: ``score_square`` mean
|dE/dx|^2. Gradients to x, noise and theta, not to sigma. NaN makes the loss NaN. Second derivatives
are defined.

Sources: P. Vincent, "A connection between score matching and denoising autoencoders", 2011;
Y. Song, S. Ermon, "Generative modeling by estimating gradients of the data distribution", 2019,
arXiv 1907.05600 (several scales, sigma^2).
"""

from __future__ import annotations

import numpy as np

from suite.energies.jet import exact, unit_vectors
from suite.operators.arguments import (
    is_array,
    require_array,
    require_choice,
    require_scalar,
    require_shape,
    require_values,
)
from suite.operators.base import EPSILON, ITEM_BYTES, Case, Cost, Operator, Pass
from suite.operators.energy_arguments import require_energy, require_no_infinity
from suite.operators.energy_cases import NAMES, case, draw_theta, moved, operations
from suite.operators.energy_errors import bad, error_cases
from suite.operators.energy_reference import chosen, mean_of, named, spread

WEIGHTINGS = ("none", "sigma2")


def _answer(blur, x, theta, noise, sigma, *, energy="gaussian", weighting="sigma2"):
    """The loss and its unit gradients."""
    scales = noise.shape[1]
    sigma = np.broadcast_to(np.asarray(sigma, np.float64), (scales,))
    column = sigma.reshape(1, scales, *(1,) * (x.ndim - 1))
    weight = sigma**2 if weighting == "sigma2" else np.ones(scales)
    u = blur(blur(x)[:, None] + blur(column * noise)).reshape(-1, *x.shape[1:])
    target = blur(noise / column).reshape(len(u), -1)
    each = np.tile(weight, len(x))
    to_target = np.empty_like(target)

    def local(rows, jet):
        miss = blur(target[rows] - jet.slope)
        push = each[rows, None] * miss
        to_target[rows] = push
        terms = 0.5 * blur(push * miss).sum(1)
        return terms, np.zeros(len(terms)), -push, np.zeros_like(jet.curve)

    loss, to_u, to_theta = mean_of(energy, u, theta, unit_vectors(x), local, blur)
    to_u = to_u.reshape(noise.shape)
    to_noise = blur(column * to_u) + blur(to_target.reshape(noise.shape) / column / len(u))
    answer = {"output": np.asarray(loss), "x": to_u.sum(1), "noise": to_noise}
    return answer | named(energy, to_theta)


def reference(x, theta, noise, sigma, **options):
    """The loss (), float64."""
    return _answer(exact, x, theta, noise, sigma, **options)["output"]


def reference_gradient(cotangent, wrt, x, theta, noise, sigma, **options):
    """Gradients of cotangent * L to each name of ``wrt``."""
    return chosen(_answer(exact, x, theta, noise, sigma, **options), cotangent, wrt)


def condition(cotangent, wrt, **arguments):
    """By perturbed intermediate results."""
    return spread(_answer, cotangent, wrt, arguments)


def tolerance(dtype):
    """Long sums, layer by layer and back; errors are a few standard deviations."""
    return 64.0 * EPSILON[dtype]


def cost(case: Case, pass_: Pass) -> Cost:
    """Read all arrays, write gradients; the energy forward and back for every perturbed sample."""
    elements, item = int(np.prod(case.shape("x"))), ITEM_BYTES[case.dtype]
    work = 3 * operations(case) * case.sizes["S"]
    if pass_ == "forward":
        return Cost(moved(case) * item, work, elements)
    return Cost(2 * moved(case) * item, 3 * work, elements)


def check(x, theta, noise, sigma, *, energy="gaussian", weighting="sigma2"):
    """Raise for wrong ranks, dtypes and shapes, unknown energies and weightings, sigma <= 0."""
    require_energy(x, theta, energy)
    require_array("noise", noise, ndim=(len(x.shape) + 1,), like=x)
    require_shape("noise", noise, [(x.shape[0], noise.shape[1], *x.shape[1:])])
    if is_array(sigma):
        require_array("sigma", sigma, ndim=(0, 1), like=x)
        require_shape("sigma", sigma, [(), (noise.shape[1],)])
    else:
        require_scalar("sigma", sigma, above=0.0)
    require_choice("weighting", weighting, WEIGHTINGS)


def check_values(x, theta, noise, sigma, *, energy="gaussian", weighting="sigma2"):
    """Raise for infinities and sigma <= 0."""
    require_no_infinity(x=x, theta=theta, noise=noise, sigma=sigma)
    if is_array(sigma):
        require_values("sigma", sigma, sigma <= 0, "numbers > 0")


def draw(case, rng):
    """Standard normal samples and noise; scales in 0.1 to 1."""
    arrays = {name: rng.normal(size=case.shape(name)) for name in ("x", "noise")}
    if "sigma" in case.dims:
        arrays["sigma"] = rng.uniform(0.1, 1.0, size=case.shape("sigma"))
    return {**arrays, **draw_theta(case, rng)}


def _case(name, energy, samples, size, scales, *, sigma=None, options=(), **keywords):
    shape = ("N", "S", "C", "P", "P") if energy == "conv" else ("N", "S", "d")
    draws = {"noise": shape, **({} if sigma else {"sigma": ("S",)})}
    options = {**dict(options), **({"sigma": sigma} if sigma else {})}
    keywords["sizes"] = {"S": scales, **keywords.get("sizes", {})}
    return case(name, energy, samples, size, draws=draws, fixed=("sigma",), options=options,
                unused=("theta.layer3_bias",), **keywords)  # fmt: skip


CASES = (
    _case("mlp_softplus-256x16", "mlp_softplus", 256, 16, 1, sigma=0.3, sizes={"H": 64},
          profile="quick", representative=True, memory=True),
    _case("gaussian-512x16", "gaussian", 512, 16, 3, profile="quick", representative=True),
    _case("double_well-float64", "double_well", 300, 3, 2, dtype="float64", profile="quick",
          options={"weighting": "none"}),
    _case("mlp_silu-64x5", "mlp_silu", 64, 5, 2, profile="quick"),
    _case("conv-8x1x5x5", "conv", 8, 5, 2, profile="quick"),
    _case("gaussian_mixture-float16", "gaussian_mixture", 128, 2, 1, dtype="float16", sigma=0.5,
          profile="quick"),
    _case("double_well-300x3", "double_well", 300, 3, 2, options={"weighting": "none"}),
    _case("gaussian_mixture-300x2", "gaussian_mixture", 300, 2, 4),
    _case("gaussian-float64", "gaussian", 100, 4, 2, dtype="float64"),
    _case("mlp_silu-bfloat16", "mlp_silu", 64, 5, 1, dtype="bfloat16", sigma=0.5),
    _case("mlp_softplus-512x64", "mlp_softplus", 512, 64, 1, sigma=0.1, sizes={"H": 128},
          memory=True),
    _case("gaussian-512x64", "gaussian", 512, 64, 10),
    _case("conv-8x1x10x10", "conv", 8, 10, 1, sigma=0.5),
)  # fmt: skip

_GIVEN = {"noise": np.ones((5, 2, 2), np.float32), "sigma": 0.5}
_bad = bad(**_GIVEN)

ERROR_CASES = (
    *error_cases(**_GIVEN),
    _bad("noise-rank", ValueError, ("noise", "(5, 2)"), noise=np.ones((5, 2), np.float32)),
    _bad("noise-shape", ValueError, ("noise", "(4, 2, 2)", "(5, 2, 2)"),
         noise=np.ones((4, 2, 2), np.float32)),
    _bad("noise-no-scales", ValueError, ("noise", "(5, 0, 2)"),
         noise=np.ones((5, 0, 2), np.float32)),
    _bad("sigma-zero", ValueError, ("sigma", "0"), sigma=0.0),
    _bad("sigma-nan", ValueError, ("sigma", "nan"), sigma=float("nan")),
    _bad("sigma-text", TypeError, ("sigma", "small"), sigma="small"),
    _bad("sigma-shape", ValueError, ("sigma", "(3,)", "(2,)"), sigma=np.ones(3, np.float32)),
    _bad("sigma-negative", ValueError, ("sigma", "-1"), by_value=True,
         sigma=np.array([1, -1], np.float32)),
    _bad("weighting", ValueError, ("weighting", "'sigma'", "'sigma2'"), weighting="sigma"),
)  # fmt: skip

OPERATOR = Operator(
    name="energy_denoising_score_matching",
    summary="denoising score matching of an energy at one or several noise scales",
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
    options={"energy": NAMES, "weighting": WEIGHTINGS},
    twice=True,
)
