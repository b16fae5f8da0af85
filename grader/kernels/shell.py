"""The IPython shell of a kernel without sockets: it runs cells and collects their outputs as nbformat has them."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import traceback
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Any as AnyTrait
from traitlets import Type
from traitlets.config import Config

MAX_RICH = 4_000_000
MAX_MESSAGE = 4_000
CUT = "\n… the output was cut here …\n"


class Collector:
    """The outputs of the cell that runs; text beyond `most` bytes is dropped as it comes."""

    def __init__(self, most: int) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.text_left = most
        self.rich_left = MAX_RICH

    def stream(self, name: str, text: str) -> None:
        """Text on stdout or stderr."""
        if self.text_left <= 0:
            return
        raw = text[: self.text_left].encode("utf-8", "replace")  # no character has less than a byte
        kept = raw[: self.text_left].decode("utf-8", "ignore")
        self.text_left -= len(raw)
        if self.text_left <= 0:
            kept += CUT
        last = self.outputs[-1] if self.outputs else None
        if last is not None and last["output_type"] == "stream" and last["name"] == name:
            last["text"].append(kept)
        else:
            self.outputs.append({"output_type": "stream", "name": name, "text": [kept]})

    def rich(self, kind: str, data: Any, metadata: Any, count: int | None = None) -> None:
        """A display or a result, as a bundle of MIME types."""
        bundle = {str(mime): _plain(content) for mime, content in dict(data).items()}
        self.rich_left -= sum(len(content) for content in bundle.values())
        if self.rich_left < 0:
            self.stream("stdout", CUT)
            return
        output: dict[str, Any] = {"output_type": kind, "data": bundle, "metadata": _jsonable(metadata or {})}
        if count is not None:
            output["execution_count"] = count
        self.outputs.append(output)

    def error(self, name: str, value: str, lines: list[str]) -> None:
        """A traceback."""
        text = [str(line)[:MAX_MESSAGE] for line in lines[:200]]
        self.outputs.append(
            {"output_type": "error", "ename": name[:200], "evalue": value[:MAX_MESSAGE], "traceback": text}
        )

    def finished(self) -> list[dict[str, Any]]:
        """What was collected."""
        for output in self.outputs:
            if output["output_type"] == "stream":
                output["text"] = "".join(output["text"])
        return self.outputs


def _plain(content: Any) -> str:
    if isinstance(content, bytes):
        return base64.b64encode(content).decode("ascii")
    return content if isinstance(content, str) else json.dumps(content, default=str)


def _jsonable(metadata: Any) -> dict[str, Any]:
    try:
        text = json.dumps(metadata, default=str)
    except (TypeError, ValueError, RecursionError):
        return {}
    found = json.loads(text) if len(text) < MAX_MESSAGE else {}
    return found if isinstance(found, dict) else {}


class Stream(io.TextIOBase):
    """`sys.stdout` and `sys.stderr` of cells."""

    def __init__(self, shell: Shell, name: str) -> None:
        super().__init__()
        self._shell, self._name = shell, name

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Programs ask for it."""
        return "utf-8"

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Collect text."""
        self._shell.collector.stream(self._name, str(text))
        return len(text)


class Publisher(DisplayPublisher):  # type: ignore[misc]
    """`display(…)` goes to the collector."""

    def publish(self, data: Any, metadata: Any = None, **_: Any) -> None:
        """Collect a display."""
        self.shell.collector.rich("display_data", data, metadata)

    def clear_output(self, wait: bool = False) -> None:  # noqa: ARG002 - IPython's signature
        """Forget what the cell showed so far."""
        self.shell.collector.outputs.clear()


class Hook(DisplayHook):  # type: ignore[misc]
    """The value of a cell's last expression goes to the collector."""

    def start_displayhook(self) -> None:
        """No prompt is written."""

    def write_output_prompt(self) -> None:
        """No prompt is written."""

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        """Collect a result."""
        self.shell.collector.rich("execute_result", format_dict, md_dict, self.prompt_count)

    def finish_displayhook(self) -> None:
        """No line is ended."""


class Shell(InteractiveShell):  # type: ignore[misc]
    """IPython as a kernel has it: rich display, magics, await at top level; no sockets, no history, no terminal."""

    collector = AnyTrait()
    display_pub_class = Type(Publisher)
    displayhook_class = Type(Hook)

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
        self.collector.error(name, message, list(stb))

    def run(self, source: str, most: int) -> list[dict[str, Any]]:
        """Run one cell and return its outputs; student errors are outputs, not exceptions."""
        self.collector = Collector(most)
        sys.stdout, sys.stderr = Stream(self, "stdout"), Stream(self, "stderr")
        try:
            self.run_cell(source, store_history=True)
        except KeyboardInterrupt:
            self.collector.error("KeyboardInterrupt", "the cell was stopped", [])
        except BaseException as broken:  # noqa: BLE001 - a patched shell may raise anything
            self.collector.error(type(broken).__name__, "", traceback.format_exception_only(broken)[:1])
        return list(self.collector.finished())


def run_command(shell: InteractiveShell, command: str) -> None:
    """`!command`, by pipes: IPython's own way wants a terminal, and a sandbox has none.

    The output goes where cells print as it comes; `_exit_code` is set as IPython does: negative for a signal.
    """
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(shell.var_expand(command, depth=1), shell=True, **pipes) as process:
        assert process.stdout is not None
        try:
            for part in io.TextIOWrapper(process.stdout, encoding="utf-8", errors="replace"):
                sys.stdout.write(part)
        except KeyboardInterrupt:
            process.kill()
            raise
    shell.user_ns["_exit_code"] = process.returncode


def make_shell() -> Shell:
    """The one shell of this process, made before forking."""
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    shell: Shell = Shell.instance(config=config)
    shell.collector = Collector(0)
    return shell
