"""The real tensors lie in the operators' domains, are not degenerate, and can be made again."""

import subprocess
import sys

import numpy as np
import pytest

from suite import workloads
from suite.workloads import store

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("name", workloads.names())
def test_every_workload_is_finite_float32_of_the_described_shape(name):
    values = workloads.load(name)
    assert values.dtype == np.float32 and values.flags.c_contiguous and values.flags.writeable
    assert np.isfinite(values).all()
    assert workloads.names()[name].startswith(str(values.shape))


@pytest.mark.parametrize(
    "name", [n for n in workloads.names() if "in [0, 1]" in store.CATALOGUE[n][2]]
)
def test_probabilities_lie_in_the_unit_interval_and_match_their_logits(name):
    values = workloads.load(name)
    assert values.min() >= 0 and values.max() <= 1
    logits = workloads.load(name.replace("gates", "gate_logits").replace("scores", "logits"))
    np.testing.assert_allclose(values, 1 / (1 + np.exp(-np.float64(logits))), rtol=1e-6)


def test_every_gate_varies_over_the_samples_and_the_gates_differ():
    gates = workloads.load("digits_gates")
    assert (gates.std(axis=1) > 0.02).all()
    assert all(len(np.unique(gate)) > 1000 for gate in gates)
    assert np.ptp(gates.mean(axis=1)) > 0.5


def test_relu_activations_tie_at_zero_in_a_quarter_to_three_quarters_of_every_unit():
    activations = workloads.load("digits_activations")
    tied = (activations == 0).mean(axis=1)
    assert activations.min() == 0
    assert ((tied > 0.25) & (tied < 0.75)).all()
    preactivations = workloads.load("digits_preactivations")
    np.testing.assert_array_equal(activations > 0, preactivations > 0)
    assert (preactivations < 0).any(axis=1).all()


def test_signal_scores_lie_above_background_scores():
    signal = workloads.load("breast_cancer_signal_scores")
    background = workloads.load("breast_cancer_background_scores")
    assert signal.shape[0] == background.shape[0]
    for above, below in zip(signal, background, strict=True):
        assert (above[:, None] > below).mean() > 0.98
    assert len({row.tobytes() for row in signal}) == len(signal)


def test_a_loaded_array_is_the_callers_own():
    first = workloads.load("digits_gates")
    first[:] = -1
    assert workloads.load("digits_gates").min() >= 0


def test_committed_files_stay_under_300_kb():
    assert 0 < sum(p.stat().st_size for p in store.COMMITTED.glob("*.npz")) < 300_000


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"workload must be one of digits_gates, .* got 'mnist'"):
        workloads.load("mnist")


def test_a_missing_file_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "COMMITTED", tmp_path / "package")
    monkeypatch.setenv("CDFBENCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(workloads.MissingWorkload, match="run `make workloads`"):
        workloads.load("digits_gates")
    tensors = {"gates": np.full((2, 3), 0.5)}
    store.write(store.cache_folder() / "digits.npz", tensors)
    np.testing.assert_array_equal(workloads.load("digits_gates"), np.float32(tensors["gates"]))
    assert [p.name for p in store.cache_folder().iterdir()] == ["digits.npz"]


def test_loading_imports_neither_torch_nor_scikit_learn():
    code = (
        "import sys; from suite import workloads; workloads.load('digits_gates'); "
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'sklearn', 'jax'}))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_scores_made_again_agree_with_the_committed_ones():
    pytest.importorskip("sklearn")
    from suite.workloads import breast_cancer

    made = breast_cancer.make(repeats=2)
    again = breast_cancer.make(repeats=1)
    for tensor, values in made.items():
        np.testing.assert_array_equal(values[:1], again[tensor])
        committed = workloads.load(f"breast_cancer_{tensor}")[:2]
        np.testing.assert_allclose(values, committed, rtol=1e-3, atol=1e-4)


def test_what_networks_are_trained_on_is_scikit_learns_own():
    pytest.importorskip("sklearn")
    from suite.workloads import inputs, regenerate

    made = inputs.make()
    assert [difference.largest for difference in regenerate.compare("inputs", made)] == [0.0] * 4
    radius = made["signal_features"][0].mean(), made["background_features"][0].mean()
    assert radius == pytest.approx((17.46, 12.15), abs=0.01)
    assert np.array_equal(np.unique(made["labels"]), np.arange(10))
    assert (made["images"].min(), made["images"].max()) == (0, 1)


@pytest.fixture(scope="module")
def short_training():
    pytest.importorskip("sklearn")
    from suite.workloads import digits

    return [digits.make(digits.Settings(epochs=2)) for _ in range(2)]


def test_training_again_gives_the_same_tensors_bit_for_bit(short_training):
    (first, accuracy), (second, again) = short_training
    assert accuracy == again
    for tensor, values in first.items():
        assert values.shape == workloads.load(f"digits_{tensor}").shape
        np.testing.assert_array_equal(values, second[tensor])


def test_the_network_reads_over_95_percent_of_held_out_digits():
    pytest.importorskip("sklearn")
    from suite.workloads import digits

    assert digits.make(digits.Settings(epochs=8))[1] > 0.95


def test_training_leaves_the_callers_random_state_and_threads_alone():
    pytest.importorskip("sklearn")
    import torch

    from suite.workloads import digits

    torch.manual_seed(1)
    before = torch.get_rng_state(), torch.get_num_threads()
    digits.make(digits.Settings(epochs=1, seed=3))
    assert torch.equal(before[0], torch.get_rng_state()) and before[1] == torch.get_num_threads()
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_different_tensor_is_reported_with_its_distance():
    pytest.importorskip("sklearn")
    from suite.workloads import regenerate

    gates = workloads.load("digits_gates")
    moved = gates.copy()
    moved[3, 7] += 0.25
    same, far, unknown = regenerate.compare("digits", {"gates": gates}) + regenerate.compare(
        "digits", {"gates": moved, "other": moved}
    )
    assert same.largest == 0 and str(same).endswith("equal to the committed tensor")
    assert far.largest == pytest.approx(0.25)
    assert unknown.largest is None
