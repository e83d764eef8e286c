"""Which implementations this folder calls, and in which sizes it calls them again and again."""

from every_kernel import MOMENTS

from suite import registry
from suite.registry import Declaration

DETERMINISTIC = {("soft_histogram", "cuda_torch")}
"""Operators and implementations whose float32 answers must be equal bit for bit."""

ROWS_SAMPLES = 64, 512


def declared(framework: str = "torch") -> list[Declaration]:
    """A framework's implementations for GPUs; what runs there alone comes first."""
    found = [d for d in registry.discover() if d.framework == framework and "cuda" in d.devices]
    found = [d for d in found if not d.known_error]
    return sorted(found, key=lambda d: ("cpu" in d.devices, d.operator, d.name))


def kernels(framework: str = "torch") -> list[Declaration]:
    """Those of them that run nowhere else."""
    return [d for d in declared(framework) if "cpu" not in d.devices]


def sizes_of(declaration: Declaration) -> tuple[tuple[int, int], ...]:
    """Rows and samples to repeat calls with: deterministic histograms in fixed point, too."""
    deterministic = (declaration.operator, declaration.name) in DETERMINISTIC
    return (ROWS_SAMPLES, MOMENTS) if deterministic else (ROWS_SAMPLES,)
