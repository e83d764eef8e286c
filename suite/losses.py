"""Losses of energies for users: made by name, and their gradients validated.

    from suite.losses import create_loss, validate_loss_gradients

    loss = create_loss("sliced_score_matching", energy, law="rademacher")
    value, metrics = loss(x, list(model.parameters()), projections)
    validate_loss_gradients(loss, x, theta, projections=projections).require()

Every loss is an operator (``suite/operators/energy_*.py``, where arguments are explained) without
the prefix of its name, in the framework that is asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from suite import energies, frameworks, operators, registry
from suite.judge.correctness import expected, units
from suite.operators.arguments import is_array, require_choice
from suite.operators.base import Operator, cotangent, first, gathered, inputs

PREFIX = "energy_"
SHORT = {
    "mle": "maximum_likelihood",
    "cd": "contrastive_divergence",
    "nce": "noise_contrastive",
    "sm": "score_matching",
    "dsm": "denoising_score_matching",
    "ssm": "sliced_score_matching",
}
IMPLEMENTATIONS = {"torch": "torch_eager", "jax": "jax_xla", "numpy": "numpy_scipy"}
STEPS = (1e-3, 1e-4, 1e-5, 1e-6)


def names() -> tuple[str, ...]:
    """Names of all losses."""
    return tuple(n.removeprefix(PREFIX) for n in operators.names() if n.startswith(PREFIX))


@dataclass(frozen=True)
class Loss:
    """A loss of an energy with its options: loss(x, theta, <draws>) -> (value, metrics)."""

    operator: Operator
    declaration: registry.Declaration
    energy: str | Callable
    options: Mapping[str, Any]
    check_values: bool = True

    def __call__(self, x: Any, theta: Any, *draws: Any, **named: Any) -> tuple[Any, dict]:
        return self.function(x, theta, *draws, energy=self.energy, **{**self.options, **named})

    @property
    def function(self) -> Callable[..., Any]:
        """The implementation as ``suite.load`` gives it."""
        implementation = registry.load_declared(self.declaration)
        return registry.checked(implementation, check_values=self.check_values)


def create_loss(
    name: str,
    energy: str | Callable,
    *,
    framework: str = "torch",
    implementation: str | None = None,
    check_values: bool = True,
    **options: Any,
) -> Loss:
    """The loss of that name for an energy's name or a callable energy(x, *theta) -> (N,).

    name: one of :func:`names`, or its initials ("mle", "cd", "nce", "sm", "dsm", "ssm").
    implementation: else the framework's plain one. check_values: see ``suite.load``. options:
    whatever the operator takes beside x and theta ("law", "step", "sigma", ...), draws too.

    Raises ValueError for unknown names, frameworks and values of options, with the choices;
    TypeError for options that the loss does not have, and for an energy that is neither.
    """
    require_choice("name", name, (*names(), *SHORT))
    operator = operators.get(PREFIX + SHORT.get(name, name))
    require_choice("framework", framework, tuple(IMPLEMENTATIONS))
    if not callable(energy):
        if not isinstance(energy, str):
            raise TypeError(f"energy={energy!r}: expected a name or a callable energy(x, *theta)")
        require_choice("energy", energy, energies.NAMES)
    known = [p for p in inspect.signature(operator.check).parameters if p not in _GIVEN]
    if unknown := sorted(set(options) - set(known)):
        raise TypeError(f"{name} has no option {', '.join(unknown)}: expected {', '.join(known)}")
    for option, value in options.items():
        if option in operator.options:
            require_choice(option, value, operator.options[option])
    try:
        declaration = registry.find(operator.name, implementation or IMPLEMENTATIONS[framework])
    except KeyError as error:
        raise ValueError(str(error.args[0])) from None
    if declaration.framework != framework:
        raise ValueError(
            f"implementation={implementation!r} is of {declaration.framework}: expected one of "
            f"framework={framework!r}"
        )
    return Loss(operator, declaration, energy, options, check_values)


_GIVEN = ("x", "theta", "energy")


@dataclass(frozen=True)
class Validation:
    """errors: the worst of each check, by what was checked; right where none exceeds one.

    "slope of ..." in units of what central differences can tell, "analytic ..." in units of the
    operator's float64 tolerance.
    """

    errors: Mapping[str, float]

    @property
    def ok(self) -> bool:
        """Whether every check passed; a NaN did not."""
        return all(error <= 1.0 for error in self.errors.values())

    def require(self) -> None:
        """Raise ValueError with what failed."""
        failed = {name: error for name, error in self.errors.items() if not error <= 1.0}
        if failed:
            words = ", ".join(f"{name} is off by {error:.3g}" for name, error in failed.items())
            raise ValueError(f"gradients of the loss are wrong: {words} times what is allowed")


def validate_loss_gradients(
    loss: Loss,
    x: Any,
    theta: Any,
    *,
    directions: int = 8,
    seed: int = 0,
    rtol: float = 1e-6,
    **draws: Any,
) -> Validation:
    """Hold a loss's gradients to central differences in float64 and to the analytic case.

    x, theta, draws: arrays of a small problem, NumPy's or the framework's, turned to float64.
    Along ``directions`` seeded directions the derivative to x and to every array of theta must be
    that of the value, to ``rtol`` of the gradient's size; the chain of contrastive divergence is
    held where it ended. The analytic case is the operator's own, a Gaussian energy in float64.

    Raises what the loss raises for bad input.
    """
    problem = _Problem(loss, x, theta, draws)
    gradients = problem.gradients()
    rng = np.random.Generator(np.random.Philox(seed))
    errors = {}
    for name, gradient in gradients.items():
        scale = np.linalg.norm(gradient) + np.finfo(float).tiny
        worst = 0.0
        for _ in range(directions):
            along = rng.normal(size=gradient.shape)
            along = along / max(np.linalg.norm(along), np.finfo(float).tiny)
            found = [abs(problem.slope(name, along, step) - (gradient * along).sum())
                     for step in STEPS]  # fmt: skip
            # NumPy's maximum and min keep a NaN, which is no agreement.
            worst = np.maximum(worst, np.min(found) / (rtol * scale + problem.noise))
        errors[f"slope of {name}"] = float(worst)
    return Validation(errors | _analytic(loss))


class _Problem:
    """A loss as a function of flat float64 arrays, and its value where only energies move."""

    def __init__(self, loss: Loss, x: Any, theta: Any, draws: Mapping[str, Any]) -> None:
        self.loss, self.framework = loss, frameworks.get(loss.declaration.framework)
        named = isinstance(loss.energy, str)
        words = energies.parameters(str(loss.energy), len(theta)) if named else None
        self.theta = [f"theta.{w}" for w in words or (f"{i:04d}" for i in range(len(theta)))]
        arrays = {"x": x, **dict(zip(self.theta, theta, strict=True))}
        arrays |= {name: value for name, value in draws.items() if is_array(value)}
        own, numpy = self.framework.owns, self.framework.numpy
        self.arrays = {
            name: np.asarray(numpy(array) if own(array) else array, np.float64)
            for name, array in arrays.items()
        }
        self.options = {**loss.options, **{k: v for k, v in draws.items() if k not in arrays}}
        self.options["energy"] = loss.energy
        value, metrics = self._call(loss.function, self.arrays, self.options)
        self._value = self._held(metrics)
        if np.shape(value) != ():
            raise ValueError(f"the loss has shape {np.shape(value)}: expected a number, ()")
        self.noise = 1e-9 * abs(float(value)) if np.isfinite(value) else np.nan

    def _call(self, function: Callable, arrays: Mapping[str, Any], options: Mapping[str, Any]):
        returned = function(**gathered(self._native(arrays)), **options)
        value = np.asarray(self.framework.numpy(first(returned)))
        return value, returned[1] if isinstance(returned, tuple) else {}

    def _native(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.framework.array(a, "float64", "cpu") for name, a in arrays.items()}

    def gradients(self) -> dict[str, np.ndarray]:
        """Gradients to x and theta as the framework takes them."""
        wrt = ("x", *self.theta)
        function, implementation = self.loss.function, registry.load_declared(self.loss.declaration)

        def used(x: Any, theta: Any, **others: Any) -> Any:
            """The loss, in which every parameter occurs: a bias of the energy need not."""
            return first(function(x=x, theta=theta, **others)) + sum(0 * t.sum() for t in theta)

        target = self.framework.forward_backward(used, self.options, wrt, implementation.vjp)
        weight = self.framework.array(np.ones(()), "float64", "cpu")
        found = target(self._native(self.arrays), weight)[1:]
        numbers = (np.array(self.framework.numpy(value)) for value in found)
        return dict(zip(wrt, numbers, strict=True))

    def slope(self, name: str, along: np.ndarray, step: float) -> float:
        """The central difference of the value."""
        ends = ({**self.arrays, name: self.arrays[name] + s * step * along} for s in (1, -1))
        up, down = (self._value(arrays) for arrays in ends)
        return (up - down) / (2 * step)

    def _held(self, metrics: Mapping[str, Any]) -> Callable[[Mapping[str, np.ndarray]], float]:
        """The value of arrays; that of contrastive divergence with its chain where it ended."""
        function, options = self.loss.function, self.options
        if self.loss.operator.name != "energy_contrastive_divergence":
            return lambda arrays: float(self._call(function, arrays, options)[0])
        there = registry.find("energy_maximum_likelihood", self.loss.declaration.name)
        likelihood = registry.checked(registry.load_declared(there), check_values=False)
        options = {k: v for k, v in options.items() if k in ("energy", "alpha")}
        ends = np.array(self.framework.numpy(metrics["chain"]))

        def value(arrays: Mapping[str, np.ndarray]) -> float:
            kept = {name: array for name, array in arrays.items() if name in ("x", *self.theta)}
            return float(self._call(likelihood, {**kept, "negatives": ends}, options)[0])

        return value


def _analytic(loss: Loss) -> dict[str, float]:
    """The implementation's errors in the operator's Gaussian case in float64."""
    operator, framework = loss.operator, frameworks.get(loss.declaration.framework)
    case = operator.case("gaussian-float64")
    want, implementation = expected(operator, case, 0), registry.load_declared(loss.declaration)
    function = registry.checked(implementation, check_values=False)
    target = framework.forward_backward(function, case.options, case.wrt, implementation.vjp)
    arrays = {k: framework.array(v, "float64", "cpu") for k, v in inputs(operator, case, 0).items()}
    weight = framework.array(cotangent(operator, case, 0), "float64", "cpu")
    found = dict(zip(("output", *case.wrt), target(arrays, weight), strict=True))
    return {
        f"analytic {name}": float(
            units(framework.numpy(value), want.reference[name], want.allowed[name]).max()
        )
        for name, value in found.items()
    }
