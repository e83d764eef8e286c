"""Gradient descent over any framework's arrays: p <- p - rate g."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class GradientDescent:
    """It keeps nothing from step to step."""

    def step(
        self, parameters: Mapping[str, Any], gradients: Mapping[str, Any], rate: float
    ) -> dict[str, Any]:
        """The parameters after one step; arrays of any framework, not written to."""
        return {name: parameters[name] - rate * gradient for name, gradient in gradients.items()}
