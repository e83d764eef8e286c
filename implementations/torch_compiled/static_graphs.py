"""Compile a function to one graph for every combination of shapes and options, without breaks."""

import functools

import torch
import torch._dynamo.config

GRAPHS = 256
"""Graphs of one function that Dynamo may keep; at its own limit of 8 a fullgraph call raises."""


def static_graphs(function, options=None):
    """``torch.compile`` of a function, with static shapes; raises instead of breaking the graph.

    options: Inductor's, by name.
    Raises Dynamo's limit of graphs a function for the whole process, since it knows no other.
    """
    config = torch._dynamo.config
    config.recompile_limit = max(config.recompile_limit, GRAPHS)
    config.accumulated_recompile_limit = max(config.accumulated_recompile_limit, 4 * GRAPHS)
    compiled = torch.compile(function, fullgraph=True, dynamic=False, options=options)

    @functools.wraps(function)
    def call(*arguments, **named):
        arguments = [_given(argument) for argument in arguments]
        named = {name: _given(argument) for name, argument in named.items()}
        return compiled(*arguments, **named)

    return call


def _given(argument):
    """An argument as a graph gets it: contiguous if it is a tensor, each part so if it is a list.

    Inductor (torch 2.13, CPU) takes the layout over into its loops; where it makes vectors of
    transposed rows it can keep what belongs to all of them in a buffer for one.
    """
    if isinstance(argument, (list, tuple)):
        return [_given(part) for part in argument]
    argument = differentiated_once(argument)
    return argument.contiguous() if torch.is_tensor(argument) else argument


def differentiated_once(argument):
    """The same tensor, whose gradient raises when it is differentiated again.

    The backward pass of a compiled graph is itself no graph: torch refuses to differentiate it in
    ``backward()``, but ``torch.autograd.grad(..., inputs=x)`` would silently leave it out.
    """
    if not torch.is_tensor(argument) or not argument.requires_grad:
        return argument
    return argument if torch.compiler.is_compiling() else _Input.apply(argument)


def graph_input(number, x):
    """A host scalar as a tensor on x's device, since a number would be compiled into a graph."""
    if number is None or torch.is_tensor(number):
        return number
    return torch.full((), number, dtype=torch.float64, device=x.device)


class _Input(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.view_as(x)

    @staticmethod
    def backward(ctx, cotangent):
        return _Gradient.apply(ctx.saved_tensors[0], cotangent)


class _Gradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gradient):
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx, *_):
        raise RuntimeError(
            "second derivatives are not defined here: a compiled graph is differentiated once "
            "only; use the torch_eager implementation where it has second derivatives"
        )
