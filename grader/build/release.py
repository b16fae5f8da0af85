"""From source notebooks to `labs/`: nbgrader makes the release, we put it in place without deleting anything."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbformat import NotebookNode

from grader.build.help import MadeHelp, made_help
from grader.build.notebooks import quiz_refused, source_notebook, write_notebook
from grader.build.problems import BuildError, Problem
from grader.course.coursedir import converter, load_config
from grader.files import write_whole
from grader.course.paths import Course
from grader.quizzes.keep import Made, make
from grader.quizzes.kept import keep
from grader.quizzes.load import QuizError

REFUSED = (
    "nbgrader refused the change: graded cells were added, removed or renamed, and the gradebook has submissions of "
    "{lab}. Take the change back, or start that lab anew: `nbgrader db assignment remove {lab} --force` (its grades go)."
)
DRAFT = ".quiz-"  # the player keeps unfinished answers there
LEFT_BY_WORK = {".ipynb_checkpoints", "__pycache__", "progress.jsonl", "attempts.jsonl"}


@dataclass(frozen=True)
class Drift:
    """A file under `labs/` that is not what the sources give."""

    path: Path
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True)
class Prepared:
    """What a lab's sources give, proved: the instructor's notebook, and the sealed quiz and help where there are."""

    notebook: NotebookNode
    quiz: Made | None
    help: MadeHelp | None = None


def prepare(course: Course, lab: str) -> Prepared:
    """Read and prove a lab's sources: nearly all the work of a build, and labs know nothing of each other here.

    Raises:
        BuildError: the source is not in order.
    """
    return Prepared(source_notebook(course, lab), sealed_quiz(course, lab), made_help(course, lab))


def build_lab(course: Course, lab: str, prepared: Prepared | None = None) -> list[Path]:
    """Make one lab from its source: `build/source`, the assignment in the gradebook, and its files in `labs/`.

    Args:
        course: the course.
        lab: the lab.
        prepared: what `prepare` made of it, where that was done before.

    Returns:
        The files of `labs/` that changed.

    Raises:
        BuildError: the source is not in order; nothing was written.
    """
    made = prepared or prepare(course, lab)
    if lab in course.assignments():
        write_notebook(made.notebook, course.source / lab / f"{lab}.ipynb")
        course.class_dir.mkdir(parents=True, exist_ok=True)
    _write_beside(made, course.source / lab)
    if made.quiz is not None:
        keep(made.quiz.bank, course.banks)
    with _released(course, lab, made, load_config(course).CourseDirectory.db_url) as folder:
        return _put_in_place(folder, course.labs / lab)


def sealed_quiz(course: Course, lab: str) -> Made | None:
    """The sealed bank of a lab and its keys; None for a lab without a quiz.

    Raises:
        BuildError: a claim of the bank does not hold, or something in it is broken.
    """
    path = course.bank_of(lab)
    try:
        return None if path is None else make(path)
    except QuizError as error:
        raise quiz_refused(error) from None


def check_lab(course: Course, lab: str) -> list[Drift]:
    """Compare `labs/` with a fresh build in a temporary folder, byte for byte; writes nothing in the course."""
    with tempfile.TemporaryDirectory(prefix="grader-check-") as temporary:
        with _released(course, lab, prepare(course, lab), f"sqlite:///{temporary}/gradebook.db") as folder:
            return _compare(folder, course.labs / lab)


def _write_beside(made: Prepared, folder: Path) -> None:
    if made.quiz is not None:
        write_whole(folder / made.quiz.file_name, made.quiz.sealed)
    if made.help is not None:
        write_whole(folder / made.help.file_name, made.help.content)


@contextmanager
def _released(course: Course, lab: str, made: Prepared, db_url: str) -> Iterator[Path]:
    """A temporary folder with what students receive of one lab."""
    with tempfile.TemporaryDirectory(prefix="grader-build-") as temporary:
        root = Path(temporary)
        if lab not in course.assignments():
            write_notebook(made.notebook, root / "release" / lab / f"{lab}.ipynb")
        else:
            write_notebook(made.notebook, root / "source" / lab / f"{lab}.ipynb")
            _write_beside(made, root / "source" / lab)
            generate(course, lab, root, db_url)
        yield root / "release" / lab


def generate(course: Course, lab: str, root: Path, db_url: str) -> None:
    """Let nbgrader make the release of `root/source` in `root/release`, and register it in the gradebook at `db_url`."""
    config = load_config(
        course,
        root=str(root),
        source_directory="source",
        release_directory="release",
        db_url=db_url,
        assignment_id=lab,
    )
    quiet = logging.getLogger("grader.nbgrader")
    quiet.setLevel(logging.ERROR)
    try:
        converter(GenerateAssignment, config, log=quiet).start()
    except NbGraderException as refused:
        raise BuildError([Problem(course.solutions / lab / "lab.py", 1, REFUSED.format(lab=lab))]) from refused


def _put_in_place(made: Path, target: Path) -> list[Path]:
    """Copy what differs; files that the build did not make stay."""
    changed = []
    for file in sorted(path for path in made.rglob("*") if path.is_file()):
        goal = target / file.relative_to(made)
        if goal.exists() and goal.read_bytes() == file.read_bytes():
            continue
        write_whole(goal, file.read_bytes())
        changed.append(goal)
    return changed


def _compare(made: Path, target: Path) -> list[Drift]:
    wanted = {path.relative_to(made): path for path in made.rglob("*") if path.is_file()}
    found = {path.relative_to(target): path for path in target.rglob("*") if path.is_file()} if target.exists() else {}
    drift = []
    for name in sorted(wanted | found):
        if LEFT_BY_WORK & set(name.parts) or name.name.startswith(DRAFT):
            continue
        if name not in found:
            drift.append(Drift(target / name, "is missing; run `grader build`"))
        elif name not in wanted:
            drift.append(Drift(target / name, "was not made by the build; move it out of labs/"))
        elif wanted[name].read_bytes() != found[name].read_bytes():
            drift.append(Drift(target / name, "differs from its source; run `grader build`"))
    return drift
