"""RMSprop's steps: the same in every framework, and torch's own."""

import numpy as np
import pytest

from suite import frameworks
from suite.reproduce.gradient_descent import GradientDescent
from suite.reproduce.rmsprop import RMSprop
from suite.reproduce.training import Objective, train

torch = pytest.importorskip("torch")

STEPS, RATE = 60, 0.01
START = np.random.Generator(np.random.Philox(3)).normal(size=50)


def quartic(x, c):
    """Curved differently at every element, and noisy: the mean square matters."""
    return (x**4 - x * x + c * x).mean()


def noise(step):
    return {"c": np.random.Generator(np.random.Philox(step)).normal(size=50)}


def ours(framework, dtype, **options):
    if reason := frameworks.get(framework).missing("cpu"):
        pytest.skip(reason)
    objective = Objective(frameworks.get(framework), quartic, ("x",), dtype)
    return train(objective, {"x": START}, STEPS, RATE, optimiser=RMSprop(), data=noise, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_torchs_rmsprop_to_rounding(dtype):
    x = torch.tensor(START, dtype=getattr(torch, dtype), requires_grad=True)
    theirs, losses = torch.optim.RMSprop([x], lr=RATE), []
    for step in range(STEPS):
        theirs.zero_grad()
        loss = quartic(x, torch.tensor(noise(step)["c"], dtype=x.dtype))
        losses.append(loss.item())
        loss.backward()
        theirs.step()
    path = ours("torch", dtype)
    # A step has the size of ten rates or less whatever the gradient's, so rounding adds up.
    off = 10 * STEPS * np.finfo(dtype).eps
    assert np.abs(path.end["x"] - x.detach().numpy()).max() < off
    assert np.abs(path.losses - losses).max() < off
    assert np.abs(path.end["x"] - START).max() > 0.2


def test_torch_and_jax_take_the_same_steps():
    torchs, jaxs = ours("torch", "float64"), ours("jax", "float64")
    assert np.abs(torchs.end["x"] - jaxs.end["x"]).max() < 1e-12
    assert np.abs(torchs.losses - jaxs.losses).max() < 1e-12


def test_the_first_step_has_ten_times_the_size_of_the_rate_whatever_the_gradient():
    # v starts at 0, so that the first mean square is a hundredth of the gradient's.
    gradients = {"x": np.array([1e-3, -50.0, 0.0])}
    moved = RMSprop().step({"x": np.zeros(3)}, gradients, 0.1)["x"]
    assert np.allclose(moved, [-1.0, 1.0, 0.0], rtol=1e-3, atol=0)


def test_a_look_is_before_its_step_and_the_last_one_is_the_end():
    path = ours("torch", "float64", looks=(0, STEPS))
    assert np.array_equal(path.seen["x"][0], START)
    assert np.array_equal(path.seen["x"][1], path.end["x"])
    assert path.losses[0] == pytest.approx(quartic(START, noise(0)["c"]), rel=1e-14)


def test_plain_descent_goes_along_the_gradient():
    objective = Objective(frameworks.get("torch"), quartic, ("x",), "float64")
    path = train(objective, {"x": START}, 1, 2.0, optimiser=GradientDescent(), data=noise)
    _, slope = objective.gradients({"x": START}, noise(0))
    assert np.allclose(path.end["x"], START - 2.0 * slope["x"], rtol=0, atol=1e-14)
    assert np.abs(slope["x"]).max() > 0.1
