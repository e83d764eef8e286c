"""Contrastive divergence: maximum likelihood whose negatives are a few Langevin steps away.

Chains start at the data, or at ``start``, and take k steps of length h = ``step``,

    y_{t+1} = y_t - h dE/dx(y_t) + sqrt(2 h) n_t          with n_t standard normal,

which sample exp(-E) as h -> 0 and k -> infinity: h is the time step of the Langevin diffusion at
temperature one, and half of the square of the noise's standard deviation. With ``uniforms`` every
step is accepted or refused (Metropolis; MALA), so that exp(-E) is invariant whatever h: a
proposal y from x is taken when

    log u < E(x) - E(y) + (|y - x + h dE/dx(x)|^2 - |x - y + h dE/dx(y)|^2) / 4h

    L = mean_n E(x_n) - alpha mean_m E(y_m at the end)

The chain is a constant: gradients flow through the energies and not through its steps, so that they
are not the slope of the value.

Arguments: x (N, d), images (N, C, H, W) for ``conv``; theta and energy as in
``energy_score_matching``; noise (M, k, d), or (M, k, C, H, W), with M the number of chains, N
without start; start (M, d) or None, a persistent chain's last ends; uniforms (M, k) in [0, 1) or
None. step > 0 and alpha host numbers. Returns the loss () and metrics: ``positive_energy``,
``negative_energy``, ``energy_gap`` as in ``energy_maximum_likelihood``, ``acceptance`` the share of
steps taken, and ``chain``, the ends (M, d), for the next call. Gradients to x and theta. NaN makes
the loss NaN. Second derivatives are defined.

Sources: G. Hinton, "Training products of experts by minimizing contrastive divergence", 2002;
T. Tieleman, "Training restricted Boltzmann machines using approximations to the likelihood
gradient", 2008 (persistent chains); G. Roberts, R. Tweedie, 1996 (MALA).
"""

from __future__ import annotations

import numpy as np

from suite.energies.jet import exact
from suite.operators.arguments import (
    require_array,
    require_between,
    require_scalar,
    require_shape,
)
from suite.operators.base import EPSILON, ITEM_BYTES, Case, Cost, Operator, Pass
from suite.operators.energy_arguments import require_draws, require_energy, require_no_infinity
from suite.operators.energy_cases import NAMES, case, draw_theta, moved, operations
from suite.operators.energy_errors import bad, error_cases
from suite.operators.energy_reference import chosen, energies_of, named, spread


def chain(x, theta, noise, start=None, uniforms=None, *, energy, step, blur=exact):
    """The ends of the chains, (M, *shape)."""
    y = x if start is None else start
    ones = np.ones(len(y))

    def at(y):
        value, gradient, _ = energies_of(energy, y, theta, ones, blur)
        return blur(value), gradient

    value, gradient = at(y)
    for t in range(noise.shape[1]):
        moved_by = blur(np.sqrt(2 * step) * noise[:, t]) - blur(step * gradient)
        proposal = blur(y + moved_by)
        new_value, new_gradient = at(proposal)
        if uniforms is not None:
            back = blur(-moved_by + step * new_gradient)
            forth = 2 * step * noise[:, t] ** 2
            each = tuple(range(1, y.ndim))
            odds = value - new_value + (forth.sum(each) - (back**2).sum(each)) / (4 * step)
            # A NaN is taken, so that it shows.
            proposal = proposal + 0 * uniforms[:, t].reshape(-1, *(1,) * (y.ndim - 1))
            kept = (np.log(uniforms[:, t]) >= odds).reshape(-1, *(1,) * (y.ndim - 1))
            proposal, new_gradient = (
                np.where(kept, y, proposal),
                np.where(kept, gradient, new_gradient),
            )
            new_value = np.where(kept.reshape(-1), value, new_value)
        y, value, gradient = proposal, new_value, new_gradient
    return y


def _answer(
    blur, x, theta, noise, start=None, uniforms=None, *, energy="gaussian", step=0.01, alpha=1.0
):  # fmt: skip
    """The loss and its unit gradients."""
    y = chain(x, theta, noise, start, uniforms, energy=energy, step=step, blur=blur)
    up, down = np.full(len(x), 1 / len(x)), np.full(len(y), -alpha / len(y))
    positive, to_x, first = energies_of(energy, x, theta, up, blur)
    negative, _, second = energies_of(energy, y, theta, down, blur)
    loss = blur(positive).mean() - alpha * blur(negative).mean()
    to_theta = [a + b for a, b in zip(first, second, strict=True)]
    return {"output": np.asarray(loss), "x": to_x, **named(energy, to_theta)}


def reference(x, theta, noise, start=None, uniforms=None, **options):
    """The loss (), float64."""
    return _answer(exact, x, theta, noise, start, uniforms, **options)["output"]


def reference_gradient(cotangent, wrt, x, theta, noise, start=None, uniforms=None, **options):
    """Gradients of cotangent * L to each name of ``wrt``, the chain held constant."""
    return chosen(_answer(exact, x, theta, noise, start, uniforms, **options), cotangent, wrt)


def condition(cotangent, wrt, **arguments):
    """By perturbed intermediate results."""
    return spread(_answer, cotangent, wrt, arguments)


def tolerance(dtype):
    """Long sums, layer by layer and back; errors are a few standard deviations."""
    return 64.0 * EPSILON[dtype]


def cost(case: Case, pass_: Pass) -> Cost:
    """Read all arrays, write gradients; the energy forward and back a step, and at both ends."""
    elements, item = int(np.prod(case.shape("x"))), ITEM_BYTES[case.dtype]
    chains = case.shape("noise")[0] / case.sizes["N"]
    steps = int(2 * operations(case) * chains * case.sizes["S"])
    ends = int(operations(case) * (1 + chains))
    if pass_ == "forward":
        return Cost(moved(case) * item, steps + ends, elements)
    return Cost(2 * moved(case) * item, steps + 3 * ends, elements)


def check(
    x, theta, noise, start=None, uniforms=None, *, energy="gaussian", step=0.01, alpha=1.0
):  # fmt: skip
    """Raise for wrong ranks, dtypes and shapes, unknown energies, no step, a length <= 0."""
    require_energy(x, theta, energy)
    if start is not None:
        require_array("start", start, ndim=(len(x.shape),), like=x)
        require_shape("start", start, [(start.shape[0], *x.shape[1:])])
    chains = (x if start is None else start).shape[0]
    require_array("noise", noise, ndim=(len(x.shape) + 1,), like=x)
    require_shape("noise", noise, [(chains, noise.shape[1], *x.shape[1:])])
    if uniforms is not None:
        require_draws("uniforms", uniforms, (chains, noise.shape[1]), x)
    require_scalar("step", step, above=0.0)
    require_scalar("alpha", alpha)


def check_values(
    x, theta, noise, start=None, uniforms=None, *, energy="gaussian", step=0.01, alpha=1.0
):  # fmt: skip
    """Raise for infinities and uniforms outside of [0, 1]."""
    require_no_infinity(x=x, theta=theta, noise=noise, start=start)
    require_between("uniforms", uniforms, above=0.0, below=1.0, closed=True)


def draw(case, rng):
    """Standard normal samples and noise, wide starts, theta as the energy wants it."""
    arrays = {name: rng.normal(size=case.shape(name)) for name in ("x", "noise")}
    if "start" in case.dims:
        arrays["start"] = 2 * rng.normal(size=case.shape("start"))
    if "uniforms" in case.dims:
        arrays["uniforms"] = rng.uniform(size=case.shape("uniforms"))
    return {**arrays, **draw_theta(case, rng)}


def _case(name, energy, samples, size, steps, *, chains=None, metropolis=False, step=0.01,
          **keywords):  # fmt: skip
    count, pixels = ("N" if chains is None else "M"), ("C", "P", "P")
    shape = pixels if energy == "conv" else ("d",)
    draws = {"noise": (count, "S", *shape)}
    if chains is not None:
        draws["start"] = (count, *shape)
    if metropolis:
        draws["uniforms"] = (count, "S")
    sizes = {"S": steps, **({"M": chains} if chains else {}), **keywords.pop("sizes", {})}
    options = {"step": step, **keywords.pop("options", {})}
    return case(name, energy, samples, size, draws=draws, fixed=tuple(draws), sizes=sizes,
                options=options, permute=("N", "M") if chains else ("N",),
                unused=() if "alpha" in options else ("theta.layer3_bias",),
                **keywords)  # fmt: skip


CASES = (
    _case("mlp_softplus-256x16", "mlp_softplus", 256, 16, 5, sizes={"H": 64}, profile="quick",
          representative=True, memory=True),
    _case("gaussian-512x16", "gaussian", 512, 16, 10, profile="quick", representative=True),
    _case("double_well-float64-persistent", "double_well", 300, 3, 3, dtype="float64", chains=200,
          profile="quick"),
    _case("gaussian_mixture-128x2-metropolis", "gaussian_mixture", 128, 2, 4, step=0.3,
          metropolis=True, profile="quick"),
    _case("mlp_silu-float16", "mlp_silu", 64, 5, 1, dtype="float16", options={"alpha": 0.5},
          profile="quick"),
    _case("conv-8x1x5x5", "conv", 8, 5, 2, options={"alpha": 0.5}, profile="quick"),
    _case("double_well-300x3-persistent", "double_well", 300, 3, 3, chains=200),
    _case("mlp_silu-64x5", "mlp_silu", 64, 5, 1, options={"alpha": 0.5}),
    _case("gaussian-float64", "gaussian", 100, 4, 5, dtype="float64", metropolis=True, chains=60,
          step=0.2),
    _case("gaussian_mixture-float16", "gaussian_mixture", 128, 2, 2, dtype="float16"),
    _case("mlp_silu-bfloat16", "mlp_silu", 64, 5, 2, dtype="bfloat16", options={"alpha": 0.5}),
    _case("mlp_softplus-512x64", "mlp_softplus", 512, 64, 10, sizes={"H": 128}, memory=True),
    _case("gaussian-512x64-k100", "gaussian", 512, 64, 100),
    _case("conv-8x1x10x10", "conv", 8, 10, 5, options={"alpha": 0.5}),
)  # fmt: skip

_GIVEN = {"noise": np.ones((5, 3, 2), np.float32)}
_bad = bad(**_GIVEN)

ERROR_CASES = (
    *error_cases(**_GIVEN),
    _bad("noise-rank", ValueError, ("noise", "(5, 2)"), noise=np.ones((5, 2), np.float32)),
    _bad("noise-no-steps", ValueError, ("noise", "(5, 0, 2)"),
         noise=np.ones((5, 0, 2), np.float32)),
    _bad("noise-chains", ValueError, ("noise", "(5, 3, 2)", "(4, 3, 2)"),
         start=np.ones((4, 2), np.float32)),
    _bad("noise-infinite", ValueError, ("noise", "inf"), by_value=True,
         noise=np.full((5, 3, 2), np.inf, np.float32)),
    _bad("start-dimension", ValueError, ("start", "(5, 3)"), start=np.ones((5, 3), np.float32)),
    _bad("uniforms-shape", ValueError, ("uniforms", "(5,)"), uniforms=np.zeros(5, np.float32)),
    _bad("uniforms-above-one", ValueError, ("uniforms", "2"), by_value=True,
         uniforms=np.full((5, 3), 2, np.float32)),
    _bad("step-zero", ValueError, ("step", "0"), step=0.0),
    _bad("step-negative", ValueError, ("step", "-0.1"), step=-0.1),
    _bad("step-text", TypeError, ("step", "small"), step="small"),
    _bad("alpha-nan", ValueError, ("alpha", "nan"), alpha=float("nan")),
)  # fmt: skip

OPERATOR = Operator(
    name="energy_contrastive_divergence",
    summary="contrastive divergence of an energy by Langevin chains from the data or persistent",
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
