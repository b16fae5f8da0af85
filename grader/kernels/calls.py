"""One call of student code with plain values: what came back, what was raised, and the arguments afterwards."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.kernels.values import NotAValueError, copy_value, type_name


@dataclass(frozen=True)
class Called:
    """The outcome of one call. `value` is plain; `kept` is the object itself where it was asked to stay."""

    value: Any
    error: str | None
    after: tuple[Any, ...]
    kept: Any = None


def call_with_values(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    resolve: Callable[[Any], Any],
    keep: bool = False,
) -> Called:
    """Call `function` with copies of the arguments; `resolve` turns a reference into the object that it names.

    It never raises for what the function does. `error` is the name of the nearest built-in type of what was raised: the
    message and the class name are left out on purpose, because student code chooses them and they could carry hidden
    inputs into feedback. With `keep`, the result may be any object, and stays in `kept`.
    """
    passed = [_passed(arg, resolve) for arg in args]
    named = {key: _passed(arg, resolve) for key, arg in kwargs.items()}
    value, error, kept = None, None, None
    try:
        result = function(*passed, **named)
        value, kept = (None, result) if keep else (copy_value(result), None)
    except NotAValueError as found:
        error = f"no plain value ({found})"
    except BaseException as raised:  # noqa: BLE001 - student code may raise anything, SystemExit too
        error = public_name(raised)
    return Called(value, error, plain_copies((*passed, *named.values())), kept)


def plain_copies(arguments: Sequence[Any]) -> tuple[Any, ...]:
    """Copies of the plain arguments, in order; those that are no values (models) are left out."""
    kept = []
    for arg in arguments:
        try:
            kept.append(copy_value(arg))
        except NotAValueError:
            continue
    return tuple(kept)


def _passed(arg: Any, resolve: Callable[[Any], Any]) -> Any:
    found = resolve(arg)
    return copy_value(arg) if found is arg else found


def public_name(error: BaseException) -> str:
    """The nearest built-in type of an exception: a student's own class name is not repeated."""
    for kind in type(error).__mro__:
        if getattr(builtins, kind.__name__, None) is kind:
            return str(kind.__name__)
    return type_name(error)


def method_of(target: Any, method: str) -> Callable[..., Any]:
    """A method of an object; its `state_dict` as a plain dict."""
    if method == "state_dict":
        return lambda: dict(target.state_dict())
    found: Callable[..., Any] = getattr(target, method)
    return found
