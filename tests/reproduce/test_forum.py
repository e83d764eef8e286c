"""The forum's experiments at reduced size, and what their judges make of numbers."""

import numpy as np
import pytest

from suite import reproduce
from suite.reproduce import forum_entropy as entropy
from suite.reproduce import forum_gradient as gradient
from suite.reproduce import forum_network as network
from suite.reproduce.claims import LOOKS, Evidence, Found, Record, Trial
from suite.reproduce.forum_figures import maps, units
from suite.reproduce.published import published
from suite.reproduce.rmsprop import RMSprop
from suite.reproduce.training import train

torch = pytest.importorskip("torch")

PUBLISHED, OURS = "published_forum", "torch_eager"
TRIAL = Trial(OURS, "exact", quick=True)


def judged(claim, numbers, seeds=()):
    """The verdict on a claim whose experiment gave these numbers, and these from other seeds."""
    source = reproduce.get("forum")
    (stated,) = [each for each in source.claims if each.name == claim]
    every = {"exact": numbers} | {f"seed {k}": n for k, n in enumerate(seeds, start=1)}
    found = Found({(stated.experiment, "any", s): Record(n) for s, n in every.items()})
    return stated.judge(Evidence(published("forum")[claim], stated.experiment, "any", found))


def test_the_network_is_torchs_own():
    sizes, (theta, *_) = network.SIZES["network"], network.starts(TRIAL, network.SIZES["network"])
    layers, at = [], 0
    for into, out in zip(sizes[:-1], sizes[1:], strict=True):
        layer = torch.nn.Linear(into, out)
        w, b = theta[at : at + into * out], theta[at + into * out : at + (into + 1) * out]
        layer.load_state_dict({"weight": torch.tensor(w).reshape(out, into),
                               "bias": torch.tensor(b)})  # fmt: skip
        layers += [layer, torch.nn.Tanh()]
        at += (into + 1) * out
    x = np.linspace(-2, 2, 50, dtype=np.float32)
    theirs = torch.nn.Sequential(*layers[:-1])(torch.tensor(x)[:, None])[:, 0].detach().numpy()
    ours = network.forward(theta[None], x, sizes, np.tanh)[0]
    assert at == theta.size
    assert np.abs(ours - theirs).max() < 1e-6
    assert np.ptp(theirs) > 0.01


def test_starts_rise_or_fall_and_are_as_torch_draws_them():
    for kind, sizes in network.SIZES.items():
        theta = network.starts(TRIAL, sizes)
        y = network.forward(theta, network.GRID, sizes, np.tanh)
        correlation = np.array([np.corrcoef(row, network.GRID)[0, 1] for row in y])
        assert (correlation[: network.DRAWS] > 0).all(), kind
        assert np.allclose(correlation[: network.DRAWS], -correlation[network.DRAWS :], atol=1e-5)
        assert 0.5 < np.abs(theta).max() <= 1.0


def test_distances_are_those_of_known_maps():
    x = np.random.Generator(np.random.Philox(0)).normal(size=1000)
    shuffled = np.random.Generator(np.random.Philox(1)).normal(size=1000)
    same, reversed_, independent = network.distances(np.stack([np.exp(x), -x, shuffled]), x)
    assert same == 0
    assert reversed_ == pytest.approx(1 / 3, rel=1e-5)
    assert independent == pytest.approx(1 / 6, rel=0.1)


@pytest.mark.parametrize(("name", "turned"), [(OURS, network.DRAWS), (PUBLISHED, 0)])
def test_true_ranks_turn_a_falling_layer_round_and_argsort_does_not(name, turned):
    """At fifty times the source's rate, so that few steps do."""
    theta = network.starts(TRIAL, network.SIZES["linear"])
    subject = network.objective(name, "linear")
    path = train(
        subject, {"theta": theta}, 400, 5e-3, optimiser=RMSprop(), data=network.draws(TRIAL)
    )
    slopes = path.end["theta"][:, 0]
    assert (slopes[: network.DRAWS] > 0).all()
    assert (slopes[network.DRAWS :] > 0).sum() == turned


def test_a_rising_layer_has_no_loss_before_any_training_by_either_formula():
    for name in (PUBLISHED, OURS):
        n = network.run("linear", Trial(name, "seed 1", quick=True)).numbers
        assert n["own start/rising"] < 1e-9
        assert n["start/rising"] == n["end/rising"] == 0
        assert n["start/falling"] == pytest.approx(1 / 3, rel=1e-5)
    # argsort takes a reversed map for an independent one.
    theirs = network.run("linear", Trial(PUBLISHED, "seed 1", quick=True)).numbers
    assert theirs["own start/falling"] == pytest.approx(1 / 6, rel=0.1)


def test_torch_and_jax_train_alike():
    jax = pytest.importorskip("jax")
    assert jax
    ours, theirs = (network.run("network", Trial(name, "seed 1", quick=True)).numbers
                    for name in (OURS, "jax_xla"))  # fmt: skip
    # Both are at the same weights but for rounding, which may swap neighbours.
    assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-6)
    assert ours["end/falling"] != ours["start/falling"]


def test_gradients_of_true_ranks_descend_and_those_of_argsort_are_noise():
    ours, theirs = (gradient.run(Trial(name)).numbers for name in (OURS, PUBLISHED))
    for each in gradient.MAPS:
        assert ours[f"down/{each}"] > 0.99
        assert ours[f"cosine/{each}"] > 0.25
        assert abs(theirs[f"down/{each}"] - 0.5) < 0.15
        assert abs(theirs[f"cosine/{each}"]) < 0.3
    assert ours["correlation"] == pytest.approx(1, abs=1e-6)
    assert abs(theirs["correlation"]) < 0.2


def test_units_are_on_as_their_laws_say():
    one = np.array(1.0)
    for unit in entropy.UNITS:
        u = unit.law.ppf((np.arange(20_000) + 0.5) / 20_000)
        for w in (1.0, -0.7):
            share = np.mean(w * u + unit.shift > 0)
            assert unit.on(w * one, unit.shift * one) == pytest.approx(share, abs=1e-4)


def test_hard_states_move_towards_the_median_and_the_published_formula_loses_a_unit_that_is_off():
    ours, theirs = (entropy.run(Trial(name, "exact", quick=True)) for name in (OURS, PUBLISHED))
    about = f"on/{entropy.HARD.name}"
    for record in (ours, theirs):
        on = record.curves[about]
        assert (np.abs(on[-1, :2] - 0.5) < np.abs(on[0, :2] - 0.5) - 0.05).all()
    assert np.isnan(theirs.curves[about][-1, 3])
    assert np.isfinite(ours.curves[about]).all()
    assert ours.numbers.keys() == theirs.numbers.keys()


def test_pictures_show_every_network_and_way():
    record = network.run("network", TRIAL)
    axes = maps(record, -1).axes
    assert len(axes) == 4
    # Each panel has its networks, before and now.
    assert len(axes[0].lines) == len(axes[1].lines) == 2 * network.DRAWS
    steps = np.array([0, 5])
    on = {f"on/{way.name}": np.full((2, len(entropy.UNITS)), 0.5) for way in entropy.WAYS}
    on[f"on/{entropy.HARD.name}"][1, 3] = on[f"on/{entropy.HOT.name}"][1, 3] = np.nan
    figure = units(Record({}, {LOOKS: steps, **on}), -1)
    assert len(figure.legends[0].texts) == len(entropy.WAYS)
    told = [[text.get_text() for text in ax.texts] for ax in figure.axes]
    assert told == [[], [], [], [f"NaN:\n{entropy.HOT.name}\n{entropy.HARD.name}"]]


def training(rising, falling, control=(0.1, 0.3)):
    n = {f"start/{d}": s for d, s in zip(network.DIRECTIONS, (0.05, 0.3), strict=True)}
    n |= {f"end/{d}": e for d, e in zip(network.DIRECTIONS, (rising, falling), strict=True)}
    n |= {f"own {name}": value for name, value in n.items()}
    n |= {f"control/{d}": c for d, c in zip(network.DIRECTIONS, control, strict=True)}
    return n | {"turned": 0.0, "turned_control": 0.0, "end": 0.1}


def test_learning_is_seen_in_both_directions():
    assert judged("seems-to-learn", training(0.01, 0.02)).verdict == "reproduced"
    assert judged("seems-to-learn", training(0.01, 0.3)).verdict == "not reproduced"
    assert judged("seems-to-learn", training(0.05, 0.02)).verdict == "not reproduced"
    wandered = training(0.01, 0.02, control=(0.02, 0.1))
    assert judged("seems-to-learn", wandered).verdict == "not reproduced"


def test_a_gradient_passes_when_its_steps_descend_on_every_map():
    def numbers(least):
        down = dict.fromkeys(gradient.MAPS, 1.0) | {gradient.MAPS[-1]: least}
        return {f"down/{k}": v for k, v in down.items()} | {
            f"{name}/{k}": 0.5 for k in down for name in ("cosine", "scale")
        }

    assert judged("gradient-through-ecdf", numbers(0.95)).verdict == "reproduced"
    assert judged("gradient-through-ecdf", numbers(0.5)).verdict == "not reproduced"
    assert judged("argsort-is-ecdf", {"correlation": 0.02}).verdict == "not reproduced"
    assert judged("argsort-is-ecdf", {"correlation": 1.0}).verdict == "reproduced"


def states():
    """Numbers of units that all end centred, their spread kept, but for one that stays off where
    nothing is added to hard states."""
    every = [f"{way.name}/{unit.name}" for way in entropy.WAYS for unit in entropy.UNITS]
    n = {f"on/{k}": 0.5 for k in every} | {f"spread/{k}": 1.0 for k in every}
    n[f"on/{entropy.HARD.name}/{entropy.OFF.name}"] = 0.0
    return n | {f"mean/{k}": 0.3 for k in every}


@pytest.mark.parametrize(
    ("claim", "way", "unit", "name", "value"),
    [
        ("median-at-zero", entropy.HARD, entropy.SKEWED, "on", 0.37),
        ("hot-sigmoid", entropy.HOT, entropy.OFF, "on", 0.0),
        ("bernoulli-entropy", entropy.BERNOULLI, entropy.NORMAL, "spread", 0.01),
        ("straight-through-gumbel", entropy.LOGISTIC, entropy.SKEWED, "on", 0.7),
        ("straight-through-gumbel", entropy.LOGISTIC, entropy.NEARLY_OFF, "on", float("nan")),
        ("noise-against-saturation", entropy.GAUSSIAN, entropy.OFF, "on", float("nan")),
    ],
)
def test_statements_about_units_fall_with_the_unit_that_they_are_about(
    claim, way, unit, name, value
):
    assert judged(claim, states()).verdict == "reproduced"
    refuted = states() | {f"{name}/{way.name}/{unit.name}": value}
    assert judged(claim, refuted).verdict == "not reproduced"


def test_noise_does_nothing_where_units_come_back_without_it():
    back = states() | {f"on/{entropy.HARD.name}/{entropy.OFF.name}": 0.5}
    told = judged("noise-against-saturation", back)
    assert told.verdict == "does not mean what it says"
    assert "no noise 0.5 and 0.5" in told.why


def test_why_names_the_direction_that_is_not_learned_and_counts_the_seeds_that_are():
    told = judged("seems-to-learn", training(0.04, 0.02), [training(0.01, 0.02), training(1, 1)])
    assert told.verdict == "not reproduced"
    assert "is left to those rising. From other seeds 1 of 2 learn" in told.why


def test_the_mean_of_entropies_is_blamed_only_where_a_unit_collapsed():
    def why(spread):
        collapsed = {f"spread/{entropy.BERNOULLI.name}/{entropy.NORMAL.name}": spread}
        return judged("bernoulli-entropy", states() | collapsed).why

    assert "largest where every sample is 0" in why(0.01)
    assert "largest" not in why(0.9)
