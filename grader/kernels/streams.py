"""What a cell puts out: text, displays, results and errors, as nbformat has them; collected, bounded, and in order."""

from __future__ import annotations

import base64
import codecs
import contextlib
import fcntl
import io
import json
import os
import tempfile
from collections.abc import Callable
from typing import Any

MAX_RICH = 4_000_000
MAX_MESSAGE = 4_000
CUT = "\n… the output was cut here …\n"
JSON_TYPES = ("application/json", "+json")
CHUNK = 2**20


class Collector:
    """The outputs of the cell that runs; text beyond `most` bytes is dropped as it comes."""

    def __init__(self, most: int, before: Callable[[], None] = lambda: None) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.text_left = most
        self.rich_left = MAX_RICH
        self.count: int | None = None
        self._before = before
        self._clear_next = False
        self._shown: dict[str, dict[str, Any]] = {}

    def clear(self, wait: bool) -> None:
        """Forget what the cell showed so far, at once or when the next output comes."""
        self._before()
        self._clear_next = wait
        if not wait:
            self.outputs.clear()

    def _next(self) -> None:
        """What programs wrote to descriptors comes first; then what waits to be cleared goes."""
        self._before()
        if self._clear_next:
            self._clear_next = False
            self.outputs.clear()

    def stream(self, name: str, text: str) -> None:
        """Text on stdout or stderr."""
        self._next()
        self.text(name, text)

    def text(self, name: str, text: str) -> None:
        """As `stream`, for text that a descriptor held."""
        if self.text_left <= 0 or not text:
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

    def rich(self, kind: str, data: Any, metadata: Any, count: int | None = None, shown: str = "") -> None:
        """A display or a result, as a bundle of MIME types; `shown` is its display id."""
        self._next()
        bundle = {str(mime): _plain(str(mime), content) for mime, content in dict(data).items()}
        self.rich_left -= sum(len(c) if isinstance(c, str) else len(json.dumps(c)) for c in bundle.values())
        if self.rich_left < 0:
            self.text("stdout", CUT)
            return
        output: dict[str, Any] = {"output_type": kind, "data": bundle, "metadata": _jsonable(metadata or {})}
        if count is not None:
            output["execution_count"] = count
        self.outputs.append(output)
        if shown:
            self._shown[shown] = output

    def update(self, shown: str, data: Any, metadata: Any) -> None:
        """Show something else where this cell showed the display `shown`; elsewhere nothing changes."""
        old = self._shown.get(shown)
        if old is None:
            return
        place = next((i for i, output in enumerate(self.outputs) if output is old), None)
        if place is not None:
            self.rich("display_data", data, metadata, shown=shown)
            self.outputs[place] = self.outputs.pop()

    def error(self, name: str, value: str, lines: list[str]) -> None:
        """A traceback."""
        self._next()
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


def _plain(mime: str, content: Any) -> Any:
    """Content of a bundle: text, or, where nbformat has it so, what JSON can hold."""
    if isinstance(content, bytes):
        return base64.b64encode(content).decode("ascii")
    if isinstance(content, str):
        return content
    text = json.dumps(content, default=str)
    return json.loads(text) if mime.endswith(JSON_TYPES) else text


def _jsonable(metadata: Any) -> dict[str, Any]:
    try:
        text = json.dumps(metadata, default=str)
    except (TypeError, ValueError, RecursionError):
        return {}
    found = json.loads(text) if len(text) < MAX_MESSAGE else {}
    return found if isinstance(found, dict) else {}


class Stream(io.TextIOBase):
    """`sys.stdout` and `sys.stderr` of cells, which do and say what those of an ipykernel do and say."""

    encoding = "UTF-8"
    errors = None

    def __init__(self, shell: Any, name: str) -> None:
        super().__init__()
        self._shell, self.name, self._process = shell, name, os.getpid()

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """What is written to the descriptor is collected too."""
        return 1 if self.name == "stdout" else 2

    def write(self, text: str) -> int:
        """Collect text; a process that a cell forked writes to the descriptor."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        if os.getpid() == self._process:
            self._shell.collector.stream(self.name, str(text))
        else:
            os.write(self.fileno(), text.encode("utf-8", "replace"))
        return len(text)


class Descriptor:
    """Descriptor 1 or 2 of a kernel: what programs and libraries write to it is a part of the cell's output.

    It leads to a file without a name: a pipe would need a thread to empty it, and a thread is copied by no fork.
    """

    def __init__(self, number: int, name: str) -> None:
        self._file, path = tempfile.mkstemp()
        os.unlink(path)
        fcntl.fcntl(self._file, fcntl.F_SETFL, fcntl.fcntl(self._file, fcntl.F_GETFL) | os.O_APPEND)
        os.dup2(self._file, number)
        self._name, self._read = name, 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def move(self, collector: Collector | None) -> None:
        """Give what was written since the last time to the collector, or to nobody."""
        with contextlib.suppress(OSError):  # student code can have closed it
            size = os.fstat(self._file).st_size
            while self._read < size:
                if collector is None or collector.text_left <= 0:
                    self._read = size
                    break
                part = os.pread(self._file, min(CHUNK, size - self._read), self._read)
                if not part:
                    break
                self._read += len(part)
                collector.text(self._name, self._decoder.decode(part))
            if size > CHUNK and os.fstat(self._file).st_size == self._read:
                os.ftruncate(self._file, 0)
                self._read = 0
