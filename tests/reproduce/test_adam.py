"""The same steps in every framework, and torch's own."""

import numpy as np
import pytest

from suite import frameworks
from suite.reproduce.adam import Adam
from suite.reproduce.training import Objective, train

torch = pytest.importorskip("torch")

STEPS, RATE = 60, 0.1
START = np.random.Generator(np.random.Philox(3)).normal(size=50)


def quartic(x):
    """Curved differently at every element, so that Adam's two moments part."""
    return (x**4 - x * x + 0.3 * x).mean()


def ours(framework, dtype):
    if reason := frameworks.get(framework).missing("cpu"):
        pytest.skip(reason)
    objective = Objective(frameworks.get(framework), quartic, ("x",), dtype)
    return train(objective, {"x": START}, STEPS, RATE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_torchs_adam_to_rounding(dtype):
    x = torch.tensor(START, dtype=getattr(torch, dtype), requires_grad=True)
    theirs, losses = torch.optim.Adam([x], lr=RATE), []
    for _ in range(STEPS):
        theirs.zero_grad()
        loss = quartic(x)
        losses.append(loss.item())
        loss.backward()
        theirs.step()
    path = ours("torch", dtype)
    # Every step has the size of the rate whatever the gradient's, so rounding adds up, no more.
    off = 10 * STEPS * np.finfo(dtype).eps
    assert np.abs(path.end["x"] - x.detach().numpy()).max() < off
    assert np.abs(path.losses - losses).max() < off
    assert np.abs(path.end["x"] - START).max() > 0.5


def test_torch_and_jax_take_the_same_steps():
    torchs, jaxs = ours("torch", "float64"), ours("jax", "float64")
    assert np.abs(torchs.end["x"] - jaxs.end["x"]).max() < 1e-12
    assert np.abs(torchs.losses - jaxs.losses).max() < 1e-12


def test_the_first_step_has_the_size_of_the_rate_whatever_the_gradient():
    gradients = {"x": np.array([1e-3, -50.0, 0.0])}
    moved = Adam().step({"x": np.zeros(3)}, gradients, 0.1)["x"]
    assert np.allclose(moved, [-0.1, 0.1, 0.0], rtol=0, atol=1e-5)


def test_losses_are_those_before_each_update_and_a_look_at_the_end_is_after_the_last():
    objective = Objective(frameworks.get("torch"), quartic, ("x",), "float64")
    path = train(objective, {"x": START}, 3, RATE, looks=(0, 3))
    assert path.losses[0] == pytest.approx(quartic(START), rel=1e-14)
    assert np.array_equal(path.seen["x"][0], START)
    assert np.array_equal(path.seen["x"][1], path.end["x"])
    assert objective.gradients(path.end)[0] < path.losses[-1]


def test_the_rate_may_depend_on_the_step_and_so_may_the_data():
    objective = Objective(
        frameworks.get("torch"), lambda x, c: ((x - c) ** 2).sum(), ("x",), "float64"
    )
    still = train(objective, {"x": START}, 5, lambda step: 0.0, data=lambda k: {"c": START + k})
    assert np.array_equal(still.end["x"], START)
    assert np.allclose(still.losses, [50 * k**2 for k in range(5)])
