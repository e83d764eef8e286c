"""The energy -log sum_k softmax(l)_k N(x; m_k, I / tau_k); theta = [l, m, log tau].

With responsibilities r_k, g_k = tau_k (x - m_k) and g = sum_k r_k g_k = dE/dx,

    H = sum_k r_k (tau_k I - g_k g_k^T) + g g^T = sum_k r_k (tau_k I - (g_k - g) (g_k - g)^T)

What ``ops`` is, ``gaussian`` says.
"""

import math


def components(ops, x, theta):
    """Logarithms of the components' weighted densities (N, K), offsets (N, K, d), tau (K,)."""
    logits, means, logs = theta
    tau, offset = ops.exp(logs), x[:, None] - means
    size = x.shape[1]
    norm = ops.log_softmax(logits) + 0.5 * size * (logs - math.log(2 * math.pi))
    return norm - 0.5 * tau * ops.sum(offset * offset, 2), offset, tau


def energy(ops, x, theta):
    """E of every sample, (N,)."""
    return -ops.logsumexp(components(ops, x, theta)[0])


def parts(ops, x, theta):
    """Responsibilities (N, K), g_k (N, K, d), g (N, d), tau (K,)."""
    logs, offset, tau = components(ops, x, theta)
    share = ops.exp(logs - ops.logsumexp(logs)[:, None])
    pulls = tau[:, None] * offset
    return share, pulls, ops.sum(share[..., None] * pulls, 1), tau


def gradient(ops, x, theta):
    """dE/dx, (N, d)."""
    return parts(ops, x, theta)[2]


def gradient_and_laplacian(ops, x, theta, block=None):
    """dE/dx, and the mean of the Laplacian over all samples, ()."""
    share, pulls, total, tau = parts(ops, x, theta)
    spread = pulls - total[:, None]
    each = x.shape[1] * tau - ops.sum(spread * spread, 2)
    return total, ops.mean(ops.sum(share * each, 1), 0)


def gradient_and_curvature(ops, x, theta, v):
    """dE/dx, and v.Hv for directions v (N, M, d), (N, M)."""
    share, pulls, total, tau = parts(ops, x, theta)
    along = ops.einsum("nkd,nmd->nmk", pulls - total[:, None], v)
    each = ops.sum(v * v, 2)[..., None] * tau - along * along
    return total, ops.sum(share[:, None] * each, 2)
