"""The energy h sum_j ((x_j / w)^2 - 1)^2; theta = [h, w]. What ``ops`` is, ``gaussian`` says."""


def energy(ops, x, theta):
    """E of every sample, (N,)."""
    height, width = theta
    return height * ops.sum(((x / width) ** 2 - 1) ** 2, 1)


def gradient(ops, x, theta):
    """dE/dx, (N, d)."""
    height, width = theta
    u = x / width
    return 4 * height / width * u * (u * u - 1)


def bend(x, theta):
    """Second derivatives along the coordinates, (N, d): all there are."""
    height, width = theta
    u = x / width
    return 4 * height / width**2 * (3 * u * u - 1)


def gradient_and_laplacian(ops, x, theta, block=None):
    """dE/dx, and the mean of the Laplacian over all samples, ()."""
    return gradient(ops, x, theta), ops.mean(ops.sum(bend(x, theta), 1), 0)


def gradient_and_curvature(ops, x, theta, v):
    """dE/dx, and v.Hv for directions v (N, M, d), (N, M)."""
    return gradient(ops, x, theta), ops.sum(v * v * bend(x, theta)[:, None], -1)
