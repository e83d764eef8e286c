"""Rows of any array: whichever axis is kept, samples stay together and gradients flow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from suite.rows import as_rows

X = np.arange(120.0).reshape(2, 3, 4, 5)


@pytest.mark.parametrize("axis", range(-4, 4))
@pytest.mark.parametrize("make", (np.asarray, torch.tensor, jnp.asarray))
def test_each_row_holds_the_samples_of_one_position(axis, make):
    rows = np.asarray(as_rows(make(X), axis))
    assert rows.shape == (X.shape[axis], X.size // X.shape[axis])
    for k, row in enumerate(rows):
        np.testing.assert_array_equal(row, np.take(X, k, axis=axis).reshape(-1))


def test_no_axis_kept_is_one_row():
    np.testing.assert_array_equal(as_rows(X), X.reshape(1, -1))
    np.testing.assert_array_equal(as_rows(np.ones(3), 0), np.ones((3, 1)))


def test_gradients_come_back_in_the_shape_they_left():
    weight = np.arange(120.0).reshape(3, 40)
    expected = np.moveaxis(weight.reshape(3, 2, 4, 5), 0, 1)
    x = torch.tensor(X, requires_grad=True)
    (as_rows(x, 1) * torch.tensor(weight)).sum().backward()
    np.testing.assert_array_equal(x.grad, expected)
    gradient = jax.grad(lambda x: (as_rows(x, 1) * weight).sum())(jnp.asarray(X))
    np.testing.assert_array_equal(gradient, expected)


@pytest.mark.parametrize("axis", (4, -5))
def test_an_axis_that_is_not_there_is_named(axis):
    with pytest.raises(ValueError, match=f"axis={axis}.*-4 to 3.*2, 3, 4, 5"):
        as_rows(X, axis)


def test_an_axis_is_an_integer():
    with pytest.raises(TypeError, match="axis='channels'"):
        as_rows(X, "channels")
