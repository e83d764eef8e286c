"""Exact Laplacians in torch: memory is one block's, and flat energies have none."""

import weakref

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402

from suite import load  # noqa: E402

N, D, H = 512, 32, 64


class Peak(TorchDispatchMode):
    """Bytes of tensors that live at once, of those that are made under it."""

    def __init__(self):
        super().__init__()
        self.alive, self.most, self.seen = 0, 0, {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if torch.is_tensor(tensor):
                self._count(tensor.untyped_storage())
        return made

    def _count(self, storage):
        key = storage._cdata
        if key not in self.seen:
            self.seen[key] = weakref.finalize(storage, self._forget, key, storage.nbytes())
            self.alive += storage.nbytes()
            self.most = max(self.most, self.alive)

    def _forget(self, key, size):
        self.seen.pop(key, None)
        self.alive -= size


def network(x, w1, b1, w2, b2, w3, b3):
    """The energy ``mlp_softplus``, as people write it."""
    h = torch.nn.functional.softplus(x @ w1.T + b1)
    return (torch.nn.functional.softplus(h @ w2.T + b2) @ w3.T + b3)[:, 0]


@pytest.mark.parametrize("energy", ["mlp_softplus", network], ids=["named", "callable"])
def test_memory_is_that_of_one_block(energy):
    """Forward and backward: all tangents together are N x D x H numbers a layer."""
    rng = np.random.Generator(np.random.Philox(7))
    shapes = ((H, D), (H,), (H, H), (H,), (1, H), (1,))
    theta = [torch.tensor(rng.normal(size=s) / np.sqrt(s[-1]), requires_grad=True) for s in shapes]
    x, loss = torch.tensor(rng.normal(size=(N, D))), load("energy_score_matching", "torch_eager")

    def most(block):
        with Peak() as peak:
            value, _ = loss(x, theta, energy=energy, block=block)
            torch.autograd.grad(value, theta[:-1])
        return peak.most

    tangents = 8 * N * D * H
    assert most(None) > 2 * tangents
    assert most(2) < most(None) / 4


@pytest.mark.parametrize("block", [None, 1])
@pytest.mark.parametrize("slope", [0.0, 1.5])
def test_an_energy_without_curvature_has_a_laplacian_of_zero(slope, block):
    x, w = torch.ones(4, 3), torch.full((3,), slope, requires_grad=True)
    loss = load("energy_score_matching", "torch_eager")
    value, metrics = loss(x, [w], energy=lambda x, w: x @ w, block=block)
    (gradient,) = torch.autograd.grad(value, w)
    assert metrics["laplacian"] == 0 and value == 1.5 * slope**2
    assert gradient.tolist() == [slope] * 3
    constant, _ = loss(x, [w], energy=lambda x, w: x.new_ones(len(x)), block=block)
    assert constant == 0
