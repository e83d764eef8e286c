"""Contrastive divergence by torchebm: its Langevin sampler with given draws, then its loss.

``energy_reg_weight`` is 0. A loss that is not finite is 0.1: errata, torchebm-not-finite.
"""

from torchebm.integrators import EulerMaruyamaIntegrator
from torchebm.losses import ContrastiveDivergence
from torchebm.samplers import LangevinDynamics

from implementations.peers.torchebm.models import Energy, placed
from implementations.torch_eager.energies import metrics
from suite.registry import implements


class Given(EulerMaruyamaIntegrator):
    """The integrator with draws (M, k, *shape) of one's own, in their order."""

    def __init__(self, draws, **where):
        super().__init__(**where)
        self.draws = iter(draws.unbind(1))

    def step(self, state, **settings):
        return super().step(state=state, noise=next(self.draws), **settings)


def lacking(case):
    """Why torchebm cannot do a case, or None."""
    if case.options.get("alpha", 1.0) != 1.0:
        return "torchebm weighs both phases alike: alpha=1"
    if "start" in case.dims:
        return "torchebm keeps persistent chains itself and draws among them"
    if "uniforms" in case.dims:
        return "torchebm's Langevin steps are not corrected"
    return None


@implements(
    "energy_contrastive_divergence",
    framework="torch",
    devices=("cpu", "cuda"),
    requires=("torchebm",),
    skip=lacking,
)
def energy_contrastive_divergence(
    x, theta, noise, start=None, uniforms=None, *, energy="gaussian", step=0.01, alpha=1.0
):
    """Loss and metrics; arguments as in ``suite.operators.energy_contrastive_divergence``."""
    model, where = Energy(x, energy, theta), placed(x)
    sampler = LangevinDynamics(model, step_size=step, integrator=Given(noise, **where), **where)
    loss = ContrastiveDivergence(
        model, sampler, k_steps=noise.shape[1], energy_reg_weight=0.0, **where
    )
    value, chain = loss(x)
    return value, metrics(loss=value, chain=chain)
