"""The guide's ContrastiveDivergenceLoss: its sampler's chains start at the data.

    L = mean E(x) - alpha mean E(x_k), x_k held constant

The sampler is the guide's by name only, and a given one may replace it; its draws are ``noise``.
That infinite input gives NaN is the house's rule.

Source: TorchEBM developer guide, "Loss Functions Implementation", Contrastive Divergence.
"""

from implementations.torch_eager.energies import energy_of, metrics, where_finite
from implementations.torch_eager.langevin import langevin
from suite.registry import implements


def lacking(case):
    """What of a case the source does not have, or None."""
    if "start" in case.dims:
        return "the source starts its chains at the data"
    if "uniforms" in case.dims:
        return "the source's sampler accepts every step"
    return None


@implements(
    "energy_contrastive_divergence", framework="torch", devices=("cpu", "cuda"), skip=lacking
)
def energy_contrastive_divergence(
    x, theta, noise, start=None, uniforms=None, *, energy="gaussian", step=0.01, alpha=1.0
):
    """Loss and the source's metrics; n_steps is the noise's second axis."""
    of, constant = energy_of(energy, theta), energy_of(energy, [array.detach() for array in theta])
    chain, _ = langevin(constant, x if start is None else start, noise, uniforms, step)
    positive, negative = of.energy(x).mean(), of.energy(chain).mean()
    loss = where_finite(positive - alpha * negative, x, theta, noise)
    found = {"pos_energy": positive, "neg_energy": negative, "energy_gap": negative - positive}
    return loss, metrics(**found, loss=loss)
