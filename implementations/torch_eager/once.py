"""Gradients that a forward pass computed for a number, handed out once."""

import torch


class Once(torch.autograd.Function):
    """apply(cotangent (), count, *gradients, *inputs): the gradients times their cotangent.

    Raises RuntimeError when the result is differentiated: it does not know its dependence on the
    inputs, and would silently be constant.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(cotangent, count, *tensors):
        return tuple(cotangent * unit for unit in tensors[:count])

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, *_):
        raise RuntimeError(
            "this Laplacian has no second derivatives: its gradient was computed in the forward "
            "pass; differentiate once only"
        )
