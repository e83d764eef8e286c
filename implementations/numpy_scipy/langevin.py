"""Langevin chains in NumPy."""

import math

import numpy as np


def langevin(of, y, noise, uniforms, step):
    """Ends of the chains (M, d), and the share of steps taken.

    noise (M, k, d); uniforms (M, k) or None, for which all proposals are taken.
    """
    taken, dtype = [], y.dtype.type
    value, gradient = of.energy(y), of.gradient(y)
    for t in range(noise.shape[1]):
        moved = dtype(math.sqrt(2 * step)) * noise[:, t] - dtype(step) * gradient
        proposal = y + moved
        new_gradient = of.gradient(proposal)
        if uniforms is None:
            y, gradient = proposal, new_gradient
            continue
        new_value = of.energy(proposal)
        forth, back = moved + dtype(step) * gradient, dtype(step) * new_gradient - moved
        odds = (forth**2 - back**2).sum(1) / dtype(4 * step)
        # A NaN is taken, so that it shows.
        kept = np.log(uniforms[:, t]) >= value - new_value + odds
        proposal = proposal + 0 * uniforms[:, t, None]
        taken.append(1 - kept.mean())
        value = np.where(kept, value, new_value)
        y = np.where(kept[:, None], y, proposal)
        gradient = np.where(kept[:, None], gradient, new_gradient)
    return y, np.mean(taken) if taken else 1.0
