"""A student's notebook as checks see it: functions to call, objects to build, values that come back."""

from __future__ import annotations

import builtins
import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from grader.checks.values import NotAValueError, copy_value, type_name


@dataclass(frozen=True)
class StudentError:
    """An exception out of student code: the name of its built-in type. The message is left out on purpose:

    student code chooses it, and it could carry hidden inputs into feedback.
    """

    kind: str

    def said(self) -> str:
        """How feedback puts it."""
        if self.kind == "NotImplementedError":
            return "It is not written yet."
        return f"It raised {self.kind}."


@dataclass(frozen=True)
class Result:
    """What one call gave: a value or an error, and the arguments before and after it."""

    value: Any
    error: StudentError | None
    args_before: tuple[Any, ...]
    args_after: tuple[Any, ...]


@dataclass(frozen=True)
class Ref:
    """An object that stays on the student's side, and its trusted `twin`, which expectations use."""

    twin: Any
    handle: Any
    owner: Student

    def get(self, attribute: str) -> Result:
        """The value of an attribute of the student's object."""
        return self.owner.call_ref(self, "__getattribute__", attribute)

    def call(self, method: str, *args: Any, **kwargs: Any) -> Result:
        """What a method of the student's object returns."""
        return self.owner.call_ref(self, method, *args, **kwargs)

    def state(self) -> Result:
        """The `state_dict` of the student's object."""
        return self.call("state_dict")


class Student(ABC):
    """Calls functions of a notebook by name; `student.top_k_filter(x, 2)` is `student.call("top_k_filter", x, 2)`."""

    @abstractmethod
    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Result:
        """Call the notebook's function `name` with copies of the arguments. Never raises for what student code does."""

    @abstractmethod
    def call_ref(self, ref: Ref, method: str, *args: Any, **kwargs: Any) -> Result:
        """Call a method of an object on the student's side."""

    @abstractmethod
    def build(self, recipe: str, /, **kwargs: Any) -> Ref:
        """Run a recipe of the lab's `fixtures.py` on both sides."""

    def __getattr__(self, name: str) -> Callable[..., Result]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self.call(name, *args, **kwargs)


class InProcess(Student):
    """A student in this very process: a notebook's namespace. For honest work only."""

    def __init__(self, namespace: Mapping[str, Any], fixtures: ModuleType | None = None) -> None:
        self._namespace = namespace
        self._fixtures = fixtures

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Result:
        """See `Student.call`."""
        function = self._namespace.get(name)
        if not callable(function):
            return Result(None, StudentError("NameError"), args, args)
        return _called(function, args, kwargs)

    def call_ref(self, ref: Ref, method: str, *args: Any, **kwargs: Any) -> Result:
        """See `Student.call_ref`."""
        return _called(getattr(ref.handle, method), args, kwargs)

    def build(self, recipe: str, /, **kwargs: Any) -> Ref:
        """See `Student.build`."""
        if self._fixtures is None:
            raise LookupError(f"This lab has no fixtures.py, so nothing can build {recipe!r}.")
        make = getattr(self._fixtures, recipe)
        return Ref(twin=make(**kwargs), handle=make(**kwargs), owner=self)


def _called(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Result:
    passed = tuple(arg.handle if isinstance(arg, Ref) else copy_value(arg) for arg in args)
    named = {key: arg.handle if isinstance(arg, Ref) else copy_value(arg) for key, arg in kwargs.items()}
    before = _plain(args, kwargs)
    value, error = None, None
    try:
        value = copy_value(function(*passed, **named))
    except NotAValueError as found:
        error = StudentError(f"no plain value ({found})")
    except BaseException as raised:  # noqa: BLE001 - student code may raise anything, SystemExit too
        error = StudentError(_public_name(raised))
    return Result(value, error, before, _plain(passed, named))


def _plain(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Copies of the plain arguments, in order; those that are no values (models) are left out."""
    kept = []
    for arg in (*args, *kwargs.values()):
        try:
            kept.append(copy_value(copy.copy(arg) if isinstance(arg, dict) else arg))
        except NotAValueError:
            continue
    return tuple(kept)


def _public_name(error: BaseException) -> str:
    """The nearest built-in type of an exception: a student's own class name is not repeated."""
    for kind in type(error).__mro__:
        if getattr(builtins, kind.__name__, None) is kind:
            return str(kind.__name__)
    return type_name(error)
