"""The part of a network's Laplacian that needs tangents: block by block, its gradient beside it.

    T = sum_n sum_{l >= 2} w_nl . sum_b J_nlb^2,     J_l = A_l (s_{l-1} J_{l-1}),  J_1 = A_1 e_b

Cotangents of T are numbers, so the forward pass accumulates the gradient of every block and forgets
the block: memory is that of one block, and no tangent is computed twice.
"""

import torch

from implementations.energies import networks
from implementations.torch_eager.once import Once


def tangent_squares(layers, slopes, weights, shape, block):
    """T (); layers, slopes s and weights w as ``implementations.energies.networks`` gives them.

    Raises RuntimeError for second derivatives, outside of compiled graphs, which refuse themselves.
    """
    ops = layers[0].ops
    if torch.compiler.is_compiling():
        return networks.tangent_squares(ops, layers, slopes, weights, shape, block)
    count = slopes[0].shape[0]
    weights = [weight.expand(count, *weight.shape[-len(slope.shape) + 1 :])
               for weight, slope in zip(weights[1:], slopes[1:], strict=True)]  # fmt: skip
    tensors = (*slopes, *weights, *(layer.weights for layer in layers))
    convolves = isinstance(layers[0], networks.Convolution)
    return _TangentSquares.apply(
        ops, len(layers), convolves, shape, block, torch.is_grad_enabled(), *tensors
    )[0]


class _TangentSquares(torch.autograd.Function):
    """T, and then its gradients to all tensors."""

    generate_vmap_rule = True

    @staticmethod
    def forward(ops, depth, convolves, shape, block, wanted, *tensors):
        kind = networks.Convolution if convolves else networks.Dense
        layers = [kind(ops, weights) for weights in tensors[2 * depth - 1 :]]
        slopes, weights = tensors[:depth], (None, *tensors[depth : 2 * depth - 1])
        total, sums = 0.0, [0.0] * len(tensors)
        for directions in networks.unit_blocks(ops, shape, block, tensors[-1]):
            part, found = _block(layers, slopes, weights, directions, wanted)
            total = total + part
            if wanted:
                sums = [a if b is None else a + b for a, b in zip(sums, found, strict=True)]
        zeros = (torch.zeros_like(t) for t in tensors)
        return total, *((z + s for z, s in zip(zeros, sums, strict=True)) if wanted else ())

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*output[1:], *inputs[6:])

    @staticmethod
    def backward(ctx, cotangent, *_):
        half = len(ctx.saved_tensors) // 2
        return *(None,) * 6, *Once.apply(cotangent, half, *ctx.saved_tensors)


def _block(layers, slopes, weights, directions, wanted):
    """A block's part of T, and of its gradients to slopes, weights and layers' weights."""
    first = layers[0].apply(directions)  # the same for all samples
    tangents, zs = [slopes[0][:, None] * first], [first]
    total, squares = 0.0, []
    for layer, slope, weight in zip(layers[1:], slopes[1:], weights[1:], strict=True):
        z = layer.apply(tangents[-1])
        squares.append((z * z).sum(1))
        total = total + (weight * squares[-1]).sum()
        zs.append(z)
        tangents.append(slope[:, None] * z if len(zs) < len(layers) else None)
    if not wanted:
        return total, ()
    to_slopes, to_layers = [None] * len(layers), []
    back = None
    for at in range(len(layers) - 1, 0, -1):
        z = zs[at]
        push = (2 * weights[at])[:, None] * z
        if back is not None:
            to_slopes[at] = (back * z).sum(1)
            push = torch.addcmul(push, back, slopes[at][:, None])
        to_layers.insert(0, _to_layer(layers[at], push, tangents[at - 1]))
        back = layers[at].transposed(push)
    to_slopes[0] = (back * first).sum(1)
    to_layers.insert(0, _to_layer(layers[0], (back * slopes[0][:, None]).sum(0), directions))
    return total, (*to_slopes, *squares, *to_layers)


def _to_layer(layer, g, x):
    """The gradient of sum(g * layer.apply(x)) to the layer's weights."""
    if isinstance(layer, networks.Dense):
        return g.reshape(-1, g.shape[-1]).T @ x.reshape(-1, x.shape[-1])
    images = (each.reshape(-1, *each.shape[-3:]) for each in (x, g))
    x, g = images
    pad = layer.weights.shape[-1] // 2
    return torch.nn.grad.conv2d_weight(x, layer.weights.shape, g, padding=pad)
