"""The guide's losses are what its listings say, and their right forms are what its wrong ones fail.

On a Gaussian energy p |x|^2 / 2 the gradient is p x and the Hessian p I.
"""

import numpy as np
import pytest
import torch

from suite import load

GUIDE = "published_torchebm_guide"
SIZE, P = 3, 2.0


def tensors(*shape, seed=0):
    return torch.from_numpy(np.random.Generator(np.random.Philox(seed)).normal(size=shape))


def theta(p=P):
    return [torch.zeros(SIZE).double(), p * torch.eye(SIZE).double()]


X = tensors(50, SIZE)


def test_the_explicit_loss_adds_the_hessians_trace():
    loss, _ = load("energy_score_matching", GUIDE)(X, theta())
    assert float(loss) == pytest.approx(float(SIZE * P + 0.5 * (P * X).square().sum(1).mean()))


def test_the_denoising_losses_differ_by_the_sign_of_the_noise():
    noise, sigma = tensors(50, 2, SIZE, seed=1), torch.tensor([0.1, 0.5]).double()
    for name, sign in ((GUIDE, -1), (f"{GUIDE}_implicit", 1)):
        function = load("energy_denoising_score_matching", name)
        loss, _ = function(X, theta(), noise, sigma, weighting="none")
        added = sigma[:, None] * noise
        miss = P * (X[:, None] + added) + sign * noise / sigma[:, None]
        assert float(loss) == pytest.approx(float(0.5 * miss.square().sum(2).mean()))


def test_the_sliced_loss_has_unit_vectors_and_the_whole_score():
    draws = tensors(50, 4, SIZE, seed=2)
    function = load("energy_sliced_score_matching", GUIDE)
    loss, _ = function(X, theta(), draws, law="sphere", variance_reduced=True)
    assert float(loss) == pytest.approx(float(P + 0.5 * (P * X).square().sum(1).mean()))


def test_noise_contrastive_estimation_does_not_see_the_densities():
    noise, zero = 2 * tensors(80, SIZE, seed=3), torch.zeros(())
    function = load("energy_noise_contrastive", GUIDE)
    for level in (0.0, 5.0):
        loss, _ = function(X, theta(), noise, zero + level + X[:, 0], level + noise[:, 0], 0.5)
        odds_x, odds_noise = (-0.5 * P * u.square().sum(1) - 0.5 for u in (X, noise))
        softplus = torch.nn.functional.softplus
        want = softplus(-odds_x).mean() + softplus(odds_noise).mean()
        assert float(loss) == pytest.approx(float(want))


GIVEN = {
    "score_matching": ((), {}),
    "sliced_score_matching": ((tensors(400, 2, SIZE, seed=4),),
                              {"law": "sphere", "variance_reduced": True}),
    "denoising_score_matching": ((tensors(400, 1, SIZE, seed=5), 0.1), {"weighting": "none"}),
}  # fmt: skip
RIGHT = [(operator, name) for operator in GIVEN for name in ("torch_eager", "numpy_scipy")]
RIGHT += [("denoising_score_matching", GUIDE)]
WRONG = [("score_matching", GUIDE), ("sliced_score_matching", GUIDE)]
WRONG += [("denoising_score_matching", f"{GUIDE}_implicit")]


def slope(operator, name):
    """Of a loss to the precision at 1, for data of a quarter of the model's variance."""
    function, (arrays, options) = load(f"energy_{operator}", name), GIVEN[operator]
    x, (mean, precision) = 0.5 * tensors(400, SIZE, seed=6), theta(1.0)
    plain = (lambda a: a.numpy() if torch.is_tensor(a) else a) if "numpy" in name else lambda a: a

    def loss(p):
        given = [plain(mean), plain(p * precision)]
        return float(function(plain(x), given, *map(plain, arrays), **options)[0])

    return (loss(1.01) - loss(0.99)) / 0.02


@pytest.mark.parametrize(("operator", "name"), RIGHT)
def test_a_model_that_is_too_wide_is_narrowed(operator, name):
    assert slope(operator, name) < -0.5


@pytest.mark.parametrize(("operator", "name"), WRONG)
def test_with_the_wrong_sign_it_is_widened(operator, name):
    assert slope(operator, name) > 0.5
