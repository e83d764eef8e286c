"""Langevin chains in jax, of numbers that nothing flows back through."""

import jax
import jax.numpy as jnp


def langevin(of, y, noise, uniforms, step):
    """Ends of the chains (M, *shape), and the share of steps taken, ().

    of: an energy of theta without gradients, as all other arguments are. noise (M, k, *shape);
    uniforms (M, k) or None, for which all proposals are taken. step ().
    """
    pushes = jnp.moveaxis(jnp.sqrt(2 * step) * noise, 1, 0)
    if uniforms is None:
        return _unadjusted(of, y, pushes, step), jnp.ones((), y.dtype)
    return _adjusted(of, y, pushes, uniforms.T, step)


def _unadjusted(of, y, pushes, step):
    def move(y, push):
        return y + (push - step * of.gradient(y)), None

    return jax.lax.scan(move, y, pushes)[0]


def _adjusted(of, y, pushes, uniforms, step):
    """With Metropolis corrections, uniforms (k, M)."""

    def each(values):
        return values.reshape(-1, *(1,) * (y.ndim - 1))

    def move(chain, drawn):
        (y, value, gradient), (push, u) = chain, drawn
        moved = push - step * gradient
        # A NaN is taken, so that it shows.
        proposal = y + moved + 0 * each(u)
        new_value, new_gradient = of.energy(proposal), of.gradient(proposal)
        forth, back = moved + step * gradient, -moved + step * new_gradient
        change = (forth * forth - back * back).reshape(len(y), -1).sum(1)
        kept = jnp.log(u) >= value - new_value + change / (4 * step)
        chain = (
            jnp.where(each(kept), y, proposal),
            jnp.where(kept, value, new_value),
            jnp.where(each(kept), gradient, new_gradient),
        )
        return chain, (~kept).astype(y.dtype).mean()

    (y, _, _), taken = jax.lax.scan(move, (y, of.energy(y), of.gradient(y)), (pushes, uniforms))
    return y, taken.mean()
