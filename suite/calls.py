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
            if is_array(value) and not owns(value):
                raise TypeError(
                    f"{name} is a {type(value).__module__}.{type(value).__qualname__}: this "
                    f"implementation of {operator} takes {framework} arrays"
                )
        try:
            check(*args, **kwargs)
        except TypeError:
            _require_arguments(operator, signature, args, kwargs)
            raise
        if check_values and not traced(*args, *kwargs.values()):
            values(*args, **kwargs)
        given = dtype_name(args[0] if args else kwargs[names[0]])
        if native_half or given not in HALF:
            return function(*args, **kwargs)
        args = tuple(cast(a, "float32") if is_array(a) else a for a in args)
        kwargs = {k: cast(a, "float32") if is_array(a) else a for k, a in kwargs.items()}
        return cast(function(*args, **kwargs), given)

    return call


def _require_arguments(
    operator: str, signature: inspect.Signature, args: tuple, kwargs: Mapping[str, Any]
) -> None:
    """Raise TypeError in the operator's name for arguments that are not those of its signature."""
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{operator}: {error}; its arguments are {operator}{signature}") from None
