"""The energies that have names, and one of them with a framework's operations and its theta."""

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


class Named:
    """One of ``ENERGIES`` by name; ops as ``energy_operations`` of a framework has them."""

    def __init__(self, name, ops, theta):
        self.of, self.ops, self.theta = ENERGIES[name], ops, theta

    def energy(self, x):
        """E of every sample, (N,)."""
        return self.of.energy(self.ops, x, self.theta)

    def gradient(self, x):
        """dE/dx, of x's shape."""
        return self.of.gradient(self.ops, x, self.theta)

    def gradient_and_laplacian(self, x, block=None):
        """dE/dx, and the mean of the Laplacian over all samples, ()."""
        return self.of.gradient_and_laplacian(self.ops, x, self.theta, block)

    def gradient_and_curvature(self, x, v):
        """dE/dx, and v.Hv for directions v (N, M, *shape), (N, M)."""
        return self.of.gradient_and_curvature(self.ops, x, self.theta, v)
