"""A student in another process: calls cross to a sandboxed kernel with values only; see `grader.kernels`."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, Protocol

from grader.checks.student import Ref, Result, Student, StudentError, recipe_of
from grader.kernels.calls import plain_copies
from grader.kernels.client import CallTimeoutError, KernelDiedError
from grader.kernels.many import Answer, Asked
from grader.kernels.many_wire import Calls, kept, taken
from grader.kernels.values import NOT_PLAIN, NUMPY_SCALARS, Handle
from grader.kernels.wire import Message

TIME_LIMIT, KERNEL_DIED, NOT_CALLED = "TimeLimit", "KernelDied", "NotCalled"
MAX_TIMEOUTS = 3
BUILT_IN = {name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)}
FOUND = ("set", "another kind of object", *NUMPY_SCALARS)
KNOWN_ERRORS = frozenset(BUILT_IN | {f"no plain value ({NOT_PLAIN.format(name)})" for name in FOUND})


class Kernels(Protocol):
    """What answers calls: one kernel after another, should one die. `generation` counts them."""

    @property
    def generation(self) -> int:
        """The number of the kernel that answers now."""

    def call(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], keep: bool = False) -> Message:
        """See `grader.kernels.client.Kernel.call`."""

    def call_many(
        self, name: str, calls: Sequence[Asked], take: Callable[[Message, int], int], source: str, each: bool
    ) -> bool:
        """See `grader.kernels.client.Kernel.call_many`."""

    def call_method(self, ref: Handle, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Message:
        """See `grader.kernels.client.Kernel.call_method`."""

    def build(self, source: str, recipe: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """See `grader.kernels.client.Kernel.build`."""


@dataclass(frozen=True)
class Place:
    """Where a kept object is: in which kernel, under which name."""

    generation: int
    name: str


class GoneError(Exception):
    """A reference names an object of a kernel that has died."""


class Across(Student):
    """A notebook whose functions run in a kernel of their own. Whatever comes back is an answer, never a fact."""

    def __init__(self, kernels: Kernels, fixtures: ModuleType | None = None, recipes: str = "") -> None:
        self._kernels = kernels
        self._fixtures = fixtures
        self._recipes = recipes
        self._timeouts: dict[str, int] = {}

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Result:
        """See `Student.call`."""
        return self._asked(name, args, kwargs, lambda a, kw: self._kernels.call(name, a, kw))

    def call_many(self, name: str, calls: Sequence[Asked]) -> list[Answer]:
        """See `Student.call_many`."""
        answers: list[Answer] = []
        died = False
        for part in kept(calls).parts:
            found, died = self._part(name, part, died)
            answers += found
        return answers

    def _part(self, name: str, calls: Calls, died: bool) -> tuple[list[Answer], bool]:
        """Answers to calls that fit into one message, and whether they ended a kernel.

        Where a kernel ends, what is missing is asked of the next one, which answers each call by itself: so the call
        that ends it is known. After that nothing more is asked.
        """
        answers: list[Answer] = []

        def take(message: Message, missing: int) -> int:
            found = taken(message, missing, _known)
            answers.extend(found)
            return len(found)

        each = False
        while len(answers) < len(calls) and not died and self._timeouts.get(name, 0) < MAX_TIMEOUTS:
            left = calls if not answers else calls[len(answers) :]
            try:
                in_time = self._kernels.call_many(name, left, take, self._recipes, each)
            except KernelDiedError:
                if each or len(calls) - len(answers) <= 1:
                    died = True
                    del answers[len(calls) - 1 :]
                    answers.append(Answer(None, KERNEL_DIED))
                each = True
                continue
            if not in_time:
                self._timeouts[name] = self._timeouts.get(name, 0) + 1
                if answers and answers[-1].error == "KeyboardInterrupt":
                    answers[-1] = Answer(None, TIME_LIMIT)
                elif len(answers) < len(calls):
                    answers.append(Answer(None, TIME_LIMIT))
        return answers + [Answer(None, NOT_CALLED)] * (len(calls) - len(answers)), died

    def keep(self, name: str, /, *args: Any, **kwargs: Any) -> Result:
        """See `Student.keep`."""
        return self._asked(name, args, kwargs, lambda a, kw: self._kernels.call(name, a, kw, keep=True), keep=True)

    def call_ref(self, ref: Ref, method: str, *args: Any, **kwargs: Any) -> Result:
        """See `Student.call_ref`."""
        return self._asked(
            method, args, kwargs, lambda a, kw: self._kernels.call_method(self._handle(ref), method, a, kw)
        )

    def build(self, recipe: str, /, **kwargs: Any) -> Ref:
        """See `Student.build`. A recipe that fails in the kernel gives a reference to nothing."""
        twin = partial(recipe_of(self._fixtures, recipe), **kwargs)
        try:
            kept = self._kernels.build(self._recipes, recipe, kwargs).get("kept")
        except (KernelDiedError, CallTimeoutError):
            kept = None
        return Ref(twin, Place(self._kernels.generation, kept if isinstance(kept, str) else "nothing"), self)

    def _handle(self, ref: Ref) -> Handle:
        if ref.handle.generation != self._kernels.generation:
            raise GoneError
        return Handle(ref.handle.name)

    def _asked(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        ask: Callable[[list[Any], dict[str, Any]], Message],
        keep: bool = False,
    ) -> Result:
        before = plain_copies((*args, *kwargs.values()))
        if self._timeouts.get(name, 0) >= MAX_TIMEOUTS:
            return Result(None, StudentError(TIME_LIMIT), before, before)
        try:
            passed = [self._handle(arg) if isinstance(arg, Ref) else arg for arg in args]
            named = {key: self._handle(arg) if isinstance(arg, Ref) else arg for key, arg in kwargs.items()}
            header, values = ask(passed, named)
        except CallTimeoutError:
            self._timeouts[name] = self._timeouts.get(name, 0) + 1
            return Result(None, StudentError(TIME_LIMIT), before, before)
        except (KernelDiedError, GoneError):
            return Result(None, StudentError(KERNEL_DIED), before, before)
        return self._result(header, values, before, keep)

    def _result(self, header: dict[str, Any], values: list[Any], before: tuple[Any, ...], keep: bool) -> Result:
        kind = header.get("error")
        if kind is not None:
            values = [None, values[1] if len(values) == 2 else ()]
        elif len(values) != 2:
            kind = "no plain value"
        after = values[1] if len(values) == 2 and type(values[1]) is tuple else ()
        if kind is not None:
            return Result(None, StudentError(_known(kind)), before, after)
        if keep:
            return Result(
                Ref(lambda: None, Place(self._kernels.generation, str(header.get("kept"))), self), None, before, after
            )
        return Result(values[0], None, before, after)


def _known(kind: Any) -> str:
    """The name of an error, if it is one that honest code sends: free text from a kernel must not reach feedback."""
    return kind if isinstance(kind, str) and kind in KNOWN_ERRORS else "another kind of error"
