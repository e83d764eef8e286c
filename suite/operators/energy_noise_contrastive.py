"""Noise contrastive estimation: a model told from noise of known density, normalisation included.

With data x_n, n = 1..N, noise y_m, m = 1..M, of density q, nu = M / N and the log odds that a
sample is data and no noise,

    G(u) = -E(u) - log Z - log(nu q(u)),

    L = mean_n log(1 + exp(-G(x_n))) + nu mean_m log(1 + exp(G(y_m)))

log Z is learned beside theta; at the optimum exp(-E)/Z is the data's density, itself normalised.
Without log q in G it is nothing of the kind.

Arguments: x (N, d), images (N, C, H, W) for ``conv``; theta and energy as in
``energy_score_matching``; noise (M, d), an array like x; log_density_x (N,) and log_density_noise
(M,), log q at the samples; log_partition log Z, a host number or an array (). Returns the loss ()
and metrics: ``positive_loss``, ``negative_loss`` the two terms, ``positive_odds``,
``negative_odds`` mean G. Gradients to all arrays, the densities taken as arrays of their own: that
to x is of E alone. NaN makes the loss NaN. Second derivatives are defined.

Source: M. Gutmann, A. Hyvarinen, "Noise-contrastive estimation of unnormalized statistical models,
with applications to natural image statistics", 2012.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from suite.energies.jet import exact
from suite.operators.arguments import is_array, require_array, require_scalar, require_shape
from suite.operators.base import EPSILON, ITEM_BYTES, Case, Cost, Operator, Pass
from suite.operators.energy_arguments import require_draws, require_energy, require_no_infinity
from suite.operators.energy_cases import NAMES, case, draw_theta, moved, operations
from suite.operators.energy_errors import bad, error_cases
from suite.operators.energy_reference import chosen, energies_of, named, spread


def _answer(
    blur, x, theta, noise, log_density_x, log_density_noise, log_partition=0.0, *,
    energy="gaussian",
):  # fmt: skip
    """The loss and its unit gradients."""
    log_partition = np.asarray(log_partition, np.float64)
    ratio = np.log(len(noise) / len(x))

    def odds(u, density):
        none = np.zeros(len(u))
        values = energies_of(energy, u, theta, none, exact)[0]
        return blur(-blur(values) - blur(log_partition) - blur(ratio + blur(density)))

    of_x, of_noise = odds(x, log_density_x), odds(noise, log_density_noise)
    loss = (blur(np.logaddexp(0, -of_x)).sum() + blur(np.logaddexp(0, of_noise)).sum()) / len(x)
    to_odds = blur(-expit(-of_x)) / len(x), blur(expit(of_noise)) / len(x)
    _, to_x, first = energies_of(energy, x, theta, -to_odds[0], blur)
    _, to_noise, second = energies_of(energy, noise, theta, -to_odds[1], blur)
    answer = {
        "output": np.asarray(loss),
        "x": to_x,
        "noise": to_noise,
        "log_density_x": -to_odds[0],
        "log_density_noise": -to_odds[1],
        "log_partition": -(to_odds[0].sum() + to_odds[1].sum()),
    }
    return answer | named(energy, [a + b for a, b in zip(first, second, strict=True)])


def reference(x, theta, noise, log_density_x, log_density_noise, log_partition=0.0, **options):
    """The loss (), float64."""
    arrays = x, theta, noise, log_density_x, log_density_noise, log_partition
    return _answer(exact, *arrays, **options)["output"]


def reference_gradient(cotangent, wrt, **arguments):
    """Gradients of cotangent * L to each name of ``wrt``."""
    return chosen(_answer(exact, **arguments), cotangent, wrt)


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


def check(
    x, theta, noise, log_density_x, log_density_noise, log_partition=0.0, *, energy="gaussian"
):
    """Raise for wrong ranks, dtypes and shapes, and unknown energies."""
    require_energy(x, theta, energy)
    require_array("noise", noise, ndim=(len(x.shape),), like=x)
    require_shape("noise", noise, [(noise.shape[0], *x.shape[1:])])
    require_draws("log_density_x", log_density_x, (x.shape[0],), x)
    require_draws("log_density_noise", log_density_noise, (noise.shape[0],), x)
    if is_array(log_partition):
        require_array("log_partition", log_partition, ndim=(0,), like=x)
    else:
        require_scalar("log_partition", log_partition)


def check_values(
    x, theta, noise, log_density_x, log_density_noise, log_partition=0.0, *, energy="gaussian"
):
    """Raise for infinities."""
    require_no_infinity(
        x=x, theta=theta, noise=noise, log_density_x=log_density_x,
        log_density_noise=log_density_noise, log_partition=log_partition,
    )  # fmt: skip


def draw(case, rng):
    """Standard normal data, noise twice as wide with its own log density, theta as it may be."""
    wide = 2.0
    x, noise = rng.normal(size=case.shape("x")), wide * rng.normal(size=case.shape("noise"))
    arrays = {"x": x, "noise": noise}
    for name, u in (("log_density_x", x), ("log_density_noise", noise)):
        flat = u.reshape(len(u), -1)
        norm = flat.shape[1] * np.log(wide * np.sqrt(2 * np.pi))
        arrays[name] = -0.5 * (flat**2).sum(1) / wide**2 - norm
    if "log_partition" in case.dims:
        # Odds around one: where all is told from noise for certain, nothing is left to learn.
        arrays["log_partition"] = rng.normal() - arrays["log_density_x"].mean()
    return {**arrays, **draw_theta(case, rng)}


def _case(name, energy, samples, size, noise, **keywords):
    shape = ("M", "C", "P", "P") if energy == "conv" else ("M", "d")
    draws = {"noise": shape, "log_density_x": ("N",), "log_density_noise": ("M",),
             "log_partition": ()}  # fmt: skip
    keywords["sizes"] = {"M": noise, **keywords.get("sizes", {})}
    return case(name, energy, samples, size, draws=draws, permute=("N", "M"), **keywords)


CASES = (
    _case("mlp_softplus-256x8", "mlp_softplus", 256, 8, 512, sizes={"H": 64}, profile="quick",
          representative=True, memory=True),
    _case("gaussian-512x4", "gaussian", 512, 4, 512, profile="quick", representative=True),
    _case("double_well-float64", "double_well", 300, 3, 200, dtype="float64", profile="quick"),
    _case("mlp_silu-64x5", "mlp_silu", 64, 5, 64, profile="quick"),
    _case("conv-8x1x5x5", "conv", 8, 5, 6, profile="quick"),
    _case("gaussian_mixture-float16", "gaussian_mixture", 128, 2, 128, dtype="float16", seed=1,
          profile="quick"),
    _case("double_well-300x3", "double_well", 300, 3, 200),
    _case("gaussian_mixture-300x2", "gaussian_mixture", 300, 2, 900),
    _case("gaussian-float64", "gaussian", 100, 4, 50, dtype="float64"),
    _case("mlp_silu-bfloat16", "mlp_silu", 64, 5, 64, dtype="bfloat16"),
    _case("mlp_softplus-512x64", "mlp_softplus", 512, 64, 512, sizes={"H": 128}, memory=True),
    _case("gaussian-512x64", "gaussian", 512, 64, 512),
    _case("conv-8x1x10x10", "conv", 8, 10, 8),
)  # fmt: skip

_GIVEN = {
    "noise": np.ones((3, 2), np.float32),
    "log_density_x": np.zeros(5, np.float32),
    "log_density_noise": np.zeros(3, np.float32),
}
_bad = bad(**_GIVEN)

ERROR_CASES = (
    *error_cases(**_GIVEN),
    _bad("noise-dimension", ValueError, ("noise", "(3, 4)"), noise=np.ones((3, 4), np.float32)),
    _bad("noise-empty", ValueError, ("noise", "(0, 2)"), noise=np.ones((0, 2), np.float32)),
    _bad("density-shape", ValueError, ("log_density_x", "(3,)", "(5,)"),
         log_density_x=np.zeros(3, np.float32)),
    _bad("density-number", TypeError, ("log_density_noise", "0.5"), log_density_noise=0.5),
    _bad("density-infinite", ValueError, ("log_density_noise", "-inf"), by_value=True,
         log_density_noise=np.array([0, -np.inf, 0], np.float32)),
    _bad("partition-nan", ValueError, ("log_partition", "nan"), log_partition=float("nan")),
    _bad("partition-shape", ValueError, ("log_partition", "(1,)"),
         log_partition=np.zeros(1, np.float32)),
)  # fmt: skip

OPERATOR = Operator(
    name="energy_noise_contrastive",
    summary="noise contrastive estimation of an energy and its log Z",
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
    twice=True,
)
