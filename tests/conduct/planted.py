"""Hostile implementation files: what each one does, and how it must be caught.

Every file is right about values, gradients or both wherever it can be, so that only what is wrong
about it can give it away.
"""

from __future__ import annotations

import dataclasses

NUMPY = """
import json, os, sys, threading, time
import numpy as np
from implementations.numpy_scipy.soft_cut import _vjp
from implementations.numpy_scipy.soft_cut import soft_cut as right
from suite.registry import implements

kept = {{}}

def vjp(cotangent, wrt, *arguments, **named):
    gradients = _vjp(cotangent, wrt, *arguments, **named)
    {backward}

{module}

@implements("soft_cut", framework="numpy", vjp=vjp)
def soft_cut(x, threshold, steepness, *, keep="above"):
    y = right(x, threshold, steepness, keep=keep)
    {forward}
"""

TORCH = """
import torch
from implementations.torch_eager.soft_cut import soft_cut as right
from suite.registry import implements

{module}

@implements("soft_cut", framework="torch")
def soft_cut(x, threshold, steepness, *, keep="above"):
    {forward}
"""

JAX = """
import jax
from implementations.jax_xla.soft_cut import soft_cut as right
from suite.registry import implements

{module}

@implements("soft_cut", framework="jax")
def soft_cut(x, threshold, steepness, *, keep="above"):
    {forward}
"""


@dataclasses.dataclass(frozen=True)
class Cheat:
    """status and words: of its cell in the pass forward+backward."""

    status: str
    words: str
    forward: str = "return y"
    backward: str = "return gradients"
    module: str = ""
    head: str = NUMPY

    def source(self, places: dict[str, str]) -> str:
        module = self.module
        for name, place in places.items():
            module = module.replace(name, place)
        return self.head.format(forward=self.forward, backward=self.backward, module=module)


LATE = """
def fill(out, y):
    time.sleep(0.02)
    out[:] = y

def started(y):
    out = np.zeros_like(y)
    threading.Thread(target=fill, args=(out, y)).start()
    return out
"""

STALE = """
seen = {}

def stale(p):
    if not torch.is_tensor(p):
        return p
    _, first = seen.setdefault(id(p), (p, p.detach().clone()))
    return first + (p - p.detach())
"""

BUSY = """
def fill(out, y, done):
    out[:] = y
    done.set()
    time.sleep(0.02)

def started(y):
    out, done = np.zeros_like(y), threading.Event()
    threading.Thread(target=fill, args=(out, y, done)).start()
    done.wait()
    return out
"""

BLIND = """
def contiguous(x):
    strides = [x.itemsize * int(np.prod(x.shape[axis + 1:])) for axis in range(x.ndim)]
    return np.lib.stride_tricks.as_strided(x, x.shape, strides)
"""

STOPPED_CLOCK = """
def perf_counter():
    return 0.0

time.perf_counter = perf_counter
"""

HALF_TIME = """
import pytest_benchmark.stats as stats
update = stats.Stats.update
stats.Stats.update = lambda self, duration: update(self, duration / 2)
"""

FORGED = """
def forge(samples, case="below-parameters"):
    plan = json.load(open(sys.argv[1]))
    record = dict(kind="cell", case=case, clock="wall", status="measured", samples=samples)
    record |= {"pass": "forward", "first_call": 0.0, "outputs": "journal-1.npz"}
    with open(os.path.join(plan["folder"], plan["lines"]), "a") as journal:
        journal.write(json.dumps(record | dict(kind="start")) + "\\n")
        journal.write(json.dumps(record) + "\\n")
"""

# Right gradients that are constants to autograd ever after.
CONSTANT_IN_TORCH = """
class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, threshold, steepness, keep):
        ctx.save_for_backward(x, threshold, steepness)
        ctx.keep = keep
        return right(x, threshold, steepness, keep=keep)

    @staticmethod
    def backward(ctx, cotangent):
        with torch.enable_grad():
            leaves = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
            y = right(*leaves, keep=ctx.keep)
            return *torch.autograd.grad(y, leaves, cotangent.detach()), None
"""

CONSTANT_IN_JAX = """
@jax.custom_vjp
def once(*arguments):
    return right(*arguments, keep="below")

def backward(arguments, cotangent):
    _, pull = jax.vjp(once.fun, *jax.lax.stop_gradient(arguments))
    return pull(cotangent)

once.defvjp(lambda *arguments: (once(*arguments), arguments), backward)
"""

_WRONG = {
    "gives_its_input": Cheat("wrong", "value", "return x.copy()"),
    "wrong_sign": Cheat("wrong", "gradient to x", backward="return tuple(-g for g in gradients)"),
    "scaled": Cheat("wrong", "gradient", backward="return tuple(1.001 * g for g in gradients)"),
    "no_gradient": Cheat("wrong", "gradient", backward="return tuple(0 * g for g in gradients)"),
    "nan_in_the_gradient": Cheat(
        "nan", "gradient to x", backward="gradients[0][3, 4] = np.nan; return gradients"
    ),
    "first_call_only": Cheat("wrong", "value", "return kept.setdefault('y', y).copy()"),
    "late_thread": Cheat("wrong", "has a thread at work", "return started(y)", module=LATE),
}

_FLAGGED = {
    "memory_of_its_input": Cheat(
        "flagged", "other values in the same memory",
        "return kept.setdefault((x.ctypes.data, x[0, 0].item(), x[-1, -1].item()), y).copy()",
    ),
    "published_shapes": Cheat(
        "flagged", "at 5x331", "return y if x.shape == (8, 512) else np.zeros_like(y)"
    ),
    "raises_elsewhere": Cheat(
        "flagged", "at 5x331: AssertionError", "assert x.shape == (8, 512); return y"
    ),
    "dies_elsewhere": Cheat(
        "flagged", "does not survive its probes: crashed, exited with 9",
        "return y if x.shape == (8, 512) else os._exit(9)",
    ),
    "contiguous_only": Cheat(
        "flagged", "is not right for strided arrays",
        "return right(contiguous(x), threshold, steepness, keep=keep)", module=BLIND,
    ),
    "changes_its_input": Cheat(
        "flagged", "changes its input x", "x[0, 0] = np.nextafter(x[0, 0], 2); return y"
    ),
    "one_buffer": Cheat(
        "flagged", "changes output after it was returned",
        "out = kept.setdefault(y.shape, np.empty_like(y)); out[:] = y; return out",
    ),
    "lazy_array": Cheat(
        "flagged", "output is a Lazy", "return y.view(Lazy)",
        module="class Lazy(np.ndarray): pass",
    ),
    "busy_thread": Cheat("flagged", "has a thread at work", "return started(y)", module=BUSY),
    "patched_perf_counter": Cheat(
        "flagged", "replaces time.perf_counter", module=STOPPED_CLOCK
    ),
    "patched_by_a_lambda": Cheat(
        "flagged", "replaces time.perf_counter", module="time.perf_counter = lambda: 0.0"
    ),
    "patched_pytest_benchmark": Cheat(
        "flagged", "replaces pytest_benchmark.stats.Stats.update", module=HALF_TIME
    ),
    "slow_with_half_the_time": Cheat(
        "flagged", "its clock says", "time.sleep(0.003); return y", module=HALF_TIME
    ),
    "patched_cuda_event": Cheat(
        "flagged", "replaces torch.cuda.Event.elapsed_time",
        "return right(x, threshold, steepness, keep=keep)",
        module="torch.cuda.Event.elapsed_time = lambda self, other: 1e-6", head=TORCH,
    ),
    "single_precision": Cheat(
        "flagged", "is not right for below-parameters at 5x331",
        "return right(x.astype('f4'), np.float32(threshold), np.float32(steepness), "
        "keep=keep).astype(x.dtype)",
    ),
    "noisy": Cheat(
        "flagged", "other bits for the same input: output",
        "return (y * (1 + 3e-7 * np.random.random(y.shape))).astype(y.dtype)",
    ),
    "imports_the_reference": Cheat(
        "flagged", "imports suite.operators.soft_cut",
        module="from suite.operators.soft_cut import reference",
    ),
    "edits_a_run": Cheat(
        "flagged", "writes into the results: ", module="open('A_RUN/run.json', 'a').write(' ')"
    ),
    "identity_of_its_input": Cheat(
        "flagged", "other values in the same memory",
        "return right(x, threshold, stale(steepness), keep=keep)",
        module=STALE, head=TORCH,
    ),
    "zero_second_derivative_in_torch": Cheat(
        "flagged", "gives zero for second derivatives",
        "return Once.apply(x, *(torch.as_tensor(p, dtype=x.dtype) for p in (threshold, steepness)),"
        " keep)",
        module=CONSTANT_IN_TORCH, head=TORCH,
    ),
    "zero_second_derivative_in_jax": Cheat(
        "flagged", "gives zero for second derivatives",
        "arguments = x, threshold, steepness; "
        "return once(*arguments) if keep == 'below' else right(*arguments, keep=keep)",
        module=CONSTANT_IN_JAX, head=JAX,
    ),
}  # fmt: skip

_STOPPED = {
    "calls_the_reference": Cheat(
        "error", "may not use the reference",
        "return registry.operators.get('soft_cut').reference(x, threshold, steepness, keep=keep)",
        module="from suite import registry",
    ),
    "forges_a_cell": Cheat(
        "error", "a cell that nobody asked for", module=FORGED + "forge([1e-9] * 30, 'float16')"
    ),
    "forges_impossible_times": Cheat(
        "error", "times that are no positive numbers", module=FORGED + "forge([0.0] * 30)"
    ),
    "forges_a_second_record": Cheat(
        "error", "a second record", "forge([1e-9] * 30); return y", module=FORGED
    ),
    "breaks_its_journal": Cheat(
        "error", "a record of kind 'unreadable'",
        module=FORGED.replace('json.dumps(record)', '"no record"') + "forge([])",
    ),
    "leaves_in_peace": Cheat("crashed", "ended early without a word", "os._exit(0)"),
}  # fmt: skip

CHEATS: dict[str, Cheat] = {**_WRONG, **_FLAGGED, **_STOPPED}
