"""The line of a quiz's hidden cell on the plain road: score the attempts beside the notebook, and show the result."""

from __future__ import annotations

import html
from functools import lru_cache
from pathlib import Path

from grader.course.paths import Course, find_course
from grader.quizzes.kept import load_kept
from grader.quizzes.score import QuizScore, score_attempts
from labkit.quiz.bank import load_bank

ATTEMPTS_FILE = "attempts.jsonl"


def run_quiz(lab: str, bank: str) -> float:
    """Score `attempts.jsonl` of the working directory, show the verdict, and return the points as a built-in float.

    It never raises: nbgrader gives full marks for odd results. The engines that keep student code apart do not run it:
    they give the bytes of the submission to `score_attempts` themselves.
    """
    try:
        scored = score_file(find_course(), lab, bank, Path(ATTEMPTS_FILE))
        _show(scored)
        return float(min(max(scored.points, 0.0), scored.max_points))
    except BaseException as broken:  # noqa: BLE001 - the cell must end in a number whatever happens
        print(f"The quiz could not be scored: {type(broken).__name__}: {broken}")
        return 0.0


def score_file(course: Course, lab: str, bank: str, attempts: Path) -> QuizScore:
    """Score one attempts file with the banks that the course has released; a missing file earns 0.

    Raises:
        LookupError: no bank of that name was released here.
    """
    banks = load_kept(course.banks)
    worth = released_points(course, lab, bank)
    raw = attempts.read_bytes() if attempts.is_file() and not attempts.is_symlink() else None
    return score_attempts(raw, banks, bank, worth)


def released_points(course: Course, lab: str, bank: str) -> float:
    """The points of the bank as it lies in `labs/` now.

    Raises:
        LookupError: it lies not there.
    """
    path = course.labs / lab / f"{bank}.quiz.json"
    if not path.is_file():
        raise LookupError(f"{path} is missing: run `grader build {lab}`.")
    return _points(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _points(path: Path, _changed: int) -> float:
    return load_bank(path).max_points


def told(scored: QuizScore) -> list[str]:
    """A score in lines for a student and for a report."""
    best = f"highest of {len(scored.attempts)}" if len(scored.attempts) > 1 else f"{len(scored.attempts)} attempt"
    share = f"{scored.best.score:.0%}" if scored.best else "no attempt"
    lines = [f"Quiz: {scored.points:g} of {scored.max_points:g} points ({share}, {best})."]
    return lines + [f"attempts.jsonl, {problem}." for problem in scored.problems]


def _show(scored: QuizScore) -> None:
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    lines = told(scored)
    if get_ipython() is not None:
        marked = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
        display({"text/plain": "\n".join(lines), "text/html": marked}, raw=True)
