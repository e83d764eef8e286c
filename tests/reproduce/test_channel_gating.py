"""Channel gating in miniature: its gates, its network, two frameworks' steps, its verdicts."""

from pathlib import Path

import numpy as np
import pytest
from scipy import special

from suite import frameworks, reproduce
from suite.reproduce import channel_gating as gating
from suite.reproduce import gated_network as network
from suite.reproduce.claims import Evidence, Found, Record, Trial
from suite.reproduce.jobs import Asked, jobs
from suite.reproduce.published import published
from suite.reproduce.store import read_all

pytest.importorskip("torch")

TRIAL = Trial("torch_eager", quick=True)
SEEN, HELD_OUT = network.digits(TRIAL)
START = network.start(TRIAL)


def batch(shaping):
    """The first 64 samples, with noise and weights of both regularisers."""
    rng = np.random.Generator(np.random.Philox(5))
    noise = {f"noise_{block}": rng.logistic(size=(64, network.GATES)) for block in range(2)}
    given = {name: values[:64] for name, values in SEEN.items()} | noise
    given |= {"pool": network.pooling(), "penalty": np.array(0.3)}
    return given | ({"shaping": np.array(shaping)} if shaping else {})


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_a_gate_is_hard_forward_and_relaxed_backward(name):
    framework = frameworks.get(name)
    if reason := framework.missing("cpu"):
        pytest.skip(reason)
    z, noise = np.linspace(-3, 3, 13)[None], np.linspace(1, -2, 13)[None]

    def opened(z, noise):
        return network._opened(framework, z, noise)

    target = framework.forward_backward(opened, {}, ("z",))
    native = {k: framework.array(v, "float64", "cpu") for k, v in (("z", z), ("noise", noise))}
    gates, gradient = target(native, framework.array(np.ones_like(z), "float64", "cpu"))
    assert np.abs(framework.numpy(gates) - (z + noise > 0)).max() < 1e-15
    soft = special.expit((z + noise) / network.TEMPERATURE)
    slope = soft * (1 - soft) / network.TEMPERATURE
    assert np.allclose(framework.numpy(gradient), slope, rtol=1e-12, atol=0)


def test_patches_are_windows_of_the_digit_and_places_their_means():
    assert SEEN["patches"].shape == (1200, 36, 9) and HELD_OUT["patches"].shape == (597, 36, 9)
    digit = np.arange(64.0).reshape(8, 8)
    windows = np.lib.stride_tricks.sliding_window_view(digit, (3, 3)).reshape(36, 9)
    assert windows[7].tolist() == digit[1:4, 1:4].ravel().tolist()
    corners = windows[:, 0].reshape(6, 6)
    assert (network.pooling() @ windows[:, 0])[5] == corners[2:4, 4:6].mean()
    assert np.array_equal(network.pooling().sum(axis=1), np.ones(9))


def test_a_block_whose_gates_are_closed_passes_on_what_it_got():
    closed = START | {
        f"gate_bias_{block}": np.full((1, network.GATES), -99.0) for block in range(2)
    }
    nothing = START | {f"narrow_{block}": 0 * START[f"narrow_{block}"] for block in range(2)}
    losses = [network.tested(weights, HELD_OUT)[0] for weights in (closed, nothing, START)]
    assert np.allclose(losses[0], losses[1], rtol=1e-12)
    assert not np.allclose(losses[0], losses[2], rtol=1e-2)


def test_torch_and_jax_take_the_same_steps():
    if reason := frameworks.get("jax").missing("cpu"):
        pytest.skip(reason)
    numbers = gating.run_agreement(Trial("jax_xla", quick=True)).numbers
    assert max(value for name, value in numbers.items() if name.startswith("first/")) < 1e-9
    assert judged("frameworks-agree", numbers).verdict == "reproduced"


def test_float32_training_is_the_same_in_both_frameworks_to_its_rounding(monkeypatch):
    if reason := frameworks.get("jax").missing("cpu"):
        pytest.skip(reason)
    monkeypatch.setattr(gating, "QUICK_STEPS", 3)
    torchs, jaxs = (
        gating.fit(Trial(name, quick=True), "l0", 0.3, SEEN).losses
        for name in ("torch_eager", "jax_xla")
    )
    assert np.abs(torchs - jaxs).max() < 1e-4
    assert len(set(torchs)) == 3


def test_the_authors_formula_gives_the_same_loss_of_the_gates_themselves():
    data = batch(shaping=10.0)
    ours, theirs = (
        network.objective(True, name).gradients(START, data)[0]
        for name in ("torch_eager", "published_batch_shaping_notebook")
    )
    without = network.objective(False, "torch_eager").gradients(START, batch(shaping=0))[0]
    assert theirs == pytest.approx(ours, rel=1e-5)
    assert ours > without + 0.01


def test_shaping_falls_to_zero_and_the_penalty_rises_from_it():
    first, middle, last = (gating.weights_at(step, 1000, 0.3) for step in (0, 500, 999))
    assert (first["shaping"], first["penalty"]) == (gating.SHAPING, 0)
    assert 0 < middle["shaping"] < gating.SHAPING and 0 < middle["penalty"] < 0.3
    assert last["shaping"] == 0 and last["penalty"] == pytest.approx(0.3, rel=0.01)


@pytest.fixture(scope="module")
def quick():
    return reproduce.get("channel_gating").experiment("gates").run(TRIAL)


def test_a_short_training_reads_digits_and_every_gate_is_on_off_or_conditional(quick):
    numbers = quick.numbers
    for method in gating.METHODS:
        assert numbers[f"accuracy/{method}"] > 0.75
        kinds = ("always on", "always off", "conditional")
        assert sum(numbers[f"{kind}/{method}"] for kind in kinds) == pytest.approx(1, abs=1e-12)
    assert numbers["open/l0"] < numbers["open/none"]


def test_frozen_gates_are_as_they_are_for_most_samples():
    z = network.tested(START, HELD_OUT)[2]
    rate = (z > 0).mean(axis=0)
    frozen = network.tested(gating._frozen(START, rate), HELD_OUT)[2]
    assert np.array_equal(frozen > 0, np.broadcast_to(rate > 0.5, z.shape))


def test_curves_begin_alike_and_count_every_gate(quick):
    first = {m: quick.curves[f"activations {m}/look"][0] for m in gating.METHODS}
    assert np.array_equal(first["none"], first["shaped"])
    for method in gating.METHODS:
        assert np.allclose(quick.curves[f"activations {method}/look"].sum(axis=1), 1, rtol=1e-12)
        assert (quick.curves[f"open shares {method}/look"].sum(axis=1) == 64).all()


def test_the_picture_has_a_point_for_every_weight_of_l0(quick):
    figure = reproduce.get("channel_gating").experiment("gates").draw(quick, 0)
    assert figure.get_suptitle().endswith("after step 0")
    points = {line.get_label(): line.get_xdata() for line in figure.axes[-1].lines}
    assert points["L0 alone"] == pytest.approx([100 * quick.numbers["conditional/l0"]])


def judged(claim, *starts):
    """The verdict on a claim of made-up numbers, from the exact start and seeds."""
    (claim,) = (each for each in reproduce.get("channel_gating").claims if each.name == claim)
    names = ["exact", *(f"seed {k}" for k in range(1, len(starts)))]
    where = claim.experiment
    records = {(where, "i", n): Record(s) for n, s in zip(names, starts, strict=True)}
    stated = published("channel_gating")[claim.name]
    return claim.judge(Evidence(stated, where, "i", Found(records)))


def shares(shaped, other, accuracy=0.95, frozen=0.8):
    return {"accuracy/shaped": accuracy, "accuracy frozen/shaped": frozen} | {
        f"{name}/{method}": value
        for method in ("none", "l0")
        for name, value in (("conditional", other), ("accuracy", 0.95))
    } | {"conditional/shaped": shaped}  # fmt: skip


@pytest.mark.parametrize("claim", ["more-conditional", "more-conditional-than-l0"])
def test_more_gates_must_be_conditional_at_like_accuracy(claim):
    assert judged(claim, shares(0.6, 0.5), shares(0.7, 0.5)).verdict == "reproduced"
    assert judged(claim, shares(0.5, 0.5), shares(0.4, 0.5)).verdict == "not reproduced"
    unclear = shares(0.5, 0.5), shares(0.9, 0.5), shares(0.4, 0.5)
    assert judged(claim, *unclear).verdict == "not reproduced"
    costly = judged(claim, shares(0.6, 0.5, 0.90), shares(0.7, 0.5, 0.91))
    assert costly.verdict == "not reproduced"
    assert "90.5% against 95.0%" in costly.why
    unused = judged(claim, shares(0.6, 0.5, frozen=0.95), shares(0.7, 0.5, frozen=0.95))
    assert unused.verdict == "does not mean what it says"


def test_hard_samples_must_open_more_gates_than_easy_ones():
    def numbers(hardest):
        return {"open hardest/shaped": hardest, "open easiest/shaped": 0.4}

    assert judged("more-for-difficult", numbers(0.5), numbers(0.6)).verdict == "reproduced"
    assert judged("more-for-difficult", numbers(0.3), numbers(0.3)).verdict == "not reproduced"


def test_what_is_in_the_loop_is_the_fastest_of_the_published_run():
    runs, _ = read_all(Path(__file__).parents[2] / "results")
    found = [run for run in runs if run.info["complete"]][-1].numbers
    times = found[found["experiment"].eq("times") & found["source"].eq("channel_gating")]
    times = times.set_index("implementation")["value"]
    assert {"jax_xla", "torch_compiled", "torch_eager"} <= set(times.index)
    experiment = reproduce.get("channel_gating").experiment("gates")
    assert experiment.implementations == (times.idxmin(),)


def test_times_are_of_a_full_run_only_beside_nothing_else():
    full, quick = (jobs(Asked(("channel_gating",), seeds=1, quick=q)) for q in (False, True))
    timed = [j for j in full if any(name == "times" for name, _ in j.trials)]
    assert [j.implementation for j in timed] == ["jax_xla", "torch_compiled", "torch_eager"]
    assert all(j.alone and len(j.trials) == 1 for j in timed)
    assert not [name for job in quick for name, _ in job.trials if name == "times"]
