"""Maximum likelihood by torchebm: what its contrastive divergence computes of given negatives.

Its guard puts 0.1 in the place of a loss that is not finite: errata, torchebm-not-finite.
"""

from torchebm.losses import ContrastiveDivergence

from implementations.peers.torchebm.models import Energy, placed
from implementations.torch_eager.energies import metrics
from suite.registry import implements


def lacking(case):
    """Why torchebm cannot do a case, or None."""
    if case.options.get("alpha", 1.0) != 1.0:
        return "torchebm weighs both phases alike: alpha=1"
    if case.options.get("penalty") is not None:
        return "torchebm's penalty is of energies, not of parameters"
    return None


@implements(
    "energy_maximum_likelihood",
    framework="torch",
    devices=("cpu", "cuda"),
    requires=("torchebm",),
    skip=lacking,
)
def energy_maximum_likelihood(
    x, theta, negatives, *, energy="gaussian", alpha=1.0, penalty=None, strength=0.0
):
    """Loss and metrics; arguments as in ``suite.operators.energy_maximum_likelihood``."""
    model = Energy(x, energy, theta)
    loss = ContrastiveDivergence(model, None, energy_reg_weight=0.0, **placed(x))
    value = loss.compute_loss(x, negatives)
    return value, metrics(loss=value)
