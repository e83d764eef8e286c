"""Maximum likelihood by negative samples in torch; autograd differentiates it."""

from implementations.torch_eager.energies import energy_of, metrics, where_finite
from suite.registry import implements

PENALTIES = {"l1": lambda array: array.abs().sum(), "l2": lambda array: array.square().sum()}


@implements(
    "energy_maximum_likelihood",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
def energy_maximum_likelihood(
    x, theta, negatives, *, energy="gaussian", alpha=1.0, penalty=None, strength=0.0
):
    """Loss and metrics; arguments as in ``suite.operators.energy_maximum_likelihood``."""
    of = energy_of(energy, theta)
    positive, negative = of.energy(x).mean(), of.energy(negatives).mean()
    added = x.new_zeros(())
    if penalty is not None:
        added = strength * sum(PENALTIES[penalty](array) for array in theta)
    loss = where_finite(positive - alpha * negative + added, x, theta, negatives)
    gap = negative - positive
    return loss, metrics(
        positive_energy=positive, negative_energy=negative, energy_gap=gap, penalty=added
    )
