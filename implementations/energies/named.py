"""The energies that have names, each as an object with energy, gradient and so on."""

from implementations.energies import double_well, gaussian, gaussian_mixture
from implementations.energies.networks import Network

ENERGIES = {
    "gaussian": gaussian,
    "double_well": double_well,
    "gaussian_mixture": gaussian_mixture,
    "mlp_softplus": Network("softplus"),
    "mlp_silu": Network("silu"),
    "conv": Network("softplus", convolves=True),
}
