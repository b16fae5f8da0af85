"""A student's notebook as checks see it: functions to call, objects to build, values that come back."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import ModuleType
from typing import Any

from grader.kernels.calls import call_with_values, method_of, plain_copies
from grader.kernels.many import Answer, Asked, Builder, answer_to

SAID = {
    "NotImplementedError": "It is not written yet.",
    "TimeLimit": "It did not finish in time.",
    "KernelDied": "It ended the kernel.",
    "NotCalled": "It was not called: before, it had not finished in time, or had ended the kernel.",
    "NoMoreKernels": "It was not called: too many kernels had been lost before.",
}


@dataclass(frozen=True)
class StudentError:
    """An exception out of student code: the name of its built-in type, or why no answer came."""

    kind: str

    def said(self) -> str:
        """How feedback puts it."""
        return SAID.get(self.kind, f"It raised {self.kind}.")


@dataclass(frozen=True)
class Result:
    """What one call gave: a value or an error, and the arguments before and after it."""

    value: Any
    error: StudentError | None
    args_before: tuple[Any, ...]
    args_after: tuple[Any, ...]


@dataclass(frozen=True)
class Ref:
    """An object that stays on the student's side."""

    make: Callable[[], Any]
    handle: Any
    owner: Student

    @cached_property
    def twin(self) -> Any:
        """A trusted copy for expectations, where there is one: built when it is first asked for."""
        return self.make()

    def get(self, attribute: str) -> Result:
        """The value of an attribute of the student's object."""
        return self.owner.call_ref(self, "__getattribute__", attribute)

    def call(self, method: str, *args: Any, **kwargs: Any) -> Result:
        """What a method of the student's object returns."""
        return self.owner.call_ref(self, method, *args, **kwargs)

    def state(self) -> Result:
        """The `state_dict` of the student's object, as a plain dict."""
        return self.owner.call_ref(self, "state_dict")


class Student(ABC):
    """Calls functions of a notebook by name; `student.top_k_filter(x, 2)` is `student.call("top_k_filter", x, 2)`."""

    @abstractmethod
    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Result:
        """Call the notebook's function `name` with copies of the arguments. Never raises for what student code does."""

    @abstractmethod
    def call_many(self, name: str, calls: Sequence[Asked]) -> list[Answer]:
        """Call the notebook's function `name` once for each of `calls`; one answer each, whatever student code does."""

    @abstractmethod
    def keep(self, name: str, /, *args: Any, **kwargs: Any) -> Result:
        """As `call`, but whatever it returns stays on the student's side: the value of the result is a `Ref`."""

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
        self._build = Builder(lambda recipe: recipe_of(fixtures, recipe))

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Result:
        """See `Student.call`."""
        return self._named(name, args, kwargs)

    def call_many(self, name: str, calls: Sequence[Asked]) -> list[Answer]:
        """See `Student.call_many`."""
        function = self._namespace.get(name)
        if not callable(function):
            return [Answer(None, "NameError")] * len(calls)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # in a kernel they end no call either
            return [answer_to(function, asked, self._build) for asked in calls]

    def keep(self, name: str, /, *args: Any, **kwargs: Any) -> Result:
        """See `Student.keep`."""
        return self._named(name, args, kwargs, keep=True)

    def _named(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], keep: bool = False) -> Result:
        function = self._namespace.get(name)
        if not callable(function):
            return Result(None, StudentError("NameError"), args, args)
        return self._called(function, args, kwargs, keep)

    def call_ref(self, ref: Ref, method: str, *args: Any, **kwargs: Any) -> Result:
        """See `Student.call_ref`."""
        return self._called(lambda *a, **kw: method_of(ref.handle, method)(*a, **kw), args, kwargs)

    def build(self, recipe: str, /, **kwargs: Any) -> Ref:
        """See `Student.build`."""
        make = recipe_of(self._fixtures, recipe)
        return Ref(partial(make, **kwargs), make(**kwargs), self)

    def _called(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], keep: bool = False
    ) -> Result:
        before = plain_copies((*args, *kwargs.values()))
        called = call_with_values(function, args, kwargs, lambda arg: arg.handle if isinstance(arg, Ref) else arg, keep)
        error = StudentError(called.error) if called.error else None
        value = Ref(_nothing, called.kept, self) if keep and error is None else called.value
        return Result(value, error, before, called.after)


def _nothing() -> None:
    """The twin of what student code made."""


def recipe_of(fixtures: ModuleType | None, recipe: str) -> Callable[..., Any]:
    """A recipe of a lab's `fixtures.py`.

    Raises:
        LookupError: the lab has no fixtures, or none of that name.
    """
    if fixtures is None:
        raise LookupError(f"This lab has no fixtures.py, so nothing can build {recipe!r}.")
    found: Callable[..., Any] = getattr(fixtures, recipe)
    return found
