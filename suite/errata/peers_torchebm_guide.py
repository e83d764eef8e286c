"""Source 002, the TorchEBM developer guide: its Hessian trace, its factory and its validator.

What the listings do is done again here, on energies whose answers are known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from suite.errata.entry import Erratum, Evidence
from suite.errata.torchebm_guide import TORCH, whitened

SIZE = 32
"""Dimensions of the energy whose trace is taken in batches."""


def _trace(energy: Callable, x: Any, batch_size: int = 16) -> tuple[Any, int]:
    """The listing's trace (N,), and how often it went back through the energy's graph for it."""
    import torch

    x.requires_grad_(True)
    total, passes = torch.zeros(len(x)), 0
    (slope,) = torch.autograd.grad(energy(x).sum(), x, create_graph=True)
    for start in range(0, x.shape[1], batch_size):
        for j in range(start, min(start + batch_size, x.shape[1])):
            (row,) = torch.autograd.grad(slope[:, j].sum(), x, create_graph=True)
            total += row[:, j]
            passes += 1
    return total, passes


def _network() -> Callable:
    """E(x) = sum_h softplus(w_h . x) for 16 seeded w_h that learn."""
    import torch

    w = torch.tensor(whitened(64, 16, seed=7)[:SIZE], dtype=torch.float32, requires_grad=True)
    return lambda x: torch.nn.functional.softplus(x @ w).sum(1)


def _kept(batch_size: int) -> int:
    """Numbers that autograd keeps for the gradient of a trace."""
    import torch

    kept = 0

    def pack(tensor: Any) -> Any:
        nonlocal kept
        kept += tensor.numel()
        return tensor

    x = torch.tensor(whitened(64, SIZE), dtype=torch.float32)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        _trace(_network(), x, batch_size)
    return kept


def _batches() -> tuple[Evidence, ...]:
    import torch

    x = torch.tensor(whitened(64, SIZE), dtype=torch.float32)
    w = torch.tensor(whitened(64, 16, seed=7)[:SIZE], dtype=torch.float32)
    s = torch.sigmoid(x @ w)
    right = float((s * (1 - s) * w.square().sum(0)).sum(1).mean())
    trace, passes = _trace(_network(), x)
    return (
        Evidence("mean trace of a layer of softplus units, d = 32, float32",
                 float(trace.detach().mean()), right, 1e-5 * right),
        Evidence("passes through the graph, d = 32, batch_size = 16", passes, 2, 0),
        Evidence("numbers kept for the gradient, batch_size 1 over batch_size 32",
                 _kept(1) / _kept(SIZE), 1 / SIZE, 0.1),
    )  # fmt: skip


def _precision() -> tuple[Evidence, ...]:
    import torch

    found = []
    for dtype in (torch.float32, torch.float64):
        x = torch.tensor(whitened(10, 3), dtype=dtype)
        trace, _ = _trace(lambda x: 0.05 * x.square().sum(1), x)
        name = str(dtype).removeprefix("torch.")
        tolerance = 8 * torch.finfo(dtype).eps * 0.3
        quantity = f"trace where E = 0.05 |x|^2, d = 3, {name}"
        found.append(Evidence(quantity, float(trace[0].detach().double()), 0.3, tolerance))
    return tuple(found)


def _loss_class() -> type:
    """The listing's noise contrastive loss as an object: what it is made of, not its formula."""
    from abc import ABC

    import torch

    class Base(ABC):  # noqa: B024
        def __init__(self, energy: Any) -> None:
            self.energy_function = energy

    class NoiseContrastive(Base):
        def __init__(self, energy: Any, log_partition: float = 0.0, learn: bool = True) -> None:
            super().__init__(energy)
            level = torch.tensor([log_partition])
            if learn:
                self.log_z = torch.nn.Parameter(level)
            else:
                self.register_buffer("log_z", level)  # type: ignore[attr-defined]

    return NoiseContrastive


def _factory() -> tuple[Evidence, ...]:
    import torch

    kind, model = _loss_class(), torch.nn.Linear(2, 1)
    made = []
    for learn in (True, False):
        try:
            made.append(kind(model, learn=learn))
        except AttributeError:
            made.append(None)
    reached = {id(p) for p in getattr(made[0], "parameters", model.parameters)()}
    return (
        Evidence("objects made of 'nce'", made[0] is not None, 1, 0),
        Evidence("objects made of 'nce', learn_partition=False", made[1] is not None, 1, 0),
        Evidence("log Z among the parameters of the loss or its energy", id(made[0].log_z)
                 in reached, 1, 0),
    )  # fmt: skip


def _accepted(loss: Callable, parameters: Sequence[Any]) -> bool:
    """The listing's verdict: a single number whose backward pass leaves no gradient at None."""
    for parameter in parameters:
        parameter.grad = None
    value = loss()
    if value.numel() != 1:
        return False
    value.backward()
    return all(parameter.grad is not None for parameter in parameters)


def _validator() -> tuple[Evidence, ...]:
    import torch

    x = torch.from_numpy(whitened(10, 2))
    p = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros((), dtype=torch.float64, requires_grad=True)
    squares = x.square().sum(1)
    losses: dict[str, tuple[Callable, tuple, int]] = {
        "score matching": (lambda: (0.5 * p**2 * squares - 2 * p).mean(), (p,), 1),
        "score matching with its trace added": (
            lambda: (0.5 * p**2 * squares + 2 * p).mean(), (p,), 0),
        "score matching with its trace detached": (
            lambda: (0.5 * p**2 * squares - 2 * p.detach()).mean(), (p,), 0),
        "score matching times 0": (lambda: 0 * (0.5 * p**2 * squares - 2 * p).mean(), (p,), 0),
        "score matching times NaN": (
            lambda: math.nan * (0.5 * p**2 * squares - 2 * p).mean(), (p,), 0),
        "score matching of an energy with a constant that learns": (
            lambda: (0.5 * p**2 * squares - 2 * p).mean(), (p, bias), 1),
    }  # fmt: skip
    return tuple(
        Evidence(f"accepted: {name}", _accepted(loss, parameters), right, 0)
        for name, (loss, parameters, right) in losses.items()
    )


_WHERE = "TorchEBM developer guide, 'Loss Functions Implementation', "

ENTRIES = (
    Erratum(
        "torchebm-guide-batched-trace",
        _WHERE + "batched_hessian_trace",
        "Takes the trace of a Hessian in batches of dimensions, which saves memory.",
        "sum over batches, over j in a batch, of d(dE/dx_j)/dx_j, all graphs kept",
        "a batch's dimensions in one pass, its gradient taken before the next batch",
        "misnamed",
        "The value holds. Batches are two loops in the place of one: every dimension has a pass of "
        "its own and its graph stays, so that neither time nor memory depends on batch_size.",
        TORCH,
        _batches,
    ),
    Erratum(
        "torchebm-guide-trace-dtype",
        _WHERE + "batched_hessian_trace, torch.zeros(x.size(0), device=x.device)",
        "Returns the trace for samples of any dtype.",
        "a sum in torch's default dtype, float32",
        "a sum in the samples' dtype",
        "limit",
        "A float64 trace is rounded to float32 term by term, and so is its gradient: no finite "
        "difference can then confirm it.",
        TORCH,
        _precision,
    ),
    Erratum(
        "torchebm-guide-factory",
        _WHERE + "create_loss, NCELoss",
        "Six types of loss are made by name with options of their own.",
        "NCELoss derives from an abstract class and calls register_buffer",
        "a class that is a torch module, or log Z as an argument",
        "crash",
        "With learn_partition=False it raises. Else log Z is a parameter of no module, so that an "
        "optimizer of the energy's parameters leaves it where it was.",
        TORCH,
        _factory,
    ),
    Erratum(
        "torchebm-guide-validator",
        _WHERE + "validate_loss_gradients",
        "Tells whether a loss produces valid gradients.",
        "the loss is one number, and no gradient is None",
        "derivatives along seeded directions agree with central differences in float64",
        "misnamed",
        "It sees that gradients are there, not what they are: a wrong sign, a detached term, zeros "
        "and NaN pass. A right loss of scores fails where the energy has a constant, as every "
        "network's last bias, on which no score depends.",
        TORCH,
        _validator,
    ),
)
