"""A loss of data and parameters, with the data given once and for all."""

from __future__ import annotations

from typing import Any

from suite.reproduce.training import Arrays, Objective


def with_data(objective: Objective, data: Arrays) -> Objective:
    """The same loss of the parameters alone."""
    given = {name: objective.array(values) for name, values in data.items()}

    def loss(**parameters: Any) -> Any:
        return objective.loss(**given, **parameters)

    return Objective(objective.framework, loss, objective.wrt, objective.dtype, objective.device)
