"""Descents: right gradients reach their target, negated ones do not; objectives are as stated."""

import numpy as np
import pytest

from suite import operators
from suite.quality.descents import descend, descents, descents_of, steps_needed
from suite.quality.objectives import OBJECTIVES, _beta_moments, fitted, wasserstein
from suite.quality.targets import NO_TEST_TELLS, TARGETS, cramer_von_mises
from suite.quality.targets import wasserstein as wasserstein_distance

ROWS, STEPS = 4, 150


def reference_pull(operator, sign=1.0):
    """The operator's own float64 gradient, or its negative."""
    of = operators.get(operator)

    def pull(arrays, options, wrt, cotangent):
        output = of.reference(**arrays, **options)
        push = cotangent(output) if callable(cotangent) else cotangent
        return output, sign * of.reference_gradient(push, (wrt,), **arrays, **options)[wrt]

    return pull


def one(operator, **where):
    found = [d for d in descents_of(operator)
             if all(getattr(d, name) == value for name, value in where.items())]  # fmt: skip
    (descent,) = found
    return descent


CHOSEN = [
    one("batch_shaping", target="normal", start="samples", setting="weibull"),
    one("batch_shaping", target="beta", start="generator", setting="hazen"),
    one("batch_shaping", target="bimodal", start="samples", setting="hazen"),
    one("soft_histogram", target="normal", start="generator", objective="Jensen-Shannon of bins",
        setting="0.5 bins wide"),
    one("occupancy_entropy", objective="sigmoid", setting="temperature 0.1"),
    one("ecdf", objective="soft_rank", target="ranks of v"),
]  # fmt: skip


@pytest.mark.parametrize("descent", CHOSEN, ids=lambda d: f"{d.operator}-{d.name}")
def test_the_reference_gradient_comes_close_and_its_negative_does_not(descent):
    metric, _ = descent.problem.reached
    ends = {}
    for sign in (1.0, -1.0):
        pull = reference_pull(descent.operator, sign)
        path = descend(descent.problem, pull, ROWS, STEPS, descent.seed).distances[metric]
        ends[sign] = path[-1] / path[0]
    assert ends[1.0].max() < 0.2
    assert ends[-1.0].min() > 0.7


def test_batch_shaping_reaches_what_no_test_tells_from_a_draw():
    descent = CHOSEN[0]
    path = descend(descent.problem, reference_pull("batch_shaping"), ROWS, STEPS, descent.seed)
    assert steps_needed(path, descent.problem).max() < STEPS
    away = descend(descent.problem, reference_pull("batch_shaping", -1.0), ROWS, 30, descent.seed)
    assert np.isinf(steps_needed(away, descent.problem)).all()


@pytest.mark.parametrize("name", TARGETS)
def test_quantiles_invert_the_cdf_and_a_grid_of_them_is_as_near_as_can_be(name):
    target = TARGETS[name]
    u = np.linspace(1e-6, 1 - 1e-6, 2001)
    assert np.abs(target.cdf(target.quantile(u)) - u).max() < 1e-7
    grid = target.grid(50)[None]
    assert cramer_von_mises(grid, target)[0] == pytest.approx(1 / (12 * 50**2), rel=1e-6)
    assert wasserstein_distance(grid, target)[0] == 0


def test_one_draw_in_twenty_of_the_target_is_beyond_the_threshold():
    rng = np.random.Generator(np.random.Philox(3))
    far = cramer_von_mises(rng.normal(size=(4000, 128)), TARGETS["normal"]) > NO_TEST_TELLS / 128
    assert far.mean() == pytest.approx(0.05, abs=0.01)


def slope_of(loss, theta, step=1e-6):
    """Central differences of a row's loss in every sample."""
    found = np.empty_like(theta)
    for i in range(theta.shape[1]):
        shift = np.zeros_like(theta)
        shift[:, i] = step
        found[:, i] = (loss(theta + shift) - loss(theta - shift)) / (2 * step)
    return found


def test_the_wasserstein_gradient_is_that_of_its_loss():
    target = TARGETS["beta"]
    theta = np.random.Generator(np.random.Philox(1)).normal(size=(2, 9))
    wanted = target.sample(target.grid(9))

    def loss(t):
        return ((np.sort(target.sample(t), axis=1) - wanted) ** 2).mean(axis=1)

    assert np.allclose(wasserstein(2)(theta, target, None), slope_of(loss, theta), atol=1e-9)


def test_the_fitted_gradients_are_those_of_their_divergence():
    from scipy import special

    rng = np.random.Generator(np.random.Philox(2))
    theta = rng.normal(size=(2, 9))

    def normal(t):
        return -np.log(t.std(axis=1)) + (t.var(axis=1) + t.mean(axis=1) ** 2) / 2

    assert np.allclose(
        fitted(theta, TARGETS["normal"], None), slope_of(normal, theta), rtol=1e-3, atol=1e-4
    )

    def beta(x):
        m, v = x.mean(axis=1), x.var(axis=1)
        c = m * (1 - m) / v - 1
        a, b = m * c, (1 - m) * c
        psi = special.digamma
        return ((a - 0.6) * psi(a) + (b - 0.4) * psi(b) + (1.0 - a - b) * psi(a + b)
                - special.betaln(a, b))  # fmt: skip

    x = rng.uniform(0.2, 0.9, size=(2, 9))
    assert np.allclose(_beta_moments(x, 0.6, 0.4), slope_of(beta, x), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("divergence", ["KL of bins", "Jensen-Shannon of bins"])
def test_the_histogram_gradients_are_those_of_their_divergence(divergence):
    (objective,) = (o for o in OBJECTIVES if o.name == divergence and o.setting.startswith("1.5"))
    target, of = TARGETS["normal"], operators.get("soft_histogram")
    theta = np.random.Generator(np.random.Philox(4)).normal(size=(2, 9))
    edges = np.linspace(-4, 4, 21)
    p = np.diff(np.concatenate([[0.0], target.cdf(edges[1:-1]), [1.0]]))

    def loss(t):
        q = of.reference(t, edges, 1.5 * 0.4, overflow="reflect") / t.shape[1]
        m = (p + q) / 2
        if divergence == "KL of bins":
            return (q * np.log(q / p)).sum(axis=1)
        return (q * np.log(q / m) + p * np.log(p / m)).sum(axis=1) / 2

    found = objective.slope(theta, target, reference_pull("soft_histogram"))
    assert np.allclose(found, slope_of(loss, theta), rtol=1e-5, atol=1e-8)


def test_names_are_unique_and_rivals_start_alike():
    every = descents()
    names = [(d.operator, d.name) for d in every]
    assert len(set(names)) == len(names)
    seeds = {d.seed for d in every if d.target == "normal" and d.start == "samples"}
    assert len(seeds) == 1
