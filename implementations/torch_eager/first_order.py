"""Row-wise autograd Functions whose gradient is computed in the forward pass.

Such a gradient is a constant to autograd: differentiating it a second time would silently give
zero, so ``backward`` hands it out through :func:`once`, whose own backward raises. And as every
tensor of these Functions has the rows as its first axis, the axis of a vmap is just more rows.
"""

import torch


def once(gradient, cotangent, *inputs):
    """``gradient * cotangent`` that cannot be differentiated again; zero where the cotangent is.

    gradient: (R, N) or (R,), saved by the forward pass, infinite values allowed. cotangent: (R,) or
    the gradient's shape. inputs: the tensors (R, ...) that the gradient depends on.

    Raises RuntimeError when the result is differentiated.
    """
    if torch.compiler.is_compiling():  # AOTAutograd refuses second derivatives by itself
        return _product(gradient, cotangent)
    return _Once.apply(gradient, cotangent, *inputs)


def reads_values(tensor):
    """True where looking at a tensor's values costs nothing: on a CPU, outside a compiled graph."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def row_parameter(value, x):
    """A host scalar or a tensor () or (R,) as one value a row, (R,); host scalars in float64."""
    if not torch.is_tensor(value):
        value = torch.full((), value, dtype=torch.float64, device=x.device)
    return value.expand(x.shape[0])


def distinct(parameter):
    """A row parameter (R,) in float64, only its first value where one is shared by all rows."""
    return (parameter[:1] if parameter.stride(0) == 0 else parameter).double()


def vmap_over_rows(function, info, in_dims, *arguments):
    """Apply a Function whose tensors are all (R, ...) to batched ones, as (batch * R, ...)."""
    batch, rows = info.batch_size, None
    folded = []
    for argument, dim in zip(arguments, in_dims, strict=True):
        if torch.is_tensor(argument):
            if dim is None:
                argument = argument.expand(batch, *argument.shape)
            else:
                argument = argument.movedim(dim, 0)
            rows = argument.shape[1]
            argument = argument.reshape(batch * rows, *argument.shape[2:])
        folded.append(argument)
    outputs = function.apply(*folded)
    if torch.is_tensor(outputs):
        return outputs.unflatten(0, (batch, rows)), 0
    unfolded = tuple(o if o is None else o.unflatten(0, (batch, rows)) for o in outputs)
    return unfolded, tuple(None if o is None else 0 for o in outputs)


def batched_over_rows(function):
    """The Function with a batching rule, which Dynamo does not take: a batch is more rows."""

    class Batched(function):
        @staticmethod
        def vmap(info, in_dims, *arguments):
            return vmap_over_rows(Batched, info, in_dims, *arguments)

    return Batched


def never_twice(gradient, operator):
    """A row-wise function of tensors as one that has no derivative, so that it is never zero.

    gradient(*arguments) -> a tensor (R, ...) or several. operator: named by the error.

    Raises RuntimeError when the result is differentiated; a compiled graph, which gets the plain
    function, refuses by itself.
    """

    class NeverTwice(torch.autograd.Function):
        forward = staticmethod(gradient)

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, *_):
            raise RuntimeError(f"{operator} has no second derivatives: differentiate it once")

    apply = batched_over_rows(NeverTwice).apply

    def call(*arguments):
        return gradient(*arguments) if torch.compiler.is_compiling() else apply(*arguments)

    return call


def _product(gradient, cotangent):
    if cotangent.ndim < gradient.ndim:
        cotangent = cotangent.unsqueeze(-1)
    product = gradient * cotangent
    if reads_values(product) and not (cotangent == 0).any():
        return product
    return torch.where(cotangent == 0, torch.zeros_like(cotangent), product)


class _Once(torch.autograd.Function):
    @staticmethod
    def forward(gradient, cotangent, *inputs):
        return _product(gradient, cotangent)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, *_):
        raise RuntimeError(
            "second derivatives are not defined here: the gradient was computed in the forward "
            "pass; differentiate once only"
        )

    @staticmethod
    def vmap(info, in_dims, *arguments):
        return vmap_over_rows(_Once, info, in_dims, *arguments)
