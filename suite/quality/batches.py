"""Inside a worker: the gradients of many batches, one row each, carried back to the parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from suite.frameworks import Framework
from suite.operators.base import Case, Operator
from suite.operators.population import Arrays, Population
from suite.quality.settings import Setting, as_case, draw
from suite.registry import Implementation, checked

MOST_OPERATIONS = 6 * 2**32
"""A setting costs at most this many floating-point operations: 2^32 pairs of samples."""


Cotangent = np.ndarray | Callable[[np.ndarray], np.ndarray]
"""Of the output, or how it follows from the output."""

Pull = Callable[[Arrays, Mapping[str, Any], str, Cotangent], tuple[np.ndarray, np.ndarray]]
"""(arrays, options, wrt, cotangent) -> (output, gradient to wrt), both float64."""


class Unsupported(Exception):
    """The implementation cannot do it, or it is beyond what the suite asks for; says why."""


@dataclass
class Subject:
    """An implementation as a function from NumPy arrays to an output and a gradient."""

    implementation: Implementation
    framework: Framework
    operator: Operator
    device: str
    _targets: dict[tuple, Any] = field(default_factory=dict)
    _drawn: dict[tuple, tuple[Arrays, Arrays]] = field(default_factory=dict)

    @property
    def dtype(self) -> str:
        """float32, in which people train, where the implementation computes in it."""
        offered = self.implementation.declaration.dtypes
        return "float32" if "float32" in offered else offered[0]

    def forward(self, arrays: Arrays, options: Mapping[str, Any]) -> np.ndarray:
        """The output, float64."""
        target = self._target(options, "")
        return self._host(target(self._native(arrays), None)[0])

    def pull(
        self, arrays: Arrays, options: Mapping[str, Any], wrt: str, cotangent: Cotangent
    ) -> tuple[np.ndarray, np.ndarray]:
        """The output, and the gradient of sum(cotangent * output) to one array, float64."""
        if callable(cotangent):
            cotangent = cotangent(self.forward(arrays, options))
        native, push = self._native(arrays), self._array(cotangent)
        output, gradient = self._target(options, wrt)(native, push)
        return self._host(output), self._host(gradient)

    def drawn(
        self, population: Population, samples: int, part: int, rows: int
    ) -> tuple[Arrays, Arrays]:
        """Noise, and slopes dx/dtheta; kept for the next setting that draws the same."""
        key = (population.name, samples, part, rows)
        if key not in self._drawn:
            noise = draw(population, samples, part, rows)
            self._drawn = {key: (noise, population.pathwise(noise, population.parameters))}
        return self._drawn[key]

    def _target(self, options: Mapping[str, Any], wrt: str) -> Any:
        """One target per options and pass: jax compiles each once."""
        key = (repr(sorted(options.items())), wrt)
        if key not in self._targets:
            function = checked(self.implementation, check_values=False)
            self._targets[key] = (
                self.framework.forward_backward(function, options, (wrt,), self.implementation.vjp)
                if wrt
                else self.framework.forward(function, options)
            )
        return self._targets[key]

    def _native(self, arrays: Arrays) -> dict[str, Any]:
        return {name: self._array(array) for name, array in arrays.items()}

    def _array(self, array: np.ndarray) -> Any:
        return self.framework.array(array, self.dtype, self.device)

    def _host(self, array: Any) -> np.ndarray:
        return np.asarray(self.framework.numpy(array), np.float64)


def batch_gradients(subject: Subject, setting: Setting, batches: int, elements: int) -> Arrays:
    """Gradients and values of ``batches`` batches, by "gradient/component/parameter" and
    "value/component", each (batches,).

    At most ``elements`` samples are held at a time. Raises Unsupported with the reason.
    """
    rows, case = _rows_at_a_time(subject, setting, batches, elements)
    work = subject.operator.cost(case, "forward+backward").operations * (batches // rows)
    if work > MOST_OPERATIONS:
        raise Unsupported(f"{work:.1e} operations: more than {MOST_OPERATIONS:.1e}")
    shape = case.shape("output")
    parts = [_part(subject, setting, part, rows, shape) for part in range(batches // rows)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@dataclass(frozen=True)
class _Batch:
    """Rows of a population: noise, the operator's arrays, its other options, slopes dx/dtheta."""

    noise: Arrays
    arrays: Arrays
    options: dict[str, Any]
    paths: Arrays


def _batch(subject: Subject, setting: Setting, part: int, rows: int) -> _Batch:
    population, options = setting.population, setting.options
    noise, paths = subject.drawn(population, setting.samples, part, rows)
    arrays = population.arrays(noise, population.parameters, options)
    rest = {name: value for name, value in options.items() if name not in arrays}
    return _Batch(noise, arrays, rest, paths)


def _rows_at_a_time(
    subject: Subject, setting: Setting, batches: int, elements: int
) -> tuple[int, Case]:
    """The largest share of the batches that fits and that the implementation takes at once."""
    skip, operator = subject.implementation.skip, subject.operator
    reason = None
    for rows in (share for share in range(batches, 0, -1) if batches % share == 0):
        if rows * setting.samples > elements and rows > 1:
            continue
        batch = _batch(subject, setting, 0, rows)
        case = as_case(operator, batch.arrays, batch.options, setting.population.differentiated)
        reason = skip(case) if skip is not None else None
        if reason is None:
            return rows, case
    raise Unsupported(str(reason))


def _part(
    subject: Subject, setting: Setting, part: int, rows: int, shape: tuple[int, ...]
) -> Arrays:
    """Some rows: one backward pass a component, before them one forward where they need it."""
    population, parameters = setting.population, setting.population.parameters
    batch, wrt = _batch(subject, setting, part, rows), setting.population.differentiated

    def cotangents(output: np.ndarray) -> Arrays:
        return population.cotangents(output, batch.noise, parameters)

    pushes = cotangents(np.zeros(shape))
    again = cotangents(np.ones(shape))
    output = None
    if not all(np.array_equal(pushes[name], again[name]) for name in pushes):
        output = subject.forward(batch.arrays, batch.options)
        pushes = cotangents(output)
    found: Arrays = {}
    for component, push in pushes.items():
        output, gradient = subject.pull(batch.arrays, batch.options, wrt, push)
        if gradient.shape != batch.arrays[wrt].shape:
            wanted = batch.arrays[wrt].shape
            raise ValueError(f"gradient to {wrt} has shape {gradient.shape}: expected {wanted}")
        for parameter, path in batch.paths.items():
            found[f"gradient/{component}/{parameter}"] = (gradient * path).sum(axis=1)
    assert output is not None
    values = population.batch_objective(output, batch.noise, parameters)
    return found | {f"value/{name}": np.asarray(v, np.float64) for name, v in values.items()}
