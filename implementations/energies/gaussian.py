"""The energy (x - m)^T S (x - m) / 2, S the symmetric part of a precision; theta = [m, precision].

``ops`` is a framework's operations; where two names come back, they share their work.
"""


def symmetric(precision):
    """The part of a matrix that the energy sees."""
    return 0.5 * (precision + precision.T)


def energy(ops, x, theta):
    """E of every sample, (N,)."""
    offset = x - theta[0]
    return 0.5 * ops.sum(offset * (offset @ symmetric(theta[1])), 1)


def gradient(ops, x, theta):
    """dE/dx, (N, d)."""
    return (x - theta[0]) @ symmetric(theta[1])


def gradient_and_laplacian(ops, x, theta, block=None):
    """dE/dx, and the mean of the Laplacian over all samples, ()."""
    return gradient(ops, x, theta), ops.trace(theta[1])


def gradient_and_curvature(ops, x, theta, v):
    """dE/dx, and v.Hv for directions v (N, M, d), (N, M)."""
    return gradient(ops, x, theta), ops.sum(v * (v @ symmetric(theta[1])), -1)
