"""Networks as energies: jets by exact forward propagation, cotangents by hand, backwards.

A layer is a linear map A with a bias and an activation f. Its value z = A h + b carries slopes A J
and curves A L; behind the activation they are

    h = f(z)      J' = f'(z) A J      L' = f'(z) A L + f''(z) (A J)^2

theta of ``mlp_softplus`` and ``mlp_silu`` is what torch.nn.Linear layers have, in their order:
[weights (h_1, d), bias (h_1,), ..., weights (1, h), bias (1,)], activations between them. ``conv``
takes images (N, C, H, W): theta = [kernel (C_1, C, k, k), bias (C_1,), ..., readout (C_last,)],
k odd, borders padded with zeros, softplus behind every layer, E the readout of sums over pixels.

Sources: H. Bettencourt et al., "Taylor-mode automatic differentiation", 2019; R. Li et al., "A
computational framework for neural network-based variational Monte Carlo with forward Laplacian",
2023, arXiv 2307.08214.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from suite.energies.activations import ACTIVATIONS
from suite.energies.jet import Array, Blur, Jet


@dataclass(frozen=True)
class Dense:
    """x (..., i) times weights (o, i), transposed."""

    weights: Array

    def apply(self, x: Array) -> Array:
        return x @ self.weights.T

    def transposed(self, g: Array) -> Array:
        return g @ self.weights

    def to_weights(self, g: Array, x: Array) -> Array:
        """The gradient of sum(g * apply(x)) to the weights."""
        return g.reshape(-1, g.shape[-1]).T @ x.reshape(-1, x.shape[-1])

    def to_bias(self, g: Array) -> Array:
        return g.reshape(-1, g.shape[-1]).sum(0)

    def biased(self, z: Array, bias: Array) -> Array:
        return z + bias


@dataclass(frozen=True)
class Convolution:
    """Cross-correlation of x (..., c, h, w) with weights (o, c, k, k), same size."""

    weights: Array

    def windows(self, x: Array) -> Array:
        """(..., h, w, c k k)"""
        k = self.weights.shape[-1]
        edge = [(0, 0)] * (x.ndim - 2) + [(k // 2, k // 2)] * 2
        seen = np.lib.stride_tricks.sliding_window_view(np.pad(x, edge), (k, k), axis=(-2, -1))
        seen = np.moveaxis(seen, -5, -3)  # (..., h, w, c, k, k)
        return seen.reshape(*seen.shape[:-3], seen.shape[-3] * k * k)

    def apply(self, x: Array) -> Array:
        z = self.windows(x) @ self.weights.reshape(len(self.weights), -1).T
        return np.moveaxis(z, -1, -3)

    def transposed(self, g: Array) -> Array:
        turned = np.swapaxes(self.weights, 0, 1)[..., ::-1, ::-1]
        return Convolution(turned).apply(g)

    def to_weights(self, g: Array, x: Array) -> Array:
        columns = self.windows(x)
        rows = np.moveaxis(g, -3, -1).reshape(-1, len(self.weights))
        return (rows.T @ columns.reshape(-1, columns.shape[-1])).reshape(self.weights.shape)

    def to_bias(self, g: Array) -> Array:
        return np.moveaxis(g, -3, 0).reshape(len(self.weights), -1).sum(1)

    def biased(self, z: Array, bias: Array) -> Array:
        return z + bias[:, None, None]


@dataclass(frozen=True)
class Readout:
    """The sum over pixels of x (..., c, h, w), then its product with weights (c,)."""

    weights: Array
    pixels: tuple[int, int]

    def apply(self, x: Array) -> Array:
        return (x.sum((-2, -1)) @ self.weights)[..., None]

    def transposed(self, g: Array) -> Array:
        wide = np.ones(self.pixels)
        return g[..., None, None] * self.weights[:, None, None] * wide

    def to_weights(self, g: Array, x: Array) -> Array:
        return (g.reshape(-1, 1) * x.sum((-2, -1)).reshape(-1, len(self.weights))).sum(0)


@dataclass(frozen=True)
class Layer:
    """What one layer does to values, slopes and curves, and back."""

    linear: Any
    bias: Array | None
    activation: str | None

    def forward(self, h: Array, slope: Array, curve: Array | None, blur: Blur):
        """Values, slopes and curves behind the layer, and the way back."""
        apply = self.linear.apply
        z = blur(apply(blur(h)))
        if self.bias is not None:
            z = blur(self.linear.biased(z, blur(self.bias)))
        s = blur(apply(blur(slope)))
        c = None if curve is None else blur(apply(blur(curve)))
        if self.activation is None:
            f, f1, f2, f3 = z, np.ones_like(z), np.zeros_like(z), np.zeros_like(z)
        else:
            f, f1, f2, f3 = ACTIVATIONS[self.activation](z)
        bend = blur(f2[:, None] * s**2)
        out = (
            blur(f),
            blur(f1[:, None] * s),
            bend if c is None else blur(f1[:, None] * c) + bend,
        )

        def back(h_bar: Array, slope_bar: Array, curve_bar: Array):
            third = slope_bar * s * f2[:, None] + curve_bar * s**2 * f3[:, None]
            if c is not None:
                third = third + curve_bar * c * f2[:, None]
            z_bar = blur(blur(h_bar * f1) + blur(third).sum(1))
            s_bar = blur(slope_bar * f1[:, None]) + blur(2 * curve_bar * f2[:, None] * s)
            weights = blur(self.linear.to_weights(z_bar, h))
            every = np.broadcast_to(slope, (*s_bar.shape[:2], *slope.shape[2:]))
            weights = weights + blur(self.linear.to_weights(blur(s_bar), every))
            back_curve = None
            if c is not None:
                c_bar = blur(curve_bar * f1[:, None])
                weights = weights + blur(self.linear.to_weights(c_bar, curve))
                back_curve = blur(self.linear.transposed(c_bar))
            gradients = [blur(weights)]
            if self.bias is not None:
                gradients.append(blur(self.linear.to_bias(z_bar)))
            transposed = self.linear.transposed
            return blur(transposed(z_bar)), blur(transposed(s_bar)), back_curve, gradients

        return out, back


def propagate(x: Array, v: Array, layers: Sequence[Layer], blur: Blur) -> Jet:
    """The jet of a chain of layers, the last of which gives one number a sample."""
    state: tuple[Array, Array, Array | None] = (x, v, None)
    backs = []
    for layer in layers:
        state, back = layer.forward(*state, blur)
        backs.append(back)
    value, slope, curve = state
    assert curve is not None

    def pull(value_bar: Array, slope_bar: Array, curve_bar: Array):
        bars: tuple = (value_bar[:, None], slope_bar[..., None], curve_bar[..., None])
        to_theta: list[Array] = []
        for back in reversed(backs):
            *bars, gradients = back(*bars)  # type: ignore[assignment]
            to_theta = gradients + to_theta
        return bars[0], to_theta

    return Jet(value[:, 0], slope[..., 0], curve[..., 0], pull)


def mlp(x, v, theta, blur, *, activation: str) -> Jet:
    """Linear layers with an activation between them."""
    pairs = list(zip(theta[::2], theta[1::2], strict=True))
    behind = [activation] * (len(pairs) - 1) + [None]
    layers = [Layer(Dense(w), b, f) for (w, b), f in zip(pairs, behind, strict=True)]
    return propagate(x, v, layers, blur)


def conv(x, v, theta, blur) -> Jet:
    """Convolutions with softplus behind each, and the readout of their sums over pixels."""
    pairs = zip(theta[:-1:2], theta[1:-1:2], strict=True)
    layers = [Layer(Convolution(kernel), bias, "softplus") for kernel, bias in pairs]
    last = Layer(Readout(theta[-1], x.shape[-2:]), None, None)
    return propagate(x, v, [*layers, last], blur)


def mlp_softplus(x, v, theta, blur) -> Jet:
    """Linear layers with softplus between them."""
    return mlp(x, v, theta, blur, activation="softplus")


def mlp_silu(x, v, theta, blur) -> Jet:
    """Linear layers with SiLU between them."""
    return mlp(x, v, theta, blur, activation="silu")
