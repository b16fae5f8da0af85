"""Outputs of cells: those that came from a kernel, cleaned of everything active, and those of trusted checks."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from grader.checks.running import Outcome, as_mime, score
from grader.grading.quiz_outputs import made, of_points
from grader.kernels.streams import CUT

IMAGES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
MAX_OUTPUTS = 200
MAX_TEXT = 1_100_000
MAX_ERROR = 200
MAX_IMAGE = 4_000_000
MAX_LINES = 1_000
NOTEBOOK_BYTES = 8_000_000
NOTEBOOK_OUTPUTS = 4_000
LINES_CUT = "… more lines were cut …"
# What a terminal obeys (ECMA-48), but for colours, tabs, ends of lines, and what progress bars go back with.
COMMANDS = re.compile(
    r"\x1b\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-ln-~]|\x1b(?!\[[0-9;]*m)"
    r"|[\x00-\x07\x0b\x0e-\x1a\x1c-\x1f\x7f-\x9f]"
)
# Errors of cells that are no mistake of the exercise: a limit was met, or the sandbox refused something.
TROUBLE = {
    "MemoryError": "it asked for more memory than there is",
    "SystemExit": "it asked Python to end",
    "OSError": "the system refused something",
    "PermissionError": "the system refused something",
    "BlockingIOError": "the system refused something",
    "ConnectionRefusedError": "the system refused something",
}


@dataclass
class Budget:
    """What the outputs of one notebook may still take: bytes of text (UTF-8) and images, and their number."""

    bytes: int = NOTEBOOK_BYTES
    outputs: int = NOTEBOOK_OUTPUTS
    told: bool = False

    def take(self, output: NotebookNode) -> bool:
        """Whether there is room for one more output, which is then taken."""
        size = sum(map(_bytes_of, _texts_of(output)))
        if size > self.bytes or not self.outputs:
            self.bytes = 0
            return False
        self.bytes -= size
        self.outputs -= 1
        return True

    @property
    def spent(self) -> bool:
        """Whether nothing more is kept."""
        return not self.bytes or not self.outputs

    def overdrawn(self) -> list[str]:
        """In words that the budget is spent, once."""
        if not self.spent or self.told:
            return []
        self.told = True
        most = f"{NOTEBOOK_BYTES // 10**6} MB and {NOTEBOOK_OUTPUTS:,} outputs"
        return [f"all its outputs together are more than {most}: those of later cells were cut"]


def clean(raw: Sequence[Any], budget: Budget, results: bool = False) -> list[NotebookNode]:
    """Outputs as nbformat has them, from what a kernel sent: text and pixel images only, bounded by cell and notebook.

    With `results` the value of a cell stays one, which nbgrader reads as points: only for cells of ordinary tests.
    HTML, SVG, JavaScript and widgets are left out: formgrader and feedback would run them in the instructor's browser.
    """
    kept, text_left = [], MAX_TEXT
    for output in raw[:MAX_OUTPUTS]:
        found = _clean(output, results) if isinstance(output, dict) else None
        if found is None:
            continue
        if found.output_type == "stream":
            found.text = found.text[:text_left]
            text_left -= len(found.text)
        if not budget.take(found):
            if found.output_type == "error":  # what went wrong is told whatever came before, without its traceback
                kept.append(of_failure(found.ename, found.evalue[:MAX_ERROR]))
            else:
                kept.append(made("stream", name="stdout", text=CUT))
            break
        kept.append(found)
    if len(raw) > MAX_OUTPUTS:
        kept.append(made("stream", name="stdout", text=CUT))
    return kept


def _texts_of(output: NotebookNode) -> Iterator[str]:
    yield from (output.get(name, "") for name in ("text", "ename", "evalue"))
    yield from output.get("traceback", ())
    yield from output.get("data", {}).values()


def _bytes_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _clean(output: dict[str, Any], results: bool) -> NotebookNode | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return made("stream", name=name, text=_lines(_text(output.get("text"))))
    if kind == "error":
        lines = output.get("traceback")
        traceback = [_text(line)[:4_000] for line in lines[:MAX_LINES]] if isinstance(lines, list) else []
        name, value = _text(output.get("ename"))[:200], _text(output.get("evalue"))[:4_000]
        return made("error", ename=name, evalue=value, traceback=traceback or [f"{name}: {value}"])
    if kind in ("display_data", "execute_result") and isinstance(output.get("data"), dict):
        # A result is shown as a display, unless it may be points: only what nbgrader asked for may be a grade.
        data = _inert(output["data"])
        if results and kind == "execute_result" and "text/plain" in data:
            return made("execute_result", data, execution_count=1)
        return made("display_data", data) if data else None
    return None


def _inert(data: dict[Any, Any]) -> dict[str, str]:
    kept = {}
    if isinstance(data.get("text/plain"), str):
        kept["text/plain"] = _lines(_text(data["text/plain"])[:MAX_TEXT])
    for mime, magic in IMAGES.items():
        image = data.get(mime)
        content = _decoded(image) if isinstance(image, str) and len(image) <= MAX_IMAGE else b""
        if content.startswith(magic):
            kept[mime] = base64.b64encode(content).decode("ascii")  # pages hold it as it stands here
    return kept


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _text(value: Any) -> str:
    """`value` if it is text: lone surrogates, which no file can hold, replaced; of escape sequences only colours left.

    Others set titles, move the cursor or make links (OSC 8), in terminals and in some viewers.
    """
    text = value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""
    return COMMANDS.sub("", text)


def _lines(text: str) -> str:
    lines = text.split("\n", MAX_LINES)
    return text if len(lines) <= MAX_LINES else "\n".join([*lines[:MAX_LINES], LINES_CUT])


def trouble(outputs: Sequence[NotebookNode]) -> list[str]:
    """What outputs tell of limits and refusals that a cell met, in plain words."""
    names = [output.ename for output in outputs if output.output_type == "error" and output.ename in TROUBLE]
    found = [f"{TROUBLE[name]} ({name})" for name in dict.fromkeys(names)]
    streams = [output.text for output in outputs if output.output_type == "stream"]
    return found + ["its output was cut"] * any(CUT in text or LINES_CUT in text for text in streams)


def of_checks(exercise: str, outcomes: tuple[Outcome, ...], most: float) -> list[NotebookNode]:
    """What a hidden cell shows: its promises with hints, and the points, which nbgrader reads."""
    return [made("display_data", as_mime(exercise, outcomes)), of_points(min(score(outcomes), most))]


def of_failure(name: str, reason: str) -> NotebookNode:
    """An error that the engine puts where a cell gave none."""
    return made("error", ename=name, evalue=reason, traceback=[f"{name}: {reason}"])
