"""Energies E(x; theta) in float64: the references that losses of energies are made of.

Each is defined on its own page by its parameters and its jet (``suite.energies.jet``).
"""

from __future__ import annotations

from suite.energies import double_well, gaussian, gaussian_mixture, networks
from suite.energies.jet import Energy

PAGES = {
    "gaussian": (gaussian, "jet"),
    "double_well": (double_well, "jet"),
    "gaussian_mixture": (gaussian_mixture, "jet"),
    "mlp_softplus": (networks, "mlp_softplus"),
    "mlp_silu": (networks, "mlp_silu"),
    "conv": (networks, "conv"),
}
NAMES = tuple(PAGES)
ANALYTIC = NAMES[:3]
"""Energies whose derivatives are in closed form."""


def get(name: str) -> Energy:
    """The jet of the energy of that name."""
    page, jet = PAGES[name]
    return getattr(page, jet)


def parameters(name: str, count: int) -> tuple[str, ...]:
    """Names of the arrays of theta, in their order; count: how many there are."""
    if name in ANALYTIC:
        return PAGES[name][0].PARAMETERS
    layer = "kernel" if name == "conv" else "layer"
    pairs = (f"{layer}{k}{part}" for k in range(1, count // 2 + 1) for part in ("", "_bias"))
    return (*pairs, "readout") if name == "conv" else tuple(pairs)
