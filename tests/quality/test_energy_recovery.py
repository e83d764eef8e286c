"""Every loss recovers a Gaussian's precision within its stated bias, in 1, 4, 16 dimensions."""

import pytest

from suite.quality.energy.gradients import Losses
from suite.quality.energy.recovery import SIZES, WAYS, error, precision, recovered, stated

LOSSES = {name: Losses(name, "float64") for name in ("torch_eager", "published_torchebm_guide")}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.loss)
def test_a_loss_recovers_the_precision_that_is_stated(way, size):
    right = stated(way, precision(size))
    assert error(recovered(LOSSES["torch_eager"], way, size), right) < way.tolerance
    assert error(0 * right, right) > 0.9


@pytest.mark.parametrize("loss", ["denoising_score_matching", "contrastive_divergence"])
def test_a_stated_bias_is_no_rounding_error(loss):
    (way,) = (way for way in WAYS if way.loss == loss)
    assert error(stated(way, precision(4)), precision(4)) > 0.05


@pytest.mark.parametrize("loss", ["score_matching", "noise_contrastive"])
def test_the_guides_losses_do_not_recover_it(loss):
    (way,) = (way for way in WAYS if way.loss == loss)
    right = stated(way, precision(4))
    assert error(recovered(LOSSES["published_torchebm_guide"], way, 4), right) > 0.5
