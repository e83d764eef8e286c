"""Adaptors of other libraries hand arguments over; a library that is missing is a reason to skip.

The adaptors are held against the references with a stand-in for each library, a few lines that
compute what the library says it computes; and with the library itself where it is installed.
"""

import importlib.util
import sys
import textwrap

import numpy as np
import pytest
from typer.testing import CliRunner

from suite import operators, registry, selection
from suite.cli import app
from suite.errata.evaluate import _loaded, evaluate, reference

PEERS = [d for d in registry.discover() if d.name.startswith("peers_")]
CHOICES = np.random.Generator(np.random.Philox(5))

STAND_INS = {
    "relaxed": """
        import jax, jax.numpy as jnp
        from jax.scipy.special import ndtr

        def cut(data, cut_val, slope=1.0, keep="above"):
            return jax.nn.sigmoid((1 if keep == "above" else -1) * slope * (data - cut_val))

        def hist(data, bins, bandwidth, density=False, reflect_infinities=False):
            assert data.ndim == 1 and bins.ndim == 1 and jnp.ndim(bandwidth) == 0
            ends = jnp.array([-jnp.inf, jnp.inf])
            inner = bins[1:-1] if reflect_infinities else bins
            if reflect_infinities:
                inner = jnp.concatenate([ends[:1], inner, ends[1:]])
            counts = jnp.diff(ndtr((inner[:, None] - data) / bandwidth), axis=0).sum(axis=1)
            return counts / jnp.diff(bins) / counts.sum() if density else counts
        """,
    "softjax": """
        import jax

        def greater(x, y, softness=0.1, mode="smooth", epsilon=1e-10):
            return jax.nn.sigmoid((x - y - epsilon) / softness)
        """,
    "softtorch": """
        import torch

        def greater(x, y, softness=0.1, mode="smooth", epsilon=1e-10):
            assert not torch.is_tensor(softness) or softness.ndim == 0
            return torch.sigmoid((x - y - epsilon) / softness)
        """,
    "torchebm": """
        import sys, torch

        for part in ("core", "integrators", "losses", "samplers"):
            sys.modules[f"torchebm.{part}"] = sys.modules[__name__]

        class BaseModel(torch.nn.Module):
            def __init__(self, dtype, device):
                super().__init__()

        def slopes(model, x):
            with torch.enable_grad():
                x = x if x.requires_grad else x.detach().requires_grad_()
                return x, torch.autograd.grad(model(x).sum(), x, create_graph=True)[0]

        def bent(x, slope, v):
            turned = torch.autograd.grad((slope * v).sum(), x, create_graph=True)[0]
            return (turned * v).sum(1)

        class Loss:
            def __init__(self, model, dtype, device, **options):
                self.model, self.noise_scale = model, options.pop("noise_scale", None)
                self.options = options

        class EulerMaruyamaIntegrator:
            def __init__(self, dtype, device):
                pass

            def step(self, state, step_size, drift, noise):
                x = state["x"]
                return x + step_size * drift(x) + (2 * step_size) ** 0.5 * noise

        class LangevinDynamics:
            def __init__(self, model, step_size, integrator, dtype, device):
                self.model, self.step_size, self.integrator = model, step_size, integrator

            def sample(self, x, n_steps):
                for _ in range(n_steps):
                    x = self.integrator.step({"x": x}, step_size=self.step_size,
                                             drift=lambda y: -slopes(self.model, y)[1].detach())
                return x.detach()

        class ContrastiveDivergence(Loss):
            def __init__(self, model, sampler, energy_reg_weight, k_steps=1, **where):
                super().__init__(model, **where)
                assert energy_reg_weight == 0
                self.sampler, self.k_steps = sampler, k_steps

            def compute_loss(self, x, pred_x):
                return self.model(x).mean() - self.model(pred_x).mean()

            def __call__(self, x):
                chain = self.sampler.sample(x, self.k_steps)
                return self.compute_loss(x, chain), chain

        class DenoisingScoreMatching(Loss):
            def __call__(self, x):
                moved, noise = self.perturb_data(x)
                slope = slopes(self.model, moved)[1]
                return (slope - noise / self.noise_scale**2).square().flatten(1).sum(1).mean() / 2

        class SlicedScoreMatching(Loss):
            def __call__(self, x):
                each = x.repeat(self.options["n_projections"], 1)
                v = self._get_random_projections(each)
                each, slope = slopes(self.model, each)
                return ((slope * v).sum(1).square() / 2 - bent(each, slope, v)).mean()

        class ScoreMatching(Loss):
            def __call__(self, x, generator=None):
                x, slope = slopes(self.model, x.detach())
                trace = sum(bent(x, slope, unit.expand(x.shape)) for unit in torch.eye(x.shape[1]))
                share = x.shape[1] if self.options.get("hessian_method") == "approx" else 1
                return (slope.square().sum(1) / 2 - trace / share).mean()
        """,
    "ot": """
        import torch

        def wasserstein_1d(u_values, v_values, u_weights=None, v_weights=None, p=1):
            u, v = u_values.sort(0).values, v_values.sort(0).values
            return (u - v).abs().pow(p).mean(0)
        """,
}


@pytest.fixture(params=["stand-in", "installed"])
def library(request, monkeypatch, tmp_path):
    """Makes a library importable, by its stand-in or as it is installed."""
    kept = {}

    def forget():
        """Take the libraries and what imported them out of the modules."""
        names = [name for name in sys.modules if name.partition(".")[0] in STAND_INS]
        names += [name for name in sys.modules if name.startswith("implementations.peers")]
        _loaded.cache_clear()
        return {name: sys.modules.pop(name) for name in names}

    def provide(name):
        if request.param == "stand-in":
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(STAND_INS[name]))
            monkeypatch.syspath_prepend(tmp_path)
            kept.update(forget())
        elif importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")

    yield provide
    if request.param == "stand-in":
        forget()
        sys.modules.update(kept)


def float32(*shape, low=-1.0, high=1.0):
    return CHOICES.uniform(low, high, shape).astype(np.float32)


def assert_computes(operator, name, wrt, **arguments):
    """Value and gradients are the reference's, for a cotangent that tells outputs apart."""
    shape = reference(operator, **arguments)["output"].shape
    cotangent = 1.0 + np.arange(np.prod(shape, dtype=int)).reshape(shape) / 8
    got = evaluate(operator, name, wrt, cotangent, **arguments)
    want = reference(operator, wrt, cotangent, **arguments)
    for key, values in want.items():
        np.testing.assert_allclose(got[key], values, rtol=2e-5, atol=2e-5, err_msg=key)


@pytest.mark.parametrize("keep", ["above", "below"])
@pytest.mark.parametrize("name", ["relaxed", "softjax"])
def test_a_jax_peer_cuts_rows_by_thresholds_and_steepnesses_of_their_own(library, name, keep):
    library(name)
    rows = {"threshold": float32(3), "steepness": float32(3, low=1, high=3)}
    wrt = ("x", "threshold", "steepness")
    assert_computes("soft_cut", f"peers_{name}", wrt, x=float32(3, 7), keep=keep, **rows)


@pytest.mark.parametrize("name", ["relaxed", "softjax", "softtorch"])
def test_a_peer_cuts_all_rows_by_two_numbers(library, name):
    library(name)
    given = {"x": float32(3, 7), "threshold": 0.25, "steepness": 4.0}
    assert_computes("soft_cut", f"peers_{name}", ("x",), **given)


@pytest.mark.parametrize("keep", ["above", "below"])
def test_softtorch_cuts_rows_by_thresholds_of_their_own(library, keep):
    library("softtorch")
    given = {"x": float32(3, 7), "threshold": float32(3), "steepness": 4.0, "keep": keep}
    assert_computes("soft_cut", "peers_softtorch", ("x", "threshold"), **given)


@pytest.mark.parametrize("options", [{}, {"density": True}, {"overflow": "reflect"}])
def test_relaxed_gets_one_row_one_bandwidth_and_its_own_words_for_overflow(library, options):
    library("relaxed")
    edges = np.array([-1, -0.2, 0.3, 1.5], np.float32)
    # Its own gradient to a bandwidth is NaN where it reflects: errata, peer-relaxed-hist.
    wrt = ("x",) if "overflow" in options else ("x", "bandwidth")
    for bandwidth in (float32(2, low=0.3, high=0.6), np.array(0.5, np.float32))[: len(wrt)]:
        given = {"x": float32(2, 9), "edges": edges, "bandwidth": bandwidth}
        assert_computes("soft_histogram", "peers_relaxed", wrt, **given, **options)


@pytest.mark.parametrize("plotting_position", ["ecdf", "weibull", "hazen"])
@pytest.mark.parametrize("prior", ["normal", "relaxed_bernoulli"])
def test_transport_to_plotting_positions_is_batch_shaping(library, prior, plotting_position):
    library("ot")
    options = {"prior": prior, "plotting_position": plotting_position, "reduction": "none"}
    given = {"x": float32(3, 20, low=0.05, high=0.95)}
    given |= {"a": float32(3, low=0.3, high=0.7), "b": float32(3, low=0.5, high=1.5)}
    assert_computes("batch_shaping", "peers_pot", ("x", "a", "b"), **given, **options)
    options |= {"from_logits": True, "ties": "ordinal", "reduction": "sum"}
    assert_computes("batch_shaping", "peers_pot", ("x",), **given, **options)


def gaussian(**changes):
    """Arrays of a Gaussian energy of seven samples in three dimensions."""
    precision = np.eye(3, dtype=np.float32) + float32(3, 3, low=-0.3, high=0.3)
    return {"x": float32(7, 3), "theta.mean": float32(3), "theta.precision": precision, **changes}


THETA = ("theta.mean", "theta.precision")


@pytest.mark.parametrize(
    ("loss", "wrt", "draws", "options"),
    [
        ("maximum_likelihood", ("x", "negatives"), {"negatives": (5, 3)}, {}),
        ("contrastive_divergence", ("x",), {"noise": (7, 4, 3)}, {"step": 0.1}),
        ("denoising_score_matching", ("x", "noise"), {"noise": (7, 1, 3)},
         {"sigma": 0.5, "weighting": "none"}),
        ("denoising_score_matching", ("x", "noise"), {"noise": (7, 1, 3)},
         {"sigma": 0.5, "weighting": "sigma2"}),
        ("score_matching", (), {}, {}),
        *(("sliced_score_matching", ("x",), {"projections": (7, 4, 3)}, {"law": law})
          for law in ("gaussian", "rademacher", "sphere")),
    ],
)  # fmt: skip
def test_torchebms_losses_of_given_draws_are_the_operators(library, loss, wrt, draws, options):
    library("torchebm")
    given = gaussian(**{name: float32(*shape) for name, shape in draws.items()})
    assert_computes(f"energy_{loss}", "peers_torchebm", (*wrt, *THETA), **given, **options)


def test_torchebms_approximate_trace_is_as_many_times_too_small_as_there_are_dimensions(library):
    """On a flat mean energy: what it gives for x at the mean is the trace alone."""
    library("torchebm")
    given = gaussian(x=np.zeros((4000, 3)), **{"theta.mean": np.zeros(3)})
    given["theta.precision"] = 2 * np.eye(3)
    got = evaluate("energy_score_matching", "peers_torchebm_approximate", **given)["output"]
    assert got == pytest.approx(-2, rel=0.1)
    assert reference("energy_score_matching", **given)["output"] == pytest.approx(-6)


@pytest.fixture
def nothing_installed(monkeypatch):
    """No peer can be found, wherever this runs."""
    find = importlib.util.find_spec

    def blind(name, package=None):
        return None if name in STAND_INS else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", blind)


@pytest.mark.parametrize("peer", PEERS, ids=lambda d: f"{d.operator}-{d.name}")
def test_a_missing_peer_names_itself_and_what_installs_it(nothing_installed, peer):
    (package,) = peer.packages()
    assert peer.missing().startswith(f"{package} is not installed: pip install 'cdfbench[peers]'")
    assert ("python_version" in peer.missing()) == package.startswith("soft")


def test_a_missing_peer_is_listed_with_the_reason(nothing_installed):
    for name in ("peers_relaxed", "peers_softjax"):
        shown = CliRunner().invoke(app, ["list", "-o", "soft_cut", "-i", name])
        assert shown.exit_code == 0
        words = " ".join(word for word in shown.output.split() if word.isascii())
        assert name in words and "not installed" in words and "'cdfbench[peers]'" in words


def test_a_missing_peer_has_no_cells_unless_it_is_named(nothing_installed):
    usual = selection.jobs(selection.Selection(), "cpu")
    assert not any(job.declaration.name.startswith("peers_") for job in usual)
    named = selection.Selection(implementations=("peers_relaxed",))
    assert {job.operator.name for job in selection.jobs(named, "cpu")} == {
        "soft_cut",
        "soft_histogram",
    }


def test_a_missing_peer_that_is_named_gets_unsupported_rows_and_no_failure(tmp_path):
    absent = [d for d in PEERS if d.missing() and d.framework == "torch"]
    if not absent:
        pytest.skip("every peer is installed")
    asked = ["check", "-o", absent[0].operator, "-i", absent[0].name, "--results", str(tmp_path)]
    shown = CliRunner().invoke(app, [*asked, "-c", operators.get(absent[0].operator).cases[0].name])
    assert shown.exit_code == 0, shown.output
    assert "2 unsupported" in shown.output
    (cells,) = tmp_path.rglob("cells.csv")
    assert absent[0].missing() in cells.read_text()


def test_what_a_peer_lacks_is_said_of_the_case_and_the_rest_is_run(library):
    for peer in PEERS:
        library(*peer.packages())
        skip = registry.load_declared(peer).skip
        cases = [c for c in operators.get(peer.operator).cases if c.dtype in peer.dtypes]
        reasons = [skip and skip(case) for case in cases]
        assert None in reasons, peer.name
        for reason in filter(None, reasons):
            assert any(word in reason for word in ("relaxed", "softtorch", "torch", "transport"))
