"""Langevin chains in torch, of numbers that nothing flows back through."""

import torch


@torch.no_grad()
def langevin(of, y, noise, uniforms, step):
    """Ends of the chains (M, *shape), and the share of steps taken.

    of: an energy of detached parameters. noise (M, k, *shape); uniforms (M, k) or None, for which
    all proposals are taken.
    """
    y, taken = y.detach(), []
    gradient = of.gradient(y)
    value = None if uniforms is None else of.energy(y)
    for t in range(noise.shape[1]):
        moved = (2 * step) ** 0.5 * noise[:, t].detach() - step * gradient
        proposal = y + moved
        new_gradient = of.gradient(proposal)
        if uniforms is None:
            y, gradient = proposal, new_gradient
            continue
        new_value = of.energy(proposal)
        forth, back = moved + step * gradient, -moved + step * new_gradient
        odds = (forth.square() - back.square()).flatten(1).sum(1) / (4 * step)
        # A NaN is taken, so that it shows.
        kept = uniforms[:, t].log() >= value - new_value + odds
        taken.append((~kept).to(y.dtype).mean())
        value = torch.where(kept, value, new_value)
        each = (-1, *(1,) * (y.ndim - 1))
        kept, proposal = kept.reshape(each), proposal + 0 * uniforms[:, t].reshape(each)
        y, gradient = torch.where(kept, y, proposal), torch.where(kept, gradient, new_gradient)
    share = torch.stack(taken).mean() if taken else torch.ones_like(noise.sum())
    return y, share
