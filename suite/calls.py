"""The function people import: an implementation's own, with the operator's checks before it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from suite import frameworks, operators
from suite.operators.arguments import dtype_name, is_array

HALF = ("float16", "bfloat16")


def with_checks(
    operator: str,
    framework: str,
    function: Callable[..., Any],
    *,
    check_values: bool,
    native_half: bool = False,
) -> Callable[..., Any]:
    """Wrap a raw function of an operator: checks before it, half types cast around it.

    native_half: the function takes half types itself.

    What the wrapper raises is the same for every implementation: TypeError for arguments that the
    operator does not have or that miss, and for arrays of another framework; then what the
    operator's ``check`` and (where asked for, and outside of tracing) ``check_values`` raise.
    """
    stated, adaptor = operators.get(operator), frameworks.get(framework)
    check, values = stated.check, stated.check_values
    signature = inspect.signature(check)
    names = tuple(signature.parameters)
    traced, cast, owns = adaptor.is_traced, adaptor.cast, adaptor.owns

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        for name, value in (*zip(names, args, strict=False), *kwargs.items()):
            for array in arrays_of(value):
                if not owns(array):
                    raise TypeError(
                        f"{name} is a {type(array).__module__}.{type(array).__qualname__}: this "
                        f"implementation of {operator} takes {framework} arrays"
                    )
        try:
            check(*args, **kwargs)
        except TypeError:
            _require_arguments(operator, signature, args, kwargs)
            raise
        every = [array for value in (*args, *kwargs.values()) for array in arrays_of(value)]
        if check_values and not traced(*every):
            values(*args, **kwargs)
        given = dtype_name(args[0] if args else kwargs[names[0]])
        if native_half or given not in HALF:
            return function(*args, **kwargs)
        single = functools.partial(_mapped, lambda array: cast(array, "float32"))
        returned = function(*map(single, args), **{k: single(v) for k, v in kwargs.items()})
        return _mapped(lambda array: cast(array, given), returned)

    return call


def arrays_of(value: Any) -> list[Any]:
    """The arrays that a value is or, as a list, a tuple or a dict, has."""
    if isinstance(value, (list, tuple, dict)):
        parts = value.values() if isinstance(value, dict) else value
        return [array for part in parts for array in arrays_of(part)]
    return [value] if is_array(value) else []


def _mapped(change: Callable[[Any], Any], value: Any) -> Any:
    """The value with its arrays changed, in lists, tuples and dicts too."""
    if isinstance(value, dict):
        return {name: _mapped(change, part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_mapped(change, part) for part in value)
    return change(value) if is_array(value) else value


def _require_arguments(
    operator: str, signature: inspect.Signature, args: tuple, kwargs: Mapping[str, Any]
) -> None:
    """Raise TypeError in the operator's name for arguments that are not those of its signature."""
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{operator}: {error}; its arguments are {operator}{signature}") from None
