"""The students' library of any course. Everything in it loads when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from labkit import course as _course
from labkit import goes_on as _goes_on

if TYPE_CHECKING:
    from labkit.errors import LabError as LabError
    from labkit.handin import hand_in as hand_in
    from labkit.helping import explain as explain
    from labkit.helping import hint as hint
    from labkit.progress import Progress as Progress
    from labkit.quiz.session import open_quiz as quiz
    from labkit.returned import feedback as feedback
    from labkit.visible import checks as checks

# Where each public name lives; "" is a module of its own.
_HOME = {
    "LabError": "errors",
    "Progress": "progress",
    "checks": "visible",
    "explain": "helping",
    "feedback": "returned",
    "hand_in": "handin",
    "hint": "helping",
    "quiz": "",
}

__all__ = ["LabError", "Progress", "checks", "explain", "feedback", "hand_in", "hint", "quiz"]

_course.lend_modules()
_goes_on.install()


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        value = _course.find(name)
        if value is None:
            raise AttributeError(f"module 'labkit' has no attribute {name!r}")
    else:
        value = import_module(f"labkit.{home}").__dict__[name] if home else import_module(f"labkit.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
