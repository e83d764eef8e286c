"""float64 inside a function of float32, whether or not jax was started with it."""

import jax


def float64():
    """A context in which jax does not turn float64 into float32; traced code stays as it is."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64

    return enable_x64()
