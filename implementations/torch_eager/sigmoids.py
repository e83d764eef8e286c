"""The sigmoid of z and of -z, whose derivative s t keeps its digits where one of them is one.

Autograd's own, s (1 - s), does not.
"""

import torch


def sigmoids(z):
    """s(z) and s(-z), differentiable any number of times."""
    if torch.compiler.is_compiling():
        logsigmoid = torch.nn.functional.logsigmoid
        return logsigmoid(z).exp(), logsigmoid(-z).exp()
    return _Sigmoids.apply(z)


class _Sigmoids(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(z):
        return torch.sigmoid(z), torch.sigmoid(-z)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*output)
        ctx.save_for_forward(*output)

    @staticmethod
    def backward(ctx, to_s, to_t):
        s, t = ctx.saved_tensors
        return (to_s - to_t) * (s * t)

    @staticmethod
    def jvp(ctx, tangent):
        s, t = ctx.saved_tensors
        along = tangent * (s * t)
        return along, -along
