"""torch's own random numbers: what a source drew that called torch.manual_seed."""

from __future__ import annotations

import numpy as np


class TorchStream:
    """One stream of torch's generator for the CPU, float32; every call draws what comes next."""

    def __init__(self, seed: int) -> None:
        import torch

        self._torch = torch
        self._generator = torch.Generator().manual_seed(seed)

    def uniform(self, *shape: int) -> np.ndarray:
        """torch.rand."""
        return self._torch.rand(shape, generator=self._generator).numpy()

    def normal(self, *shape: int) -> np.ndarray:
        """torch.randn."""
        return self._torch.randn(shape, generator=self._generator).numpy()
