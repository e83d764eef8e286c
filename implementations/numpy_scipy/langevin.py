"""Langevin chains in NumPy."""

import math

import numpy as np


def langevin(of, y, noise, uniforms, step):
    """Ends of the chains (M, d), and the share of steps taken.

    noise (M, k, d); uniforms (M, k) or None, for which all proposals are taken.
    """
    dtype = y.dtype.type
    pushes, h = dtype(math.sqrt(2 * step)) * np.moveaxis(noise, 1, 0), dtype(step)
    if uniforms is None:
        for push in pushes:
            y = y + (push - h * of.gradient(y))
        return y, 1.0
    taken, value, gradient = [], of.energy(y), of.gradient(y)
    for push, u in zip(pushes, uniforms.T, strict=True):
        moved = push - h * gradient
        proposal = y + moved
        new_value, new_gradient = of.energy(proposal), of.gradient(proposal)
        forth, back = moved + h * gradient, h * new_gradient - moved
        odds = (forth**2 - back**2).sum(1) / dtype(4 * step)
        # A NaN is taken, so that it shows.
        kept = np.log(u) >= value - new_value + odds
        proposal = proposal + 0 * u[:, None]
        taken.append(1 - kept.mean())
        value = np.where(kept, value, new_value)
        y = np.where(kept[:, None], y, proposal)
        gradient = np.where(kept[:, None], gradient, new_gradient)
    return y, np.mean(taken)
