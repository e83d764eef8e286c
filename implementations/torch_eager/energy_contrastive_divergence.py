"""Contrastive divergence in torch: the chain without gradients, then two mean energies."""

from implementations.torch_eager.energies import energy_of, metrics, nan_where, where_finite
from implementations.torch_eager.langevin import langevin
from suite.registry import implements


@implements(
    "energy_contrastive_divergence",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
def energy_contrastive_divergence(
    x, theta, noise, start=None, uniforms=None, *, energy="gaussian", step=0.01, alpha=1.0
):
    """Loss and metrics; arguments as in ``suite.operators.energy_contrastive_divergence``."""
    of, constant = energy_of(energy, theta), energy_of(energy, [array.detach() for array in theta])
    first = x if start is None else start
    chain, acceptance = langevin(constant, first, noise, uniforms, step)
    positive, negative = of.energy(x).mean(), of.energy(chain).mean()
    given = [array for array in (start, uniforms) if array is not None]
    loss = where_finite(positive - alpha * negative, x, theta, noise, given)
    if uniforms is not None:
        loss = nan_where(((uniforms < 0) | (uniforms > 1)).any(), loss)
    return loss, metrics(
        positive_energy=positive,
        negative_energy=negative,
        energy_gap=negative - positive,
        acceptance=acceptance,
        chain=chain,
    )
