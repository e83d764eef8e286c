"""Real tensors for the operators' cases, identical on every machine.

    load("digits_gates")   (16, 1024) float32 in [0, 1]: gates of a channel-gated network x samples
    names()                every workload and what it is
    build()                train the networks again (needs torch and scikit-learn) and compare

Loading imports NumPy only; whatever trains is imported by `build` alone.
"""

from suite.workloads.store import MissingWorkload, load, names


def build(progress=print):
    """Make every workload again, keep it in the cache, and compare it with the committed one.

    progress: called with one line of text at a time.
    Returns one `regenerate.Difference` per stored tensor. Raises `ImportError` naming what to
    install when torch or scikit-learn is missing.
    """
    from suite.workloads.regenerate import build as regenerate

    return regenerate(progress)


__all__ = ["MissingWorkload", "build", "load", "names"]
