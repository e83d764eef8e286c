"""Mark computed derivatives as final: differentiating them raises instead of being wrong."""

from functools import partial

import jax


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def first_order_only(operator, derivatives):
    """Return derivatives (any pytree) unchanged; differentiating them raises NotImplementedError.

    operator: the name that the message gives.
    """
    return derivatives


@first_order_only.defjvp
def _raise(operator, primals, tangents):
    raise NotImplementedError(
        f"{operator} has first derivatives only: its gradient cannot be differentiated again"
    )
