"""The batch-shaping authors' loss is its formula, quirks included, computed here by SciPy."""

import numpy as np
import pytest
import torch
from scipy import special, stats

from suite import load

LOSS = load("batch_shaping", "published_batch_shaping_notebook")
WITH_TIES = load("batch_shaping", "published_batch_shaping_notebook_ties")
PAIRS = ((2.0, 6.0), (0.7, 1.5), (4.0, 0.4))


def draws(rows, samples):
    rng = np.random.Generator(np.random.Philox(5))
    return rng.uniform(0.05, 0.95, size=(rows, samples)).astype(np.float32)


def by_hand(x, cdf):
    """Mean over rows of the mean squared distance to i/(N+1), ranks of the sort."""
    positions = np.arange(1, x.shape[1] + 1) / (x.shape[1] + 1)
    return np.mean((cdf(np.sort(x.astype(np.float64), axis=1)) - positions) ** 2)


def gradients(function, *values, **options):
    leaves = [torch.tensor(value, requires_grad=True) for value in values]
    loss = function(*leaves, **options)
    return [g.numpy() for g in torch.autograd.grad(loss, leaves)]


def test_a_normal_prior_and_a_relaxed_bernoulli_one_keep_rows_apart():
    x, a, b = draws(3, 40), np.array([0.2, 0.5, 0.9]), np.array([0.3, 1.0, 0.1])
    given = (torch.tensor(v, dtype=torch.float32) for v in (x, a, b))
    column_a, column_b = a[:, None], b[:, None]
    want = by_hand(x, lambda x: stats.norm.cdf(x, column_a, column_b))
    x, a, b = given
    assert LOSS(x, a, b, prior="normal").item() == pytest.approx(want, rel=1e-5)

    def concrete(x):
        odds = special.logit(x) * column_b - special.logit(column_a)
        return special.expit(odds)

    want = by_hand(x.numpy(), concrete)
    assert LOSS(x, a, b, prior="relaxed_bernoulli").item() == pytest.approx(want, rel=1e-5)


def test_beta_parameters_per_row_average_all_pairs_of_a_row_and_a_prior():
    x = draws(3, 40)
    a, b = (torch.tensor(side) for side in zip(*PAIRS, strict=True))
    want = np.mean([by_hand(x, stats.beta(*pair).cdf) for pair in PAIRS])
    own = np.mean([by_hand(x[[r]], stats.beta(*pair).cdf) for r, pair in enumerate(PAIRS)])
    got = LOSS(torch.tensor(x), a, b, prior="beta").item()
    assert got == pytest.approx(want, rel=1e-5) and abs(got - own) > 1e-3


def test_one_parameter_for_all_rows_is_expanded_beside_one_for_each():
    x = torch.tensor(draws(2, 30))
    a, both = torch.tensor([0.7, 3.0]), torch.tensor([1.5, 1.5])
    assert LOSS(x, a, 1.5, prior="beta") == LOSS(x, a, both, prior="beta")


def test_symbeta_is_beta_with_one_minus_a():
    x = torch.tensor(draws(2, 30))
    assert LOSS(x, 0.9, prior="symbeta").item() == pytest.approx(
        by_hand(x.numpy(), stats.beta(0.9, 0.1).cdf), rel=1e-5
    )


def test_the_beta_densitys_gradient_is_clipped_at_both_ends():
    x = np.array([[1e-6, 0.3, 0.97, 0.999]], np.float32)
    density = stats.beta.pdf(x.astype(np.float64), 0.4, 6)
    assert density[0, 0] > 100 and density[0, 3] < 1e-3
    residual = stats.beta.cdf(x.astype(np.float64), 0.4, 6) - np.arange(1, 5) / 5
    want = 2 / 4 * residual * np.clip(density, 1e-3, 100)
    (got,) = gradients(LOSS, x, a=0.4, b=6.0, prior="beta")
    np.testing.assert_allclose(got, want, rtol=2e-5)


@pytest.mark.parametrize(("a", "middle"), [(2.0, 2.0), (0.06, 0.08), (0.02, 0.06), (0.01, 0.055)])
def test_the_slope_in_a_is_a_central_difference_at_the_middle_of_the_cut_interval(a, middle):
    x, step = np.array([[0.4]], np.float32), (a + 0.05 - max(0.05, a - 0.05)) / 10
    cdf = [special.betainc(middle + side * step, 3.0, x.astype(float)) for side in (-1, 1)]
    want = 2 * (special.betainc(a, 3.0, x.astype(float)) - 0.5) * (cdf[1] - cdf[0]) / (2 * step)
    single = np.array([a], np.float32)
    (got,) = gradients(
        lambda a: LOSS(torch.tensor(x), a, torch.tensor([3.0]), prior="beta"), single
    )
    np.testing.assert_allclose(got, want[0], rtol=1e-3)


def test_the_slope_in_symbetas_a_moves_both_parameters_and_is_cut_at_both_ends():
    x = np.array([[0.4]])
    for a, middle, step in ((0.5, 0.5, 0.01), (0.97, 0.935, 0.003)):
        low, high = (special.betainc(middle + s * step, 1 - middle - s * step, x) for s in (-1, 1))
        want = 2 * (special.betainc(a, 1 - a, x) - 0.5) * (high - low) / (2 * step)
        (got,) = gradients(
            lambda a: LOSS(torch.tensor(x, dtype=torch.float32), a, prior="symbeta"),
            np.array([a], np.float32),
        )
        np.testing.assert_allclose(got, want[0], rtol=2e-3)


def test_relaxed_bernoulli_is_flat_outside_of_a_thousandth():
    x = np.array([[1e-4, 5e-4, 0.5, 0.9995]], np.float32)
    inside = np.clip(x.astype(np.float64), 1e-3, 1 - 1e-3)
    want = by_hand(inside, lambda x: special.expit(0.4 * special.logit(x) - special.logit(0.3)))
    loss = LOSS(torch.tensor(x), 0.3, 0.4, prior="relaxed_bernoulli").item()
    assert loss == pytest.approx(want, rel=1e-5)
    (slope,) = gradients(LOSS, x, a=0.3, b=0.4, prior="relaxed_bernoulli")
    assert (slope != 0).tolist() == [[False, False, True, False]]


def test_ties_share_their_largest_rank_where_the_matrix_is_one_row():
    x = np.array([[0.3, -1.0, 0.3, 2.0, 0.3, -1.0]], np.float32)
    positions = stats.rankdata(x, method="max", axis=1) / 7
    want = np.mean((stats.norm.cdf(x) - positions) ** 2)
    assert WITH_TIES(torch.tensor(x), 0.0, 1.0, prior="normal").item() == pytest.approx(
        want, rel=1e-5
    )
    without = LOSS(torch.tensor(x), 0.0, 1.0, prior="normal").item()
    assert without == pytest.approx(by_hand(x, stats.norm.cdf), rel=1e-5)
    assert abs(without - want) > 1e-4


def test_ties_are_seen_where_whole_columns_of_the_sorted_matrix_are_equal():
    tied = np.array([[0.0, 1.0, 1.0, 2.0]], np.float32)
    both = np.concatenate([tied, tied + np.float32([0, 0, 0, 1])])
    one = np.concatenate([tied, tied + np.float32([0, 0, 0.5, 1])])
    positions = {"both": np.array([1, 3, 3, 4]) / 5, "one": np.array([1, 2, 3, 4]) / 5}
    for name, x in (("both", both), ("one", one)):
        want = np.mean((stats.norm.cdf(x, 1) - positions[name]) ** 2)
        got = WITH_TIES(torch.tensor(x), 1.0, 1.0, prior="normal").item()
        assert got == pytest.approx(want, rel=1e-5), name
