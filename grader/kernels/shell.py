"""The IPython shell of a kernel without sockets: it runs cells as an ipykernel does, and gives back their outputs."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import shutil
import subprocess
import sys
import traceback
import zlib
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Any as AnyTrait
from traitlets import Type
from traitlets.config import Config

from grader.kernels.stand_ins import KERNEL_ARGUMENTS, StandInKernel, StandInMagics
from grader.kernels.streams import Collector, Descriptor, Stream

# What an ipykernel sets: programs that cells start write in colours, and page nothing.
ENVIRONMENT = {
    "TERM": "xterm-color",
    "CLICOLOR": "1",
    "FORCE_COLOR": "1",
    "CLICOLOR_FORCE": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
}
TERMINALS = "/dev/ptmx"
HIDDEN = "ERROR: An error occurred while showtraceback was disabled"


class Publisher(DisplayPublisher):  # type: ignore[misc]
    """`display(…)` goes to the collector."""

    def publish(self, data: Any, metadata: Any = None, **more: Any) -> None:
        """Collect a display, or change one of this cell."""
        shown = str((more.get("transient") or {}).get("display_id", ""))
        if more.get("update"):
            self.shell.collector.update(shown, data, metadata)
        else:
            self.shell.collector.rich("display_data", data, metadata, shown=shown)

    def clear_output(self, wait: bool = False) -> None:
        """Forget what the cell showed so far."""
        self.shell.collector.clear(wait)


class Hook(DisplayHook):  # type: ignore[misc]
    """The value of a cell's last expression goes to the collector."""

    showing = False

    def start_displayhook(self) -> None:
        """No prompt is written."""
        self.showing = True

    def write_output_prompt(self) -> None:
        """No prompt is written."""

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        """Collect a result."""
        if format_dict:
            self.shell.collector.rich("execute_result", format_dict, md_dict, self.prompt_count)

    def finish_displayhook(self) -> None:
        """No line is ended."""
        self.showing = False


class Compiler(CachingCompiler):  # type: ignore[misc]
    """Cells are files of the names that an ipykernel gives them: warnings, and errors of threads, show these."""

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:  # noqa: ARG002 - IPython's signature
        """A name for a cell, which depends on its text."""
        return f"/tmp/ipykernel_{os.getpid()}/{zlib.crc32(raw_code.encode('utf-8', 'replace'))}.py"


class Transformers(TransformerManager):  # type: ignore[misc]
    """IPython's, which remember the last cell: each is transformed twice when it runs, and tokenized for that."""

    def __init__(self) -> None:
        super().__init__()
        self._usual = self._now()
        self._last: tuple[str | None, str] = (None, "")

    def _now(self) -> tuple[list[Any], ...]:
        return [*self.cleanup_transforms], [*self.line_transforms], [*self.token_transformers]

    def transform_cell(self, cell: str) -> str:
        """A cell as Python. Where a notebook has transformers of its own, they see it as often as they would."""
        if self._now() != self._usual:
            return str(super().transform_cell(cell))
        if self._last[0] != cell:
            self._last = cell, str(super().transform_cell(cell))
        return self._last[1]


class Shell(InteractiveShell):  # type: ignore[misc]
    """IPython as a kernel has it: rich display, magics, a running event loop; no sockets, and nobody to answer."""

    collector = AnyTrait()
    display_pub_class = Type(Publisher)
    displayhook_class = Type(Hook)
    compiler_class = Type(Compiler)
    descriptors: tuple[Descriptor, ...] = ()

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.kernel = StandInKernel(self)
        self._traceback: list[str] | None = None
        self._while_showing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self.input_transformer_manager = Transformers()

    def init_environment(self) -> None:
        """As an ipykernel has it."""
        os.environ.update(ENVIRONMENT)

    def init_virtualenv(self) -> None:
        """The interpreter's own environment is the only one."""

    def init_magics(self) -> None:
        """IPython's, and stand-ins for those that an ipykernel adds."""
        super().init_magics()
        self.register_magics(StandInMagics)
        self.magics_manager.register_alias("ed", "edit")

    def init_hooks(self) -> None:
        """There is no pager: what `name?` tells is for somebody who sits there."""
        super().init_hooks()
        self.set_hook("show_in_pager", lambda *_, **__: None, 99)

    def get_parent(self) -> dict[str, Any]:
        """The message that asked for the cell: there are none."""
        return {}

    def set_next_input(self, text: str, replace: bool = False) -> None:
        """A cell that follows this one: nobody sees it."""

    def ask_exit(self) -> None:
        """`exit` and `quit` end the cell's kernel where somebody sits there; here the next cell follows."""

    def enable_gui(self, gui: str | None = None) -> None:
        """`%matplotlib inline` asks for it; there is no screen, and figures are displays."""

    def system(self, cmd: str) -> None:
        """`!command`."""
        run_command(self, cmd)

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        name = str(getattr(etype, "__name__", etype))
        try:
            message = str(evalue)
        except Exception:  # noqa: BLE001 - student code may have written __str__
            message = ""
        self._traceback = list(stb)
        self._while_showing = self._while_showing or self.displayhook.showing
        self.collector.error(name, message, self._traceback)

    def attach(self) -> None:
        """Collect what this process, and those that it will start, write: once, in the forked kernel."""
        sys.stdout, sys.stderr = Stream(self, "stdout"), Stream(self, "stderr")
        self.descriptors = (Descriptor(1, "stdout"), Descriptor(2, "stderr"))
        sys.argv = list(KERNEL_ARGUMENTS)
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    def collect(self, most: int) -> Collector:
        """A new collector; what was written to descriptors before it came is dropped."""
        self._move_descriptors(None)
        made = Collector(most, self._drain)
        self.collector = made
        return made

    def _drain(self) -> None:
        self._move_descriptors(self.collector)

    def _move_descriptors(self, collector: Collector | None) -> None:
        for one in self.descriptors:
            one.move(collector)

    def shorten_errors(self) -> None:
        """From now on errors come without the lines that led to them, which take 25 ms to show."""
        self.InteractiveTB.set_mode("Minimal")

    def run(self, source: str, most: int) -> list[dict[str, Any]]:
        """Run one cell and return its outputs; student errors are outputs, not exceptions."""
        collector = self.collect(most)
        self._traceback, self._while_showing = None, False
        try:
            self._tell(self._executed(source))
        except KeyboardInterrupt:
            collector.error("KeyboardInterrupt", "the cell was stopped", [])
        except BaseException as broken:  # noqa: BLE001 - a patched shell may raise anything
            collector.error(type(broken).__name__, "", traceback.format_exception_only(broken)[:1])
        self._drain()
        return list(collector.finished())

    def _executed(self, source: str) -> Any:
        """The result of a cell, which an event loop runs, as in an ipykernel."""
        assert self._loop is not None
        task = self._loop.create_task(self._execute(source))
        try:
            return self._loop.run_until_complete(task)
        except KeyboardInterrupt:  # it came while the loop waited: the cell is cancelled
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                return self._loop.run_until_complete(task)
            raise

    async def _execute(self, source: str) -> Any:
        """See `do_execute` of ipykernel: cells without `await` run as they are, within the running loop."""
        transformed, failed = source, None
        try:
            transformed = self.transform_cell(source)
        except Exception:  # noqa: BLE001 - an input transformer of a student; IPython shows it
            failed = sys.exc_info()
        given = {"transformed_cell": transformed, "preprocessing_exc_tuple": failed}
        if not self.should_run_async(source, **given):
            return self.run_cell(source, store_history=True)
        result = None
        try:
            result = await self.run_cell_async(source, store_history=True, **given)
        finally:
            self.events.trigger("post_execute")
            self.events.trigger("post_run_cell", result)
        return result

    def _format_exception_for_storage(self, exception: BaseException, *_: Any, **__: Any) -> dict[str, Any]:
        """What IPython keeps of an error: as it was shown, since showing it again takes as long as the first time."""
        shown = self._traceback or traceback.format_exception_only(exception)
        return {"ename": type(exception).__name__, "evalue": str(exception), "traceback": shown}

    def _tell(self, result: Any) -> None:
        """An error that the cell had and did not show is shown, as nbgrader's Execute does with a kernel's reply."""
        error = result.error_before_exec if result.error_before_exec is not None else result.error_in_exec
        if result.success and not self._while_showing:
            return
        name = type(error).__name__
        if any(one["output_type"] == "error" and one["ename"] == name for one in self.collector.outputs):
            return
        try:
            message = str(error)
        except Exception:  # noqa: BLE001 - student code may have written __str__
            message = ""
        self.collector.error(name, message, self._traceback or [HIDDEN])


def run_command(shell: InteractiveShell, command: str) -> None:
    """`!command`, by a terminal as IPython does it, or by pipes where none is to be had.

    The output goes where cells print as it comes, with the ends of lines that a terminal makes; `_exit_code` is set as
    IPython does: negative for a signal.

    Raises:
        OSError: the command is to stay in the background.
    """
    if os.path.exists(TERMINALS):
        InteractiveShell.system_piped(shell, command)
        return
    if command.rstrip().endswith("&"):
        raise OSError("Background processes not supported.")
    program = shutil.which(os.environ.get("SHELL") or "bash") or shutil.which("sh")
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    expanded = shell.var_expand(command, depth=1)
    with subprocess.Popen(expanded, shell=True, executable=program, **pipes) as process:
        assert process.stdout is not None
        try:
            for part in io.TextIOWrapper(process.stdout, encoding="utf-8", errors="replace", newline=""):
                sys.stdout.write(part.replace("\n", "\r\n"))
        except KeyboardInterrupt:
            process.kill()
            raise
    shell.user_ns["_exit_code"] = process.returncode
    if getattr(shell, "system_raise_on_error", False) and process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


# Programs ask for these two, to know whether they are in a notebook.
Shell.__name__ = Shell.__qualname__ = "ZMQInteractiveShell"
APPLICATION = "IPKernelApp"


def make_shell() -> Shell:
    """The one shell of this process, made before forking."""
    config = Config()
    config.HistoryManager.hist_file = ":memory:"
    config[APPLICATION].connection_file = ""
    shell: Shell = Shell.instance(config=config)
    shell.collector = Collector(0)
    shell.extension_manager.load_extension("storemagic")
    try:
        raise ValueError
    except ValueError:  # the first traceback imports what shows tracebacks: before the fork
        shell.InteractiveTB.structured_traceback(*sys.exc_info())
    return shell
