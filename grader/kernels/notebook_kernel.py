"""A kernel for one notebook that comes back: when it dies, another one runs again what later cells need."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from grader.kernels.client import CallTimeoutError, Kernel, KernelDiedError
from grader.kernels.harvest import Harvest
from grader.kernels.limits import Limits
from grader.kernels.many import Asked
from grader.kernels.values import Handle
from grader.kernels.wire import Message

T = TypeVar("T")


class NotebookKernel:
    """Runs cells and calls in one kernel after another. `events` says in plain words what went wrong, in order.

    A cell that ended a kernel, or did not end in time, is not run again.
    """

    def __init__(self, start: Callable[[], Kernel], limits: Limits) -> None:
        self.events: list[str] = []
        self.lost = 0
        self._start, self._limits = start, limits
        self._deadline = time.monotonic() + limits.submission_seconds
        self._kernel: Kernel | None = None
        self._left = Harvest()
        self._done: list[str] = []

    @property
    def generation(self) -> int:
        """The number of the kernel that answers now."""
        return self.lost

    def run(self, source: str, where: str, brief: bool = False) -> list[Any]:
        """Run one cell; `where` names it in `events`. Returns its raw outputs, with `brief` without tracebacks.

        Raises:
            KernelDiedError: it ended its kernel, or no kernel is left.
            CallTimeoutError: it was stopped.
        """
        try:
            outputs = self._alive().run(source, self._seconds(self._limits.cell_seconds), brief)
        except KernelDiedError as died:
            self._lose(f"{where}: {died}")
            raise
        except CallTimeoutError as slow:
            self.events.append(f"{where}: {slow} and was stopped")
            raise
        self._done.append(source)
        return outputs

    def call(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], keep: bool = False) -> Message:
        """See `grader.kernels.client.Kernel.call`."""
        return self._told(name, self._asked(f"a call of {name}", lambda kernel: kernel.call(name, args, kwargs, keep)))

    def call_many(
        self, name: str, calls: Sequence[Asked], take: Callable[[Message, int], int], source: str, each: bool
    ) -> bool:
        """See `grader.kernels.client.Kernel.call_many`."""

        def taking(message: Message, missing: int) -> int:
            found = take(message, missing)
            for said in message[0]["answers"]:
                self._told(name, ({"error": said[0] if type(said) is list and said else ""}, []))
            return found

        what = f"a call of {name}"
        in_time = self._asked(
            what, lambda kernel: kernel.call_many(name, calls, taking, source, each, until=self._deadline)
        )
        if not in_time:
            self.events.append(f"{what}: it took more than {self._limits.call_seconds:g} s and was stopped")
        return in_time

    def _told(self, name: str, answer: Message) -> Message:
        """Say once for each function that what it returned was refused: too large, too deep, or no plain value."""
        event = f"a call of {name}: its answer was refused, because it is no plain value"
        if str(answer[0].get("error")).startswith("no plain value") and event not in self.events:
            self.events.append(event)
        return answer

    def call_method(self, ref: Handle, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Message:
        """See `grader.kernels.client.Kernel.call_method`."""
        return self._asked(f"a call of {name}", lambda kernel: kernel.call_method(ref, name, args, kwargs))

    def build(self, source: str, recipe: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """See `grader.kernels.client.Kernel.build`."""
        return self._asked(f"building {recipe}", lambda kernel: kernel.build(source, recipe, kwargs))

    def changed(self) -> list[str]:
        """What the kernel finds tampered with in itself."""
        return self._asked("its last look at itself", lambda kernel: kernel.changed())

    @property
    def count(self) -> int | None:
        """The number of the last cell, as notebooks show it."""
        return self._kernel.count if self._kernel is not None else None

    def harvest(self) -> Harvest:
        """The files that cells made or changed: of the kernel that lives, or of the last that was lost."""
        return self._left if self._kernel is None else self._kernel.harvest()

    def close(self) -> None:
        """End the kernel."""
        if self._kernel is not None:
            self._kernel.close()
            self._kernel = None

    def _asked(self, what: str, ask: Callable[[Kernel], T]) -> T:
        try:
            return ask(self._alive())
        except KernelDiedError as died:
            self._lose(f"{what}: {died}")
            raise
        except CallTimeoutError as slow:
            self.events.append(f"{what}: {slow} and was stopped")
            raise

    def _seconds(self, wanted: float) -> float:
        return max(0.1, min(wanted, self._deadline - time.monotonic()))

    def _lose(self, event: str) -> None:
        if self._kernel is not None:
            self.events.append(event)
            self.lost += 1
            self._left = self._kernel.harvest()
        self.close()

    def _alive(self) -> Kernel:
        """The kernel, or a new one in which the earlier cells ran again.

        Raises:
            KernelDiedError: too many were lost, or the time of the submission is used up.
        """
        while self._kernel is None:
            self._refuse_more()
            self._kernel = self._start()
            try:
                for source in self._done:
                    self._kernel.run(source, self._seconds(self._limits.cell_seconds))
            except (KernelDiedError, CallTimeoutError) as died:
                self._lose(f"running the earlier cells again: {died}")
        self._refuse_more()
        return self._kernel

    def _refuse_more(self) -> None:
        if self.lost > self._limits.restarts:
            self._end(f"{self.lost} kernels were lost; the rest of the notebook was not run")
        if time.monotonic() > self._deadline:
            self._end(f"the submission took more than {self._limits.submission_seconds:g} s; the rest was not run")

    def _end(self, reason: str) -> None:
        if reason not in self.events:
            self.events.append(reason)
        self._left = self.harvest()
        self.close()
        raise KernelDiedError(reason)
