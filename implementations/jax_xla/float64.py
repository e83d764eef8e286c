"""64-bit numbers inside a function of float32, whether or not jax was started with them."""

import jax


def float64():
    """A context in which jax does not turn 64-bit numbers into 32; what is traced stays so."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64

    return enable_x64()
