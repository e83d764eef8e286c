"""Energies E(x; theta) in float64: the references that losses of energies are made of.

Each is defined on its own page by its parameters and its jet (``suite.energies.jet``).
"""

from __future__ import annotations

from suite.energies import double_well, gaussian, gaussian_mixture, networks
from suite.energies.jet import Energy

ENERGIES: dict[str, Energy] = {
    "gaussian": gaussian.jet,
    "double_well": double_well.jet,
    "gaussian_mixture": gaussian_mixture.jet,
    "mlp_softplus": networks.mlp_softplus,
    "mlp_silu": networks.mlp_silu,
    "conv": networks.conv,
}

ANALYTIC = ("gaussian", "double_well", "gaussian_mixture")
"""Energies whose derivatives are in closed form."""


def parameters(energy: str, count: int) -> tuple[str, ...]:
    """Names of the arrays of theta, in their order; count: how many a network has."""
    pages = {"gaussian": gaussian, "double_well": double_well, "gaussian_mixture": gaussian_mixture}
    if energy in pages:
        return pages[energy].PARAMETERS
    return (networks.conv_parameters if energy == "conv" else networks.mlp_parameters)(count)
