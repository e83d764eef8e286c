"""Adam over any framework's arrays, by operators alone, so that all frameworks take the same steps.

    m <- m + (1 - beta1) (g - m)        v <- beta2 v + (1 - beta2) g^2
    p <- p - rate / (1 - beta1^t)  m / (sqrt(v) / sqrt(1 - beta2^t) + eps)

in torch.optim.Adam's order of operations, from which it differs by rounding (torch fuses some of
them). Source: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2014, arXiv
1412.6980.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BETAS = (0.9, 0.999)
EPSILON = 1e-8


@dataclass
class Adam:
    """The moments of every parameter by name, and how many steps were taken."""

    taken: int = 0
    first: dict[str, Any] = field(default_factory=dict)
    second: dict[str, Any] = field(default_factory=dict)

    def step(
        self, parameters: Mapping[str, Any], gradients: Mapping[str, Any], rate: float
    ) -> dict[str, Any]:
        """The parameters after one step; arrays of any framework, not written to."""
        self.taken += 1
        (beta1, beta2), moved = BETAS, {}
        size = rate / (1 - beta1**self.taken)
        scale = (1 - beta2**self.taken) ** 0.5
        for name, gradient in gradients.items():
            m, v = self.first.get(name, 0 * gradient), self.second.get(name, 0 * gradient)
            self.first[name] = m = m + (1 - beta1) * (gradient - m)
            self.second[name] = v = v * beta2 + (1 - beta2) * gradient * gradient
            moved[name] = parameters[name] - size * m / (v**0.5 / scale + EPSILON)
        return moved
