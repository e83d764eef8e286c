"""E(x) = h sum_j ((x_j / w)^2 - 1)^2: two wells a coordinate, at +-w, a barrier of height h.

theta = [h (), w ()].
"""

from __future__ import annotations

import numpy as np

from suite.energies.jet import Jet

PARAMETERS = ("height", "width")


def jet(x, v, theta, blur) -> Jet:
    """Coordinates do not interact: curves are sums of v_j^2 f''(x_j)."""
    height, width = theta
    u = blur(blur(x) / blur(width))
    well = blur(blur(u * u) - 1)
    # f, f', f'' and f''' over h.
    f = blur(well * well)
    f1 = blur(4 * u * well / width)
    f2 = blur((12 * u * u - 4) / width**2)
    f3 = blur(24 * u / width**3)
    value = blur(height * f.sum(1))
    slope = blur(height * blur(_product(v, f1[:, None])).sum(2))
    curve = blur(height * blur(_product(v * v, f2[:, None])).sum(2))

    def pull(value_bar, slope_bar, curve_bar):
        one = value_bar[:, None]
        two = blur(_product(v, slope_bar[:, :, None]).sum(1))
        three = blur(_product(v * v, curve_bar[:, :, None]).sum(1))
        to_x = blur(height * (blur(one * f1) + blur(two * f2) + blur(three * f3)))
        to_height = (blur(one * f) + blur(two * f1) + blur(three * f2)).sum()
        narrowed = blur(one * u * f1) + blur(two * (u * f2 + f1 / width))
        narrowed = narrowed + blur(three * (u * f3 + 2 * f2 / width))
        return to_x, [blur(to_height), blur(-height * narrowed.sum())]

    return Jet(value, slope, curve, pull)


def _product(v, other):
    """v * other, 0 where v is: a NaN elsewhere does not matter to a direction without it."""
    return np.where(v == 0, 0.0, v * other)
