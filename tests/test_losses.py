"""Losses by name, and a validator that passes right gradients and refuses wrong ones."""

import dataclasses

import numpy as np
import pytest

from suite import losses, registry
from suite.losses import create_loss, validate_loss_gradients

torch = pytest.importorskip("torch")

RNG = np.random.Generator(np.random.Philox(3))
N, D = 7, 3
X = RNG.normal(size=(N, D))
MLP = [RNG.normal(size=s) for s in ((5, D), (5,), (4, 5), (4,), (1, 4), (1,))]
DRAWS = {
    "maximum_likelihood": {"negatives": RNG.normal(size=(4, D))},
    "contrastive_divergence": {"noise": RNG.normal(size=(N, 2, D))},
    "noise_contrastive": {
        "noise": RNG.normal(size=(4, D)),
        "log_density_x": RNG.normal(size=N),
        "log_density_noise": RNG.normal(size=4),
    },
    "score_matching": {},
    "denoising_score_matching": {"noise": RNG.normal(size=(N, 2, D)), "sigma": 0.5},
    "sliced_score_matching": {"projections": RNG.normal(size=(N, 2, D))},
}


def network(x, *theta):
    """The energy of MLP as somebody writes it."""
    for weights, bias in zip(theta[:-2:2], theta[1:-2:2], strict=True):
        x = torch.nn.functional.softplus(x @ weights.T + bias, threshold=50)
    return (x @ theta[-2].T + theta[-1])[:, 0]


def test_every_loss_has_its_name_without_the_prefix_and_its_initials():
    assert set(losses.names()) == set(DRAWS) == set(losses.SHORT.values())
    assert create_loss("dsm", "gaussian").operator.name == "energy_denoising_score_matching"


@pytest.mark.parametrize("name", DRAWS)
def test_a_callable_gives_what_the_named_energy_gives(name):
    arrays = {k: torch.tensor(v) if np.ndim(v) else v for k, v in DRAWS[name].items()}
    theta = [torch.tensor(array, requires_grad=True) for array in MLP]
    found = []
    for energy in ("mlp_softplus", network):
        value, _ = create_loss(name, energy)(torch.tensor(X), theta, **arrays)
        gradients = torch.autograd.grad(value, theta[:-1])
        found.append([value.detach(), *gradients])
    for named, called in zip(*found, strict=True):
        torch.testing.assert_close(called, named, rtol=1e-10, atol=1e-12)


def test_blocks_of_a_callable_change_neither_value_nor_gradient():
    x, theta = torch.tensor(X), [torch.tensor(array, requires_grad=True) for array in MLP]
    found = []
    for block in (None, 1, 2):
        value, _ = create_loss("score_matching", network, block=block)(x, theta)
        found.append([value, *torch.autograd.grad(value, theta[:-1])])
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-12, atol=1e-14)


def test_parameters_that_a_callable_holds_itself_learn_in_blocks_too():
    held = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    x = torch.tensor(X)
    loss = create_loss("score_matching", lambda x: 0.5 * held * x.square().sum(1), block=2)
    value, _ = loss(x, [])
    (slope,) = torch.autograd.grad(value, held)
    want = 1.5 * (X**2).sum(1).mean() - D
    assert abs(slope.item() - want) < 1e-12 * abs(want)


@pytest.mark.parametrize("energy", ["mlp_softplus", network])
@pytest.mark.parametrize("name", DRAWS)
def test_right_gradients_are_validated(name, energy):
    validate_loss_gradients(create_loss(name, energy), X, MLP, **DRAWS[name]).require()


def test_numpys_are_validated_too():
    theta = [np.array(0.7), np.array(1.2)]
    for name, draws in DRAWS.items():
        loss = create_loss(name, "double_well", framework="numpy")
        validate_loss_gradients(loss, X, theta, **draws).require()


WRONG = """
import torch
from implementations.torch_eager.energies import energy_of
from suite.registry import implements

@implements("energy_sliced_score_matching", framework="torch")
def energy_sliced_score_matching(
    x, theta, projections, *, energy="gaussian", law="gaussian", variance_reduced=False
):
    gradient, bent = energy_of(energy, theta).gradient_and_curvature(x, projections)
    square = (projections * gradient[:, None]).sum(2).square().mean()
    return {formula}, {{}}
"""


@pytest.mark.parametrize(
    ("formula", "failing"),
    [
        ("0.5 * square - bent.mean().detach()", "slope of theta.precision"),
        ("0.5 * square + bent.mean()", "analytic output"),
        ("0.5 * square - bent.mean() / x.shape[1]", "analytic theta.precision"),
        ("(0.5 * square - bent.mean()) * torch.nan", "slope of x"),
    ],
)
def test_a_detached_term_a_wrong_sign_a_wrong_scale_and_nan_are_refused(tmp_path, formula, failing):
    path = tmp_path / "wrong.py"
    path.write_text(WRONG.format(formula=formula))
    declared = registry.find("energy_sliced_score_matching", "wrong", [path])
    right = create_loss("sliced_score_matching", "gaussian")
    loss = dataclasses.replace(right, declaration=declared)
    theta = [np.zeros(D), np.eye(D)]
    found = validate_loss_gradients(loss, X, theta, **DRAWS["sliced_score_matching"])
    assert not found.ok
    assert not found.errors[failing] <= 1.0
    with pytest.raises(ValueError, match=failing):
        found.require()


@pytest.mark.parametrize(
    ("name", "energy", "options", "raises", "match"),
    [
        ("likelihood", "gaussian", {}, ValueError, "'likelihood'.*'score_matching'.*'ssm'"),
        ("sm", "quadratic", {}, ValueError, "'quadratic'.*'double_well'"),
        ("sm", 3, {}, TypeError, "energy=3.*callable"),
        ("sm", "gaussian", {"law": "sphere"}, TypeError, "law: expected block"),
        ("ssm", "gaussian", {"law": "uniform"}, ValueError, "'uniform'.*'rademacher'"),
        ("sm", "gaussian", {"framework": "mxnet"}, ValueError, "'mxnet'.*'torch'"),
        ("sm", "gaussian", {"implementation": "fortran"}, ValueError, "'fortran'.*torch_eager"),
        ("sm", "gaussian", {"implementation": "numpy_scipy"}, ValueError, "of numpy"),
    ],
)
def test_what_is_not_there_is_answered_with_what_there_is(name, energy, options, raises, match):
    with pytest.raises(raises, match=match):
        create_loss(name, energy, **options)


def test_options_reach_the_loss_and_its_checks():
    x, theta = torch.tensor(X), [torch.zeros(D).double(), torch.eye(D).double()]
    noise = torch.zeros(N, 1, D).double()
    with pytest.raises(ValueError, match="sigma=-1"):
        create_loss("dsm", "gaussian", sigma=-1.0)(x, theta, noise)
    with pytest.raises(ValueError, match=r"noise has shape \(7, 0, 3\)"):
        create_loss("cd", "gaussian", step=0.1)(x, theta, noise[:, :0])
    plain, weighted = (create_loss("dsm", "gaussian", sigma=0.5, weighting=w)(x, theta, noise)[0]
                       for w in ("none", "sigma2"))  # fmt: skip
    assert abs(plain / weighted - 4) < 1e-12


def test_parameters_of_a_module_are_validated_as_they_are():
    net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.SiLU(), torch.nn.Linear(8, 1))
    names = [name for name, _ in net.named_parameters()]

    def energy(x, *theta):
        return torch.func.functional_call(net, dict(zip(names, theta, strict=True)), x)[:, 0]

    rng = np.random.Generator(np.random.Philox(5))
    x, projections = (torch.tensor(rng.normal(size=size)) for size in ((16, 2), (16, 1, 2)))
    loss = create_loss("sliced_score_matching", energy, law="rademacher")
    theta = list(net.double().parameters())
    assert validate_loss_gradients(loss, x, theta, projections=projections).ok
    cut = create_loss("sliced_score_matching", lambda x, w, *t: energy(x, w.detach(), *t))
    found = validate_loss_gradients(cut, x, theta, projections=projections).errors
    assert [name for name, error in found.items() if not error <= 1] == ["slope of theta.0000"]
