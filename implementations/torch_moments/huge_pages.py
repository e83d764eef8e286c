"""Large results: memory that a CPU's kernel hands out in huge pages, which NumPy asks it for.

Torch's own allocations of tens of megabytes are given back and mapped anew each time, 4 KB by 4 KB,
which takes longer than to write them.
"""

import numpy as np
import torch

_DTYPES = {torch.float32: np.float32, torch.float64: np.float64}


def empty_rows(shape, like):
    """A contiguous tensor of that shape, uninitialised, of the dtype and device of ``like``."""
    plain = like.device.type == "cpu" and not torch.compiler.is_compiling()
    if not plain or like.dtype not in (torch.float32, torch.float64):
        return like.new_empty(shape)
    return torch.from_numpy(
        np.empty(shape, np.float64 if like.dtype == torch.float64 else np.float32)
    )
