"""RMSprop over any framework's arrays, by operators alone, so that all take the same steps.

    v <- alpha v + (1 - alpha) g^2        p <- p - rate g / (sqrt(v) + eps)

in torch.optim.RMSprop's order of operations, from which it differs by rounding (torch fuses some of
them). Source: T. Tieleman, G. Hinton, "Lecture 6.5: RMSprop", 2012.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ALPHA = 0.99
EPSILON = 1e-8


@dataclass
class RMSprop:
    """The mean square of every parameter's gradient by name."""

    square: dict[str, Any] = field(default_factory=dict)

    def step(
        self, parameters: Mapping[str, Any], gradients: Mapping[str, Any], rate: float
    ) -> dict[str, Any]:
        """The parameters after one step; arrays of any framework, not written to."""
        moved = {}
        for name, gradient in gradients.items():
            before = self.square.get(name, 0 * gradient)
            self.square[name] = v = before * ALPHA + (1 - ALPHA) * gradient * gradient
            moved[name] = parameters[name] - rate * gradient / (v**0.5 + EPSILON)
        return moved
