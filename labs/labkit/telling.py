"""What an exception says to a student: its message, its line in the student's own code, and whether it is a stub's."""

from __future__ import annotations

import builtins
import linecache
import os
import sysconfig
import traceback
from pathlib import Path
from types import FrameType

from labkit.course import libraries

MAX_LINE = 200
OURS = "<visible checks>"  # the file that the code of checks says it is from
STUB_HINT = "Put your code in the place of raise NotImplementedError()."
_LIBRARIES = {str(Path(__file__).parent), *(sysconfig.get_path(p) for p in ("stdlib", "purelib", "platlib"))}


def is_kind(error: BaseException, kind: type[BaseException]) -> bool:
    """A built-in kind must be met exactly, else an unwritten stub would pass for a RuntimeError."""
    if vars(builtins).get(kind.__name__) is not kind:
        return isinstance(error, kind)
    return next(c for c in type(error).__mro__ if vars(builtins).get(c.__name__) is c) is kind


def told(error: BaseException, hint: str = "", exercise: str = "") -> tuple[list[str], str]:
    """An exception as lines (what, then where in the student's code), and the hint that fits it.

    Where it came up in another function than that of `exercise`, the line that led there is told too.
    """
    frames = student_frames(error)
    frame = frames[-1] if frames else None
    if is_stub(error):
        name = frame[0].f_code.co_name if frame else "the function"
        return [f"{name}: not written yet"], STUB_HINT
    message = (str(error).strip().splitlines() or [""])[0]
    lines = [f"{type(error).__name__}: {message}"[:MAX_LINE].removesuffix(": ")]
    if frame is not None:
        lines.append(_place(*frame))
        leading = [one for one in frames if one[0].f_code.co_name == exercise]
        if leading and frame[0].f_code.co_name != exercise:
            lines.append(f"from {_place(*leading[-1])}")
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        hint = "Is it spelt right? If so, run the cell that defines it, or Run → Run All Above Selected Cell."
    return lines, hint


def is_stub(error: BaseException) -> bool:
    """Whether a `raise NotImplementedError` was met; torch raises it too, for what it cannot compute."""
    if not isinstance(error, NotImplementedError):
        return False
    frames = student_frames(error)
    return not frames or "NotImplementedError" in (_source(*frames[-1]) or "NotImplementedError")


def student_frames(error: BaseException) -> list[tuple[FrameType, int]]:
    """The frames, with their lines, that are neither Python's, a library's, the course's nor labkit's; inmost last."""
    return [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if not _is_library(frame)]


def _is_library(frame: FrameType) -> bool:
    filename = frame.f_code.co_filename
    if filename.startswith(("<frozen", OURS)) or any(filename.startswith(f"{folder}{os.sep}") for folder in _LIBRARIES):
        return True
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in libraries()


def _place(frame: FrameType, line: int) -> str:
    name, source = frame.f_code.co_name, _source(frame, line)
    place = f"line {line} of {'this cell' if name.startswith('<') else name + '’s cell'}"
    return f"{place}: {source}"[:MAX_LINE] if source else place


def _source(frame: FrameType, line: int) -> str:
    return linecache.getline(frame.f_code.co_filename, line, frame.f_globals).strip()
