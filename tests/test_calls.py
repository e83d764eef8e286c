"""What a call says of arguments that no operator could check: missing, misspelt, not its arrays."""

import numpy as np
import pytest

from suite import load


class Foreign:
    """An array of a framework that nobody has."""

    shape, dtype = (2, 3), np.dtype("float32")


@pytest.mark.parametrize("name", ["numpy_scipy", "torch_eager", "torch_compiled", "jax_xla"])
def test_an_array_of_another_framework_is_refused_in_the_same_words(name):
    framework = name.partition("_")[0]
    pytest.importorskip(framework)
    function = load("soft_cut", name)
    with pytest.raises(TypeError, match=rf"x is a test_calls.Foreign.*takes {framework} arrays"):
        function(Foreign(), 0.5, 2.0)


def test_numpy_arrays_are_no_tensors_and_tensors_no_numpy_arrays():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"x is a numpy.ndarray.*soft_cut takes torch arrays"):
        load("soft_cut", "torch_eager")(np.ones((2, 3)), 0.5, 2.0)
    with pytest.raises(TypeError, match=r"threshold is a torch.Tensor.*takes numpy arrays"):
        load("soft_cut", "numpy_scipy")(np.ones((2, 3)), steepness=2.0, threshold=torch.ones(()))


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({}, r"batch_shaping: missing a required argument: 'prior'.*plotting_position='weibull'"),
        ({"prior": "beta", "from_logit": True}, r"batch_shaping: .*'from_logit'.*from_logits"),
    ],
)
def test_a_missing_or_misspelt_option_is_answered_with_the_operators_arguments(options, answer):
    with pytest.raises(TypeError, match=answer):
        load("batch_shaping", "numpy_scipy")(np.full((2, 3), 0.5), 0.6, 0.4, **options)


@pytest.mark.parametrize(
    ("operator", "option", "values"),
    [
        ("occupancy_entropy", "temperature", (0.5, 0.7, 0.9)),
        ("soft_cut", "steepness", (2.0, 3.0, 5.0)),
    ],
)
def test_a_number_that_changes_leaves_one_compiled_graph(operator, option, values):
    """An annealed number: Dynamo makes a symbol of it at its second value."""
    torch = pytest.importorskip("torch")
    function = load(operator, "torch_eager")
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    rest = {"occupancy_entropy": {"estimator": "sigmoid"}, "soft_cut": {"threshold": 0.1}}
    x = torch.linspace(-1, 1, 20).reshape(2, 10)
    for value in values:
        arguments = {**rest[operator], option: value}
        torch.testing.assert_close(compiled(x, **arguments), function(x, **arguments))
