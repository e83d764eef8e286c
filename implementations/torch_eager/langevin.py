"""Langevin chains in torch, of numbers that nothing flows back through."""

import torch


@torch.no_grad()
def langevin(of, y, noise, uniforms, step):
    """Ends of the chains (M, *shape), and the share of steps taken.

    of: an energy of detached parameters. noise (M, k, *shape); uniforms (M, k) or None, for which
    all proposals are taken.
    """
    y, pushes = y.detach(), ((2 * step) ** 0.5 * noise.detach()).unbind(1)
    if uniforms is None:
        for push in pushes:
            y = y + (push - step * of.gradient(y))
        return y, y.new_ones(())
    return _adjusted(of, y, pushes, uniforms.unbind(1), step)


def _adjusted(of, y, pushes, uniforms, step):
    """With Metropolis corrections."""
    taken, value, gradient = [], of.energy(y), of.gradient(y)
    for push, u in zip(pushes, uniforms, strict=True):
        moved = push - step * gradient
        proposal = y + moved
        new_value, new_gradient = of.energy(proposal), of.gradient(proposal)
        forth, back = moved + step * gradient, -moved + step * new_gradient
        odds = (forth.square() - back.square()).flatten(1).sum(1) / (4 * step)
        # A NaN is taken, so that it shows.
        kept = u.log() >= value - new_value + odds
        taken.append((~kept).to(y.dtype).mean())
        value = torch.where(kept, value, new_value)
        each = (-1, *(1,) * (y.ndim - 1))
        kept, proposal = kept.reshape(each), proposal + 0 * u.reshape(each)
        y, gradient = torch.where(kept, y, proposal), torch.where(kept, gradient, new_gradient)
    return y, torch.stack(taken).mean()
