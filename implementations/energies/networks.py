"""Networks as energies: values forward, gradients by backpropagation, curvature by tangents.

With z_l the l-th layer before its activation f, J_l its derivative along a direction and
b_l = dE/df(z_l) from backpropagation, v.Hv = sum_l b_l . f''(z_l) J_l(v)^2: the first layer's part
of a Laplacian needs no tangents, and the last layer, which is linear, has no part.

theta as ``suite.energies.networks`` says; what ``ops`` is, ``gaussian`` says. ``layers`` are maps
with apply(x), transposed(g) and squares(shape): the sum over unit vectors of apply(.)^2.
"""


class Dense:
    """x (..., i) times weights (o, i), transposed."""

    def __init__(self, ops, weights):
        self.ops, self.weights = ops, weights

    def apply(self, x):
        return x @ self.weights.T

    def transposed(self, g):
        return g @ self.weights

    def squares(self, shape):
        return self.ops.sum(self.weights * self.weights, 1)

    def with_bias(self, z, bias):
        return z + bias


class Convolution:
    """Cross-correlation of x (..., c, h, w) with weights (o, c, k, k), of the same size."""

    def __init__(self, ops, weights):
        self.ops, self.weights = ops, weights

    def apply(self, x):
        return self._flat(self.ops.conv, x)

    def transposed(self, g):
        return self._flat(self.ops.conv_transposed, g)

    def squares(self, shape):
        ones = self.ops.ones((1, *shape), self.weights)
        return self.ops.conv(ones, self.weights * self.weights)[0]

    def with_bias(self, z, bias):
        return z + bias[:, None, None]

    def _flat(self, function, x):
        z = function(x.reshape((-1, *x.shape[-3:])), self.weights)
        return z.reshape((*x.shape[:-3], *z.shape[1:]))


class Network:
    """An energy whose hidden layers are linear maps with the same activation behind each.

    activation: its name in ``ops.activate``, z -> f, and ``ops.derivatives``, z -> f' and a
    function that computes f''.
    """

    def __init__(self, activation, *, convolves=False):
        self.activation, self.convolves = activation, convolves

    def layers(self, ops, theta):
        """The hidden layers' maps, and their biases."""
        kind, end = (Convolution, -1) if self.convolves else (Dense, -2)
        return [kind(ops, weights) for weights in theta[:end:2]], theta[1:end:2]

    def hidden(self, ops, x, theta):
        """f' of every layer, and what computes f''; no derivative of E needs the last one's f."""
        z, slopes, bends = None, [], []
        for layer, bias in zip(*self.layers(ops, theta), strict=True):
            h = x if z is None else ops.activate[self.activation](z)
            z = layer.with_bias(layer.apply(h), bias)
            slope, bend = ops.derivatives[self.activation](z)
            slopes.append(slope)
            bends.append(bend)
        return slopes, bends

    def energy(self, ops, x, theta):
        """E of every sample, (N,)."""
        h = x
        for layer, bias in zip(*self.layers(ops, theta), strict=True):
            h = ops.activate[self.activation](layer.with_bias(layer.apply(h), bias))
        if self.convolves:
            return ops.sum(h, (2, 3)) @ theta[-1]
        return (h @ theta[-2].T + theta[-1])[:, 0]

    def backwards(self, ops, slopes, theta):
        """dE/dx, and dE/df(z_l) of every hidden layer, the last one's shared by all samples."""
        layers, _ = self.layers(ops, theta)
        push = theta[-1][:, None, None] if self.convolves else theta[-2]
        pushes = []
        for layer, slope in zip(reversed(layers), reversed(slopes), strict=True):
            pushes.append(push)
            push = layer.transposed(push * slope)
        return push, pushes[::-1]

    def gradient(self, ops, x, theta):
        """dE/dx, of x's shape."""
        slopes, _ = self.hidden(ops, x, theta)
        return self.backwards(ops, slopes, theta)[0]

    def gradient_and_laplacian(self, ops, x, theta, block=None):
        """dE/dx, and the mean of the Laplacian over all samples, ()."""
        slopes, bends = self.hidden(ops, x, theta)
        gradient, pushes = self.backwards(ops, slopes, theta)
        layers, _ = self.layers(ops, theta)
        weights = [push * bend() for push, bend in zip(pushes, bends, strict=True)]
        shape = tuple(x.shape[1:])
        total = ops.sum(weights[0] * layers[0].squares(shape))
        if len(layers) > 1:
            total = total + ops.tangent_squares(layers, slopes, weights, shape, block)
        return gradient, total / x.shape[0]

    def gradient_and_curvature(self, ops, x, theta, v):
        """dE/dx, and v.Hv for directions v (N, M, *shape), (N, M)."""
        slopes, bends = self.hidden(ops, x, theta)
        gradient, pushes = self.backwards(ops, slopes, theta)
        layers, _ = self.layers(ops, theta)
        total = 0
        for layer, slope, bend, push in zip(layers, slopes, bends, pushes, strict=True):
            z = layer.apply(v)
            weight = (push * bend())[:, None]
            total = total + ops.sum(weight * z * z, tuple(range(2, z.ndim)))
            v = slope[:, None] * z
        return gradient, total


def tangent_squares(ops, layers, slopes, weights, shape, block):
    """sum_n sum_l weights_l . J_l^2 over unit vectors, layers from the second on; () of blocks.

    Plain operations, for frameworks that differentiate a loop well.
    """
    total = 0
    for directions in unit_blocks(ops, shape, block, layers[0].weights):
        total = total + squares_along(ops, layers, slopes, weights, directions)
    return total


def squares_along(ops, layers, slopes, weights, directions):
    """The same over directions (b, *shape)."""
    total, (first, *others) = 0, layers
    tangent = slopes[0][:, None] * first.apply(directions)
    for layer, slope, weight in zip(others, slopes[1:], weights[1:], strict=True):
        z = layer.apply(tangent)
        total = total + ops.sum(weight[:, None] * z * z)
        tangent = slope[:, None] * z
    return total


def unit_blocks(ops, shape, block, like):
    """Unit vectors of samples of that shape, (b, *shape) with b <= block."""
    size = 1
    for extent in shape:
        size *= extent
    step = block or size
    for start in range(0, size, step):
        yield ops.unit_vectors(start, min(start + step, size), size, like).reshape((-1, *shape))
