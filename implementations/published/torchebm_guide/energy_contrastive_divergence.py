"""The guide's ContrastiveDivergenceLoss: its sampler's chains start at the data.

    L = mean E(x) - alpha mean E(x_k), x_k held constant

The sampler is the guide's by name only, and a given one may replace it; its draws are ``noise``.
Persistent chains and corrected steps are the sampler's. Invalid input gives NaN: a house rule.

Source: TorchEBM developer guide, "Loss Functions Implementation", Contrastive Divergence.
"""

from implementations.torch_eager.energies import energy_of, metrics, nan_where, where_finite
from implementations.torch_eager.langevin import langevin
from suite.registry import implements


@implements("energy_contrastive_divergence", framework="torch", devices=("cpu", "cuda"))
def energy_contrastive_divergence(
    x, theta, noise, start=None, uniforms=None, *, energy="gaussian", step=0.01, alpha=1.0
):
    """Loss and the source's metrics; n_steps is the noise's second axis."""
    of, constant = energy_of(energy, theta), energy_of(energy, [array.detach() for array in theta])
    chain, _ = langevin(constant, x if start is None else start, noise, uniforms, step)
    positive, negative = of.energy(x).mean(), of.energy(chain).mean()
    given = [array for array in (start, uniforms) if array is not None]
    loss = where_finite(positive - alpha * negative, x, theta, noise, given)
    if uniforms is not None:
        loss = nan_where(((uniforms < 0) | (uniforms > 1)).any(), loss)
    found = {"pos_energy": positive, "neg_energy": negative, "energy_gap": negative - positive}
    return loss, metrics(**found, loss=loss)
