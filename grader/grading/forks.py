"""The server that workers are forked from: started as soon as a command knows that it will need them."""

from __future__ import annotations

import ast
import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext

from grader.threads import ONE_THREAD

WORKER = "grader.grading.worker"


def start_server(modules: Sequence[str] = ()) -> ForkServerContext:
    """Start it, where it does not run yet; it imports what workers need, and `modules`, once for all of them."""
    context = multiprocessing.get_context("forkserver")
    with one_thread_inherited():
        context.set_forkserver_preload([WORKER, *modules])
        forkserver.ensure_running()
    return context


def modules_of(files: Sequence[str]) -> list[str]:
    """What files of checks import: the server imports it once, and every worker has it.

    A file that is no Python has none; whoever loads it tells.
    """
    nodes: list[ast.stmt] = []
    for text in files:
        with contextlib.suppress(SyntaxError, ValueError):
            nodes += ast.parse(text).body
    found = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [alias.name for node in found if isinstance(node, ast.Import) for alias in node.names]
    return names + [node.module for node in found if isinstance(node, ast.ImportFrom) and node.module]


def begin(context: ForkServerContext, work: Callable[..., None], *arguments: object) -> Callable[[], None]:
    """Fork a worker that does `work`; returns how to end it at once."""
    process = context.Process(target=work, args=arguments, daemon=True)
    process.start()

    def end() -> None:
        process.kill()
        process.join()

    return end


@contextmanager
def one_thread_inherited() -> Iterator[None]:
    """Worker processes use one thread each; what the environment says of that is as before afterwards."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
