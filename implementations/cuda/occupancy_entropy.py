"""What is launched for occupancy entropies: one block a row, several where rows are few, long."""

import ctypes
from typing import NamedTuple

from implementations.cuda.launch import POINTER, WHOLE, Launch, Parameter, storage

SOURCE = "occupancy_entropy.cu"
ESTIMATORS = {
    "sigmoid": 0,
    "mean_bernoulli": 1,
    "straight_through": 2,
    "gumbel_straight_through": 2,
}
THREADS, FINISHERS = 256, 128
"""Of a block, and of one that adds a row's blocks."""

LEAST, RESIDENT = 8192, 8
"""Samples that each of a row's blocks has at least; blocks that a processor holds at once."""

SHARE = 2048
"""Samples of the gradient that a block computes."""

REDUCTION = 4096
"""Bytes of shared memory for a block's sum."""


class Units(ctypes.Structure):
    """``Units`` in occupancy_entropy.cu."""

    _fields_ = [
        ("z", POINTER),
        ("noise", POINTER),
        ("temperature", Parameter),
        ("samples", WHOLE),
    ]


class Call(ctypes.Structure):
    """``Entropy`` in occupancy_entropy.cu."""

    _fields_ = [
        ("units", Units),
        *((name, POINTER) for name in ("value", "factor", "partial")),
        ("blocks", WHOLE),
        ("share", WHOLE),
    ]


class GradientCall(ctypes.Structure):
    """``EntropyGradient`` in occupancy_entropy.cu."""

    _fields_ = [
        ("units", Units),
        *((name, POINTER) for name in ("cotangent", "factor", "gradient")),
        ("blocks", WHOLE),
        ("share", WHOLE),
    ]


class Arrays(NamedTuple):
    """Addresses of z (R, N) and noise, 0 where there is none; temperature: ``launch.Parameter``."""

    z: int
    noise: int
    temperature: Parameter


def blocks(count, samples, device):
    """How many blocks share a row: several only where that occupies a GPU which rows do not."""
    if samples < 2 * LEAST:
        return 1
    return max(1, min(-(-samples // LEAST), RESIDENT * device.processors // count))


def values(arrays, value, factor, partial, count, samples, dtype, estimator, blocks):
    """The launches for values and factors (R,); partial: address of (R, blocks, 2) float64."""
    share = -(-samples // blocks)
    units = Units(*arrays, samples)
    call = Call(units, value, factor, partial if blocks > 1 else 0, blocks, share)
    kind = f"{storage(dtype)}, {ESTIMATORS[estimator]}"
    name = f"occupancy_sums<{kind}, {THREADS}>"
    launches = [Launch(SOURCE, name, count * blocks, THREADS, REDUCTION, call)]
    if blocks > 1:
        name = f"occupancy_finish<{kind}, {FINISHERS}>"
        launches.append(Launch(SOURCE, name, count, FINISHERS, REDUCTION, call))
    return launches


def gradient(arrays, cotangent, factor, result, count, samples, dtype, estimator):
    """The launch for the gradient (R, N) to z, for a cotangent (R,) of the values."""
    blocks = -(-samples // SHARE)
    call = GradientCall(Units(*arrays, samples), cotangent, factor, result, blocks, SHARE)
    name = f"occupancy_gradient<{storage(dtype)}, {ESTIMATORS[estimator]}>"
    return [Launch(SOURCE, name, count * blocks, min(THREADS, -(-samples // 32) * 32), 0, call)]
