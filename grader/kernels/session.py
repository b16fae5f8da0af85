"""What runs inside a kernel: it waits for requests of the trusted side, runs cells, calls functions, and answers.

Requests are messages (see `wire`) whose header has an `id` that is drawn by the trusted side and an `op`:

    run     {source, brief}                                          -> {outputs, count}
    call    {name, kwargs, keep}   values: the arguments             -> {error, kept}   values: result, arguments after
    method  {ref, name, kwargs}    values: the arguments             -> as call
    build   {source, recipe}       values: the keyword arguments     -> {ref} or {error}
    many    {name, cases, source, each}   values: all arguments      -> {answers, more}   values: see `many.packed`
    canary  {}                                                       -> {changed}

`many` is answered by several messages, each about the next cases, all but the last with `more`.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any

from grader.kernels import canary, process
from grader.kernels.calls import Called, call_with_values, method_of
from grader.kernels.later import Action, when_loaded
from grader.kernels.limits import Limits
from grader.kernels.many import Answer, Builder, answer_to
from grader.kernels.many_wire import Waiting, packed, unpacked_cases
from grader.kernels.paths import forget_shadowed, see_working_folder
from grader.kernels.recipes import Recipes, known
from grader.kernels.shell import Shell
from grader.kernels.stand_ins import nobody_answers
from grader.kernels.values import Handle, NotAValueError
from grader.kernels.wire import Closed, Message, WireError, dump, receive

SEED = 20_260_101
KEPT_BYTES = 64 * 2**20
LIBRARIES: dict[str, Action] = {
    "numpy": lambda numpy: numpy.random.seed(SEED),
    "torch": lambda torch: torch.manual_seed(SEED),  # by itself it begins anywhere
}


def seed_libraries() -> None:
    """Start the generators of the libraries that are loaded at the same place: what is forked inherits it.

    It is done once where kernels are forked from, as torch takes 4 ms for it.
    """
    for name, seed in LIBRARIES.items():
        if name in sys.modules:
            seed(sys.modules[name])


def reseed() -> None:
    """Start every generator at the same place in every kernel: the same submission gets the same grade."""
    random.seed(SEED)  # after a fork Python draws another seed
    for name, seed in LIBRARIES.items():
        if name not in sys.modules:
            when_loaded(name, seed)


class Session:
    """One kernel's state: its shell, and the objects that stay in it."""

    def __init__(
        self,
        connection: socket.socket,
        shell: Shell,
        limits: Limits,
        rehearsed: Recipes | None,
        untouched: Mapping[str, Any],
    ) -> None:
        self.connection, self.shell, self.limits = connection, shell, limits
        self.objects: dict[str, Any] = {}
        self.rehearsed = rehearsed
        self.recipes: Recipes | None = None
        self.builder: Builder | None = None
        self.ran = False
        self.before = dict(untouched)
        for name in ("numpy", "torch"):
            if name not in sys.modules:
                when_loaded(name, lambda module: self.before.update(canary.of_module(module.__name__)))

    def serve(self) -> None:
        """Answer requests until the trusted side goes."""
        while True:
            try:
                header, values = receive(self.connection)
            except KeyboardInterrupt:  # it came too late for the cell that it was meant for
                continue
            except (Closed, WireError):
                return
            if header["op"] == "many":
                self._answer_many(header, values)
                continue
            answer: dict[str, Any] = {}
            given: list[Any] = []
            try:
                answer, given = self.answer(header, values)
            except KeyboardInterrupt:
                answer = {"error": "KeyboardInterrupt"}
            answer["id"] = header["id"]
            self._reply(answer, given)

    def _reply(self, answer: dict[str, Any], given: list[Any]) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            data = dump(answer, given)
        except NotAValueError as refused:
            data = dump({"id": answer["id"], "error": f"no plain value ({refused})"}, [None, ()])
        self.connection.settimeout(None)
        self.connection.sendall(data)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def answer(self, header: dict[str, Any], values: list[Any]) -> Message:
        """Do what a request asks."""
        op = header["op"]
        if op == "run":
            if not self.ran:
                self.ran = True
                forget_shadowed()  # the folder was laid out after the fork
            if header["brief"]:
                with contextlib.suppress(Exception):  # what a student made of the shell shows in what it puts out
                    self.shell.shorten_errors()
            outputs = self.shell.run(header["source"], self.limits.output_bytes)
            return {"outputs": outputs, "count": self.shell.execution_count - 1}, []
        if op == "call":
            return self._call(header, values)
        if op == "method":
            target = self.objects.get(header["ref"])
            return self._called(lambda *a, **kw: method_of(target, header["name"])(*a, **kw), header, values)
        if op == "build":
            return self._build(header, values[0])
        if op == "canary":
            return {"changed": canary.changed(self.before, self.shell)}, []
        return {"error": "unknown request"}, []

    def _call(self, header: dict[str, Any], values: list[Any]) -> Message:
        function = self.shell.user_ns.get(header["name"])
        if not callable(function):
            return {"error": "NameError"}, [None, tuple(values)]
        return self._called(function, header, values)

    def _called(self, function: Any, header: dict[str, Any], values: list[Any]) -> Message:
        names = header["kwargs"]
        split = len(values) - len(names)
        kwargs = dict(zip(names, values[split:], strict=True))
        self.shell.collect(0)
        called = call_with_values(function, values[:split], kwargs, self._resolve, bool(header.get("keep")))
        if header.get("keep") and called.error is None:
            return {"error": None, "kept": self._keep(called)}, [None, called.after]
        return {"error": called.error}, [called.value, called.after]

    def _resolve(self, value: Any) -> Any:
        return self.objects.get(value.name) if type(value) is Handle else value

    def _keep(self, called: Called) -> str:
        name = f"object-{len(self.objects)}"
        self.objects[name] = called.kept
        return name

    def _answer_many(self, header: dict[str, Any], values: list[Any]) -> None:
        """Call a function for each case, and answer now and then, so that what was answered outlives what comes."""
        answers: list[Answer] = []
        waiting, cases = Waiting(), unpacked_cases(header["cases"], values)
        try:
            function = self.shell.user_ns.get(header["name"])
            build = self._builder(header["source"])
            self.shell.collect(0)
            for left, asked in zip(range(len(cases) - 1, -1, -1), cases, strict=True):
                answer = answer_to(function, asked, build) if callable(function) else Answer(None, "NameError")
                answers.append(answer)
                if answer.error == "KeyboardInterrupt":
                    break
                if left and (header["each"] or waiting.long_enough(answer)):
                    self._reply(*packed(answers, header["id"], more=True))
                    answers, waiting = [], Waiting()
        except KeyboardInterrupt:  # out of time, between two calls
            answers.append(Answer(None, "KeyboardInterrupt"))
        self._reply(*packed(answers, header["id"], more=False))

    def _builder(self, source: str) -> Builder:
        """What builds arguments for all calls of this kernel: a small model is made once for however many checks."""
        if self.builder is None:
            self.builder = Builder(lambda recipe: self._recipes(source)[recipe])
        self.builder.forget_large(KEPT_BYTES)
        return self.builder

    def _recipes(self, source: str) -> Recipes:
        """The lab's `fixtures.py`, executed once."""
        if self.recipes is None:
            self.recipes = known(source, self.rehearsed)
        return self.recipes

    def _build(self, header: dict[str, Any], kwargs: dict[str, Any]) -> Message:
        recipes = self._recipes(header["source"])
        called = call_with_values(recipes[header["recipe"]], [], kwargs, self._resolve, keep=True)
        if called.error is not None:
            return {"error": called.error}, []
        return {"error": None, "kept": self._keep(called)}, []


def main(
    connection: socket.socket,
    shell: Shell,
    limits: Limits,
    layers: str,
    rehearsed: Recipes | None,
    untouched: Mapping[str, Any],
) -> None:
    """Become a kernel; returns when the trusted side goes.

    `layers` says how a folder of the host is shown; `untouched` is the fingerprint of `canary`, taken before the fork.
    """
    nobody_answers()
    shell.attach()
    see_working_folder()
    shell.user_ns["__name__"] = "__main__"
    reseed()
    os.register_at_fork(after_in_child=connection.close)  # a process that student code forks does not answer for it
    session = Session(connection, shell, limits, rehearsed, untouched)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process.ready(connection, layers)
    session.serve()
