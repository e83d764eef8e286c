"""E(x) = -log sum_k softmax(l)_k N(x; m_k, I / tau_k): isotropic components, normalised.

theta = [l (K,), m (K, d), log tau (K,)]. exp(-E) is a density for every theta: its log Z is 0.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax, logsumexp

from suite.energies.jet import Jet

PARAMETERS = ("logits", "means", "precision_logs")


def jet(x, v, theta, blur) -> Jet:
    """With a_k the logarithm of component k, a_k' = -tau_k (x - m_k).v and a_k'' = -tau_k |v|^2."""
    logits, means, logs = theta
    size = x.shape[1]
    share = log_softmax(logits)
    tau = blur(np.exp(logs))
    offset = blur(blur(x)[:, None] - blur(means))  # (N, C, d)
    square = blur(blur(offset**2).sum(2))
    a = blur(share) + blur(size / 2 * (logs - np.log(2 * np.pi))) - blur(0.5 * tau * square)
    total = logsumexp(a, axis=1, keepdims=True)
    r = blur(np.exp(a - total))  # responsibilities (N, C)
    a1 = blur(-tau[:, None] * np.einsum("ncd,nkd->nck", blur(offset), _each(v, x)))
    a2 = blur(-tau[None, :, None] * (v**2).sum(2)[:, None])
    mean1, mean2 = (blur((r[:, :, None] * part).sum(1)) for part in (a1, a2))
    spread = a1 - mean1[:, None]
    variance = blur((r[:, :, None] * blur(spread**2)).sum(1))
    value, slope, curve = blur(-total[:, 0]), -mean1, blur(-mean2 - variance)

    def pull(value_bar, slope_bar, curve_bar):
        b, c = slope_bar[:, None], curve_bar[:, None]
        bent = blur(a2 - mean2[:, None]) + blur(spread**2) - variance[:, None]
        to_a = -r * (value_bar[:, None] + (blur(b * spread) + blur(c * bent)).sum(2))
        to_a = blur(to_a)
        to_a1 = blur(-r[:, :, None] * (b + 2 * c * spread))
        to_a2 = -r[:, :, None] * c
        along = blur(np.einsum("nck,nkd->ncd", to_a1, _each(v, x)))
        moved = blur(tau[:, None] * (blur(to_a[:, :, None] * offset) + along))
        to_logits = blur(to_a.sum(0) - np.exp(share) * to_a.sum())
        to_logs = blur(to_a * (size / 2 - 0.5 * tau * square)).sum(0)
        to_logs = to_logs + blur(to_a1 * a1).sum((0, 2)) + blur(to_a2 * a2).sum((0, 2))
        return -moved.sum(1), [to_logits, moved.sum(0), blur(to_logs)]

    return Jet(value, slope, curve, pull)


def _each(v, x):
    """Directions for every sample."""
    return np.broadcast_to(v, (len(x), *v.shape[1:]))
