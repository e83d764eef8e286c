"""Energies as torchebm's losses take them: models whose parameters are the operator's theta."""

from torchebm.core import BaseModel

from implementations.torch_eager.energies import energy_of


class Energy(BaseModel):
    """An energy's name or callable with its theta, whose tensors are used as they are."""

    def __init__(self, x, energy, theta):
        super().__init__(**placed(x))
        self.of = energy_of(energy, theta)

    def forward(self, x):
        """E of every sample, (N,)."""
        return self.of.energy(x)


def placed(x):
    """Where and in which dtype a loss is to compute."""
    return {"dtype": x.dtype, "device": x.device}
