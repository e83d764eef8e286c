"""Every loss recovers a Gaussian's precision within its stated bias, in 1, 4, 16 dimensions."""

import numpy as np
import pytest

from suite.quality.energy.gradients import Losses
from suite.quality.energy.recovery import (
    SIZES,
    WAYS,
    chance,
    error,
    precision,
    recovered,
    stated,
)

LOSSES = {name: Losses(name, "float64") for name in ("torch_eager", "published_torchebm_guide")}


def first(loss):
    """The first way with a loss."""
    return next(way for way in WAYS if way.loss == loss)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_loss_recovers_the_precision_that_is_stated(way, size):
    losses, right = LOSSES["torch_eager"], stated(way, precision(size))
    allowed = chance(losses, way, size)
    assert error(recovered(losses, way, size), right) < allowed < 0.25
    assert error(0 * right, right) > 0.9


@pytest.mark.parametrize("loss", ["denoising_score_matching", "contrastive_divergence"])
def test_a_stated_bias_is_no_rounding_error(loss):
    way = first(loss)
    assert error(stated(way, precision(4)), precision(4)) > 0.05


@pytest.mark.parametrize("loss", ["score_matching", "noise_contrastive"])
def test_the_guides_losses_do_not_recover_it(loss):
    way = first(loss)
    right = stated(way, precision(4))
    assert error(recovered(LOSSES["published_torchebm_guide"], way, 4), right) > 0.5


@pytest.mark.parametrize("size", SIZES)
def test_a_corrected_chain_has_no_slope_at_the_datas_own_precision(size):
    """To four standard errors; without its corrections the same chain has a slope there."""
    q, count = precision(size), 40_000
    rng = np.random.Generator(np.random.Philox(size))
    x = rng.normal(size=(count, size)) @ np.linalg.cholesky(np.linalg.inv(q)).T
    given = {"noise": rng.normal(size=(count, 2, size)), "uniforms": rng.uniform(size=(count, 2))}

    def slopes(names):
        arrays = {"x": x, **{name: given[name] for name in names}}
        theta = {"theta.mean": np.zeros(size), "theta.precision": q}
        options = {"energy": "gaussian", "step": 0.3}
        parts = ({k: a[rows] for k, a in arrays.items()} for rows in np.split(np.arange(count), 40))
        found = [LOSSES["torch_eager"].gradient("contrastive_divergence", part | theta | options)
                 for part in parts]  # fmt: skip
        # The model's own variance is the direction that a wrong step size moves.
        along = [np.trace(each[size:].reshape(size, size) @ q) for each in found]
        return np.mean(along), np.std(along) / np.sqrt(40)

    mean, noise = slopes(("noise", "uniforms"))
    assert abs(mean) < 4 * noise
    mean, noise = slopes(("noise",))
    assert abs(mean) > 20 * noise
