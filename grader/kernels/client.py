"""The trusted side of a warm kernel: it has one forked, and talks to it within limits."""

from __future__ import annotations

import math
import os
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from grader.kernels import canary
from grader.kernels.harvest import Harvest, gather, lay_out, stamps
from grader.kernels.launch import Started
from grader.kernels.layers import one_part
from grader.kernels.limits import Limits
from grader.kernels.many import Asked
from grader.kernels.many_wire import kept
from grader.kernels.process import Process, born
from grader.kernels.values import Handle
from grader.kernels.watch import resident_mb, usage
from grader.kernels.wire import Closed, Message, TimeUp, WireError, receive, send

BIRTH_SECONDS = 30.0
GRACE_SECONDS = 2.0
LOOK_SECONDS = 0.25


class KernelDiedError(Exception):
    """The kernel is gone; the message says, in plain words, why."""


class CallTimeoutError(Exception):
    """A cell or a call did not finish in time and was stopped; the kernel lives."""


@dataclass
class Kernel:
    """One forked kernel. Every method may raise `KernelDiedError`; after that, only `close` may be called.

    Its working folder is called `folder`. What the folder `lower` of this machine holds is seen there, not copied, and
    may be written to without changing it; `files` are laid out over that. `process` is what runs it, `layers` says how
    `lower` is shown, `count` is the number of the last cell as notebooks show it, and `lost` says why it was given up.
    """

    started: Started
    limits: Limits
    files: Mapping[str, bytes] = field(default_factory=dict)
    folder: str = "work"
    lower: Path | None = None

    def __post_init__(self) -> None:
        """Have it forked.

        Raises:
            SandboxError: it could not enter its sandbox.
            LayoutError: `files` cannot be laid out.
            ValueError: `folder` cannot be the name of a folder.
        """
        self._inherited_mb, self._looked = 0.0, 0.0
        self.process = Process(0)
        self.lost = ""
        self.count: int | None = None
        name, self._scratch = one_part(self.folder), ""
        if not self.started.sandboxed:
            self._scratch = tempfile.mkdtemp(prefix="grader-kernel-")
            self._lay_below(Path(self._scratch, name))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(BIRTH_SECONDS)
        lower = str(self.lower.absolute()) if self.lower and self.started.sandboxed else ""
        request = {"op": "new", "name": name, "folder": f"{self._scratch}/{name}", "lower": lower}
        try:
            self._socket.connect(self.started.socket)
            send(self._socket, request | {"limits": asdict(self.limits)})
            deadline = time.monotonic() + BIRTH_SECONDS
            self.process = born(self._socket, deadline)
            self._inherited_mb = resident_mb(self.pid)
            lay_out(self.process.folder, self.files, self.limits)
            self._before = stamps(self.process.folder, self.limits)
        except (OSError, WireError, TimeUp) as failed:
            self.close()
            raise KernelDiedError(f"a kernel could not be started ({failed or type(failed).__name__})") from failed
        except BaseException:
            self.close()
            raise

    def _lay_below(self, folder: Path) -> None:
        """Without a sandbox nothing can be shown in a folder: what is below is copied."""
        if self.lower is None:
            folder.mkdir()
        else:
            shutil.copytree(self.lower, folder, symlinks=True)

    @property
    def layers(self) -> str:
        """How `lower` is shown in the working folder; nothing where there is none."""
        return self.process.layers

    @property
    def pid(self) -> int:
        """The number of its process, 0 before and after its life."""
        return self.process.pid

    def run(self, source: str, seconds: float | None = None, brief: bool = False) -> list[dict[str, Any]]:
        """Run a cell and return what it put out, as it was sent: look at it with `outputs.clean`.

        With `brief` an error comes without the lines that led to it.

        Raises:
            CallTimeoutError: it took too long and was stopped.
        """
        header, _ = self._ask({"op": "run", "source": source, "brief": brief}, (), seconds or self.limits.cell_seconds)
        outputs, count = header.get("outputs"), header.get("count")
        if type(outputs) is not list:
            raise self._lost("it answered a cell with something else")
        self.count = count if type(count) is int and 0 < count < 10**6 else None
        return outputs

    def call(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], keep: bool = False
    ) -> tuple[dict[str, Any], list[Any]]:
        """Call a function by name: (what was said, [value, arguments afterwards])."""
        request = {"op": "call", "name": name, "kwargs": list(kwargs), "keep": keep}
        return self._ask(request, [*args, *kwargs.values()], self.limits.call_seconds)

    def call_many(
        self,
        name: str,
        calls: Sequence[Asked],
        take: Callable[[Message, int], int],
        source: str = "",
        each: bool = False,
        until: float = math.inf,
    ) -> bool:
        """Call a function by name for each of `calls`, which fit into one message; see `many_wire`.

        `take` is given each message and the number of answers that are missing yet, and says how many it found. A call
        may take `call_seconds`, all of them no longer than `until`. `source` is the text of a `fixtures.py`; with
        `each`, the kernel answers after each call.

        Returns:
            Whether all was answered; if not, time was up for the call whose answer was the last to come, or else for
            the next one.
        """
        cases, values = kept(calls).packed
        request = secrets.token_hex(8)
        header = {"op": "many", "id": request, "name": name, "cases": cases, "source": source, "each": each}
        missing, in_time, more = len(calls), True, True
        deadline = min(time.monotonic() + self.limits.call_seconds, until)
        try:
            self._socket.settimeout(self.limits.call_seconds)
            send(self._socket, header, values)
            while more:
                try:
                    message = self._answer(request, deadline)
                except TimeUp:
                    if not in_time:
                        raise self._lost("it took too long and could not be stopped") from None
                    self.process.send(signal.SIGINT)
                    in_time, deadline = False, time.monotonic() + GRACE_SECONDS
                    continue
                missing -= take(message, missing)
                more = message[0].get("more") is True
                if more and not missing:
                    raise WireError("answers to other questions")
                deadline = min(time.monotonic() + self.limits.call_seconds, until) if in_time else deadline
        except TimeUp:
            raise self._lost("it takes nothing in") from None
        except Closed as gone:
            raise self._lost("it ended by itself") from gone
        except WireError as broken:
            raise self._lost(f"it broke the protocol: {broken}") from broken
        return in_time

    def call_method(
        self, ref: Handle, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[Any]]:
        """Call a method of an object that stays in the kernel."""
        request = {"op": "method", "ref": ref.name, "name": name, "kwargs": list(kwargs)}
        return self._ask(request, [*args, *kwargs.values()], self.limits.call_seconds)

    def build(self, source: str, recipe: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Run a recipe of a `fixtures.py` whose text is `source`."""
        request = {"op": "build", "source": source, "recipe": recipe}
        return self._ask(request, [dict(kwargs)], self.limits.call_seconds)[0]

    def changed(self) -> list[str]:
        """What the kernel finds tampered with in itself."""
        names = self._ask({"op": "canary"}, (), self.limits.call_seconds)[0].get("changed")
        if type(names) is not list or any(name not in canary.NAMES for name in names if type(name) is str):
            return ["its own report"]
        return [name for name in names if type(name) is str][:20]

    def harvest(self) -> Harvest:
        """The files of the working folder that were made or changed in it; also when the kernel was lost.

        The kernel is not asked: this side reads the folder, within `limits`.
        """
        return gather(self.process.folder, self._before, self.limits) if self.process.folder >= 0 else Harvest()

    def close(self) -> None:
        """End it, with every process that it started, and forget its files."""
        self._end()
        if self.process.folder >= 0:
            os.close(self.process.folder)
            self.process.folder = -1
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _end(self) -> None:
        self.process.send(signal.SIGKILL)
        if not self.started.sandboxed:
            self.process.end_group()
        self.process.close()
        self._socket.close()

    def _ask(self, header: dict[str, Any], values: Sequence[Any], seconds: float) -> Message:
        """Send a request and wait for its answer; when time is up, stop what runs, or else end the kernel."""
        request = secrets.token_hex(8)
        deadline = time.monotonic() + seconds
        try:
            self._socket.settimeout(seconds)
            send(self._socket, header | {"id": request}, values)
            return self._answer(request, deadline)
        except TimeUp:
            self._interrupt(request)
            raise CallTimeoutError(f"it took more than {seconds:g} s") from None
        except Closed as gone:
            raise self._lost("it ended by itself") from gone
        except WireError as broken:
            raise self._lost(f"it broke the protocol: {broken}") from broken

    def _interrupt(self, request: str) -> None:
        self.process.send(signal.SIGINT)
        try:
            self._answer(request, time.monotonic() + GRACE_SECONDS)
        except (TimeUp, WireError) as stuck:
            raise self._lost("it took too long and could not be stopped") from stuck

    def _answer(self, request: str, deadline: float) -> Message:
        header, values = receive(self._socket, deadline, self._look_at_usage)
        if header.get("id") != request:
            raise WireError("an answer to another question")
        return header, values

    def _look_at_usage(self) -> None:
        """A few times a second, however the kernel answers: what it started may work on between requests."""
        now = time.monotonic()
        if now < self._looked + LOOK_SECONDS:
            return
        group = self.process.group
        used, self._looked = usage(self.pid, self._inherited_mb, group), now
        if used is None:
            return
        limits = self.limits
        if used.memory_mb > limits.memory_mb or (group is not None and group.ran_out_of_memory()):
            raise self._lost(f"it used more than {limits.memory_mb} MB of memory")
        if used.processes > limits.running:
            raise self._lost(f"it had more than {limits.running} processes")
        if used.cpu_seconds > limits.cpu_seconds:
            raise self._lost(f"it used more than {limits.cpu_seconds} s of CPU time")
        if used.sockets > limits.sockets:
            raise self._lost(f"it had more than {limits.sockets} sockets")

    def _lost(self, reason: str) -> KernelDiedError:
        group = self.process.group
        if group is not None and group.ran_out_of_memory():
            reason = f"it used more than {self.limits.memory_mb} MB of memory"
        self._end()
        self.lost = reason
        return KernelDiedError(reason)
