"""Quizzes in the notebook: sealed banks, answers, drawing, scoring, the player; `labkit.quiz("sorting")` opens one."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.quiz.session import Quiz


class _Quizzes(ModuleType):
    """The module itself, which can also be called: students write `labkit.quiz("sorting")`."""

    def __call__(self, name: str, folder: str | Path = ".") -> Quiz:
        """Open the quiz of the sealed bank `<name>.quiz.json` in `folder`; see `labkit.quiz.session.open_quiz`."""
        from labkit.quiz.session import open_quiz

        return open_quiz(name, folder)


sys.modules[__name__].__class__ = _Quizzes
