"""The server that workers are forked from: started as soon as a command knows that it will need them."""

from __future__ import annotations

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
