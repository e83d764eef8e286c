"""Anybody's energy in torch: a callable energy(x, *theta) -> (N,), differentiated by plain autograd
where that is faster, else forward over reverse by torch.func, which composes with its transforms
and with compilers."""

import torch

from implementations.energies.networks import unit_blocks
from implementations.torch_eager import energy_operations as operations
from implementations.torch_eager.once import Once

FEW = 1 << 19
"""Elements of all directions of all samples that are turned at once, so that caches hold them."""


def _most(x):
    return max(1, FEW // x.numel())


class Called:
    """A callable with its theta; methods as of ``implementations.energies.named.Named``."""

    def __init__(self, function, theta):
        self.function, self.theta = function, theta

    def energy(self, x):
        """E of every sample, (N,)."""
        return self.function(x, *self.theta)

    def gradient(self, x):
        """dE/dx, of x's shape; by plain autograd where it can, which has less to set up."""
        if _transformed():
            return _gradient(self.function, x, self.theta)
        return _slope(self.function, _live(x), self.theta, torch.is_grad_enabled())

    def gradient_and_laplacian(self, x, block=None):
        """dE/dx, and the mean of the Laplacian over all samples, ().

        In blocks memory is bounded by theirs, unless the callable has parameters of its own, which
        only plain autograd reaches, or is being transformed or compiled.
        """
        shape, total = tuple(x.shape[1:]), 0
        if _transformed():
            for directions in unit_blocks(operations, shape, block, x):
                total = total + _curved(self.function, directions, x, self.theta)
            return self.gradient(x), total / x.shape[0]
        if block is None or self._hides_parameters(x):
            live = _live(x)
            slope = _slope(self.function, live, self.theta, True)
            for directions in unit_blocks(operations, shape, _most(x), x):
                total = total + _along(slope, live, directions)
            return _as_asked(slope), total / x.shape[0]
        wanted = torch.is_grad_enabled()
        total = _Blocks.apply(self.function, block, wanted, x, *self.theta)[0]
        return self.gradient(x), total / x.shape[0]

    def gradient_and_curvature(self, x, v):
        """dE/dx, and v.Hv for directions v (N, M, *shape), (N, M)."""
        if not _transformed():
            return self._gradient_and_curvature_backwards(_live(x), v.movedim(1, 0))

        def along(each):
            return (_turned(self.function, each, x, self.theta) * each).flatten(1).sum(1)

        return self.gradient(x), torch.func.vmap(along, in_dims=1, out_dims=1)(v)

    def _gradient_and_curvature_backwards(self, x, v):
        """The same, reverse over reverse, directions first: one gradient serves both."""
        slope = _slope(self.function, x, self.theta, True)
        turned = _pulled(slope, x, v)
        return _as_asked(slope), (turned * v).flatten(2).sum(2).T

    def _hides_parameters(self, x):
        """Whether the energy depends on something beside its arguments that learns."""
        with torch.enable_grad():
            return self.function(x[:1].detach(), *(t.detach() for t in self.theta)).requires_grad


class _Blocks(torch.autograd.Function):
    """The sum of Laplacians, and then its gradients to x and theta, block by block."""

    @staticmethod
    def forward(function, block, wanted, x, *theta):
        leaves = [t.detach().requires_grad_() for t in (x, *theta)]
        total, sums = 0, [torch.zeros_like(leaf) for leaf in leaves] if wanted else []
        slope = _slope(function, leaves[0], leaves[1:], True)
        for directions in unit_blocks(operations, tuple(x.shape[1:]), min(block, _most(x)), x):
            with torch.set_grad_enabled(wanted):
                part = _along(slope, leaves[0], directions)
            total = total + part.detach()
            if wanted and part.requires_grad:
                found = torch.autograd.grad(part, leaves, retain_graph=True, allow_unused=True)
                sums = [a if b is None else a + b for a, b in zip(sums, found, strict=True)]
        return total, *sums

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*output[1:], *inputs[3:])

    @staticmethod
    def backward(ctx, cotangent, *_):
        half = len(ctx.saved_tensors) // 2
        return None, None, None, *Once.apply(cotangent, half, *ctx.saved_tensors)


def _gradient(function, x, theta):
    return torch.func.grad(lambda x: function(x, *theta).sum())(x)


def _turned(function, each, x, theta):
    """H times a direction of every sample, of x's shape."""
    return torch.func.jvp(lambda x: _gradient(function, x, theta), (x,), (each,))[1]


def _live(x):
    """x where gradients are to reach it, else a copy that has its own."""
    return x if torch.is_grad_enabled() and x.requires_grad else x.detach().requires_grad_()


@torch.enable_grad()
def _slope(function, x, theta, graph):
    """dE/dx by plain autograd, of x that requires gradients; differentiable with ``graph``."""
    total = function(x, *theta).sum()
    if not total.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(
        total, x, create_graph=graph, allow_unused=True, materialize_grads=True
    )[0]


def _curved(function, directions, x, theta):
    """sum_n sum_v v.Hv for directions v (b, *shape), shared by all samples."""

    def along(v):
        every = v.expand(x.shape)
        return (_turned(function, every, x, theta) * every).sum()

    return torch.func.vmap(along)(directions).sum()


def _along(slope, x, directions):
    """The same by a gradient of the slope dE/dx."""
    every = directions[:, None].expand(-1, *x.shape)
    return (_pulled(slope, x, every) * every).sum()


def _pulled(slope, x, every):
    """H times every direction (M, *x.shape), by a gradient of the slope dE/dx."""
    if not slope.requires_grad:
        return torch.zeros_like(every)
    return torch.autograd.grad(
        slope, x, every, create_graph=torch.is_grad_enabled(), is_grads_batched=True,
        allow_unused=True, materialize_grads=True,
    )[0]  # fmt: skip


def _as_asked(value):
    """Without its graph where nobody wants gradients."""
    return value if torch.is_grad_enabled() else value.detach()


def _transformed():
    """Whether torch.func or a compiler is at work."""
    return torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack() is not None
