"""Plotting positions of sorted rows in which equal samples share the mean of their positions.

Ties are looked for before they are paid for: none cost a comparison, few a correction, many an
expansion from runs to samples. On a CPU NumPy does this, whose operations cost less to start than
torch's; where values cannot be read, two running extrema do.
"""

import numpy as np
import torch

from implementations.torch_eager.first_order import reads_values


def mid_positions(samples, positions):
    """Positions (R, N) of sorted samples (R, N), or as given, (N,), where no samples are equal.

    positions: (N,), those of the ranks 1 to N, ascending.
    """
    if reads_values(samples):
        return _by_looking(samples, positions)
    rises = samples[:, 1:] != samples[:, :-1]
    edge = torch.ones_like(samples[:, :1], dtype=torch.bool)
    first = torch.where(torch.cat((edge, rises), 1), positions, 0).cummax(1).values
    last = torch.where(torch.cat((rises, edge), 1), positions, 2).flip(1).cummin(1).values.flip(1)
    return (first + last) * 0.5


def _by_looking(samples, positions):
    rows, columns = samples.shape
    flat = samples.numpy().reshape(-1)
    equal = flat[1:] == flat[:-1]  # to the next one
    equal[columns - 1 :: columns] = False
    pairs = np.flatnonzero(equal)
    if not pairs.size:
        return positions
    each = np.tile(positions.numpy(), rows)
    result = _corrected(each, pairs) if pairs.size < flat.size // 32 else _expanded(each, equal)
    return torch.from_numpy(result.reshape(rows, columns))


def _corrected(positions, pairs):
    """The mean of every run put at its members; pairs: all indices of runs but their last."""
    ends = np.flatnonzero(np.diff(pairs) != 1)
    first = pairs[np.concatenate(([0], ends + 1))]
    last = pairs[np.concatenate((ends, [-1]))] + 1
    mean = (positions[first] + positions[last]) * positions.dtype.type(0.5)
    positions[pairs] = np.repeat(mean, last - first)
    positions[last] = mean
    return positions


def _expanded(positions, equal):
    """The mean of every run, repeated as often as the run is long."""
    last = np.append(np.flatnonzero(~equal), equal.size)
    first = np.concatenate(([0], last[:-1] + 1))
    mean = (positions[first] + positions[last]) * positions.dtype.type(0.5)
    return np.repeat(mean, last - first + 1)
