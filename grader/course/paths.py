"""Where everything of a course lies: nbgrader's folders, as its configuration names them, and what the grader adds."""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from grader.course.config import CONFIG, config_files, read_config

ROOT_VARIABLE = "GRADER_ROOT"
GROUPS_OWN = stat.S_ISGID | stat.S_IWGRP  # a folder in which a group works together
CHECK_FILES = ("checks.py", "cases*.py")
MARKS_OF_A_COURSE = ("source", "submitted", "gradebook.db")
Step = Literal["source", "release", "submitted", "autograded", "feedback"]


@dataclass(frozen=True)
class Layout:
    """The names of folders, relative to the root: the traits of nbgrader's `CourseDirectory`, with its defaults.

    `home` is the grader's own folder: cache, history, reports, roster (`c.Grader.class_directory`). `excluded` names
    students who are left out (`student_id_exclude`).
    """

    structure: str = str(Path("{nbgrader_step}", "{student_id}", "{assignment_id}"))
    source: str = "source"
    release: str = "release"
    submitted: str = "submitted"
    autograded: str = "autograded"
    feedback: str = "feedback"
    home: str = "grading"
    excluded: tuple[str, ...] = ()

    @staticmethod
    def of(config: Mapping[str, Any]) -> Layout:
        """What nbgrader's configuration says."""
        said = config.get("CourseDirectory", {})
        named = {step: str(said[f"{step}_directory"]) for step in get_args(Step) if f"{step}_directory" in said}
        if "directory_structure" in said:
            named["structure"] = str(said["directory_structure"])
        if "class_directory" in config.get("Grader", {}):
            named["home"] = str(config["Grader"]["class_directory"])
        excluded = (name.strip() for name in str(said.get("student_id_exclude", "")).split(","))
        return Layout(**named, excluded=tuple(name for name in excluded if name))


@dataclass(frozen=True)
class Course:
    """One course. `root` is nbgrader's: what `CourseDirectory.root` says, or the folder of `nbgrader_config.py`."""

    root: Path
    told: Layout | None = None
    """The layout, where it is known already: processes that read what students wrote are told, and read no file."""
    db: str = ""
    """The address of the gradebook, where it is not the configuration's: `grader grade --db`, `nbgrader --db`."""

    @cached_property
    def layout(self) -> Layout:
        """The names of its folders."""
        return self.told or Layout.of(read_config(self.root))

    def to_json(self) -> dict[str, Any]:
        """For other processes."""
        return {"root": str(self.root), "layout": asdict(self.layout), "db": self.db}

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> Course:
        """The inverse of `to_json`."""
        layout = dict(said["layout"])
        told = Layout(**{**layout, "excluded": tuple(layout["excluded"])})
        return Course(Path(said["root"]), told, str(said["db"]))

    def folder(self, step: Step, student: str, assignment: str) -> Path:
        """The folder of one student and assignment at a step of nbgrader; "." for the student of `source`."""
        return self.root / os.path.normpath(self._format(getattr(self.layout, step), student, assignment))

    def _format(self, step: str, student: str, assignment: str) -> str:
        names = {"nbgrader_step": step, "student_id": student, "assignment_id": assignment}
        return self.layout.structure.format(**names)

    def source_of(self, assignment: str) -> Path:
        """The instructor's version of an assignment."""
        return self.folder("source", ".", assignment)

    def release_of(self, assignment: str) -> Path:
        """What students were given."""
        return self.folder("release", ".", assignment)

    def students(self, step: Step, assignment: str) -> list[str]:
        """Everyone who has a folder at a step, in order; also who has none of this assignment, where names come first.

        Hidden folders are nobody's. Links count: what became of their work is said where it is read.
        """
        parts = Path(self.layout.structure).parts
        place = next(i for i, part in enumerate(parts) if "{student_id}" in part)
        above, part = str(Path(*parts[:place])), parts[place]
        names = {"nbgrader_step": getattr(self.layout, step), "assignment_id": assignment}
        parent = self.root / above.format(**names)
        if not parent.is_dir():
            return []
        before, after = (re.escape(half.format(**names)) for half in part.split("{student_id}", 1))
        pattern = re.compile(f"{before}(.+){after}", re.DOTALL)
        found = (pattern.fullmatch(one.name) for one in parent.iterdir() if one.is_dir())
        known = {match[1] for match in found if match and not match[1].startswith(".") and match[0][0] != "."}
        return sorted(known - set(self.layout.excluded))

    @property
    def labs(self) -> Path:
        """What students receive; in this kit committed, and written by `grader build` alone."""
        return self.root / self.layout.release

    @property
    def solutions(self) -> Path:
        """Trusted checks and the sources of labs, one folder an assignment; a course need not have it."""
        return self.root / "solutions"

    @property
    def quizzes(self) -> Path:
        """Item banks, one YAML file a lab; with keys, so students never receive it."""
        return self.root / "quizzes"

    @property
    def banks(self) -> Path:
        """Every bank that was ever released here, with its keys, by the hash of its sealed file."""
        return self.class_dir / "banks"

    @property
    def source(self) -> Path:
        """Instructor notebooks for nbgrader."""
        return self.root / self.layout.source

    @property
    def class_dir(self) -> Path:
        """What the grader keeps of a class: cache, history, reports, roster."""
        return self.root / self.layout.home

    @property
    def submitted(self) -> Path:
        """What students handed in."""
        return self.root / self.layout.submitted

    @property
    def roster(self) -> Path:
        """Who is who: which number or name of a platform is which student; instructors edit it."""
        return self.class_dir / "roster.csv"

    @property
    def autograded(self) -> Path:
        """Executed notebooks, as formgrader opens them."""
        return self.root / self.layout.autograded

    @property
    def feedback(self) -> Path:
        """Pages for students, as `nbgrader release_feedback` takes them."""
        return self.root / self.layout.feedback

    @property
    def cache(self) -> Path:
        """Finished results, by content."""
        return self.class_dir / "cache"

    def ledger(self, lab: str) -> Path:
        """What each student earned in a lab each time."""
        return self.class_dir / "history" / f"{lab}.jsonl"

    @property
    def watched(self) -> Path:
        """What `grader watch` graded, and when."""
        return self.class_dir / "watched.jsonl"

    @property
    def gradebook(self) -> Path:
        """Nbgrader's SQLite database of this kit."""
        return self.class_dir / "gradebook.db"

    @property
    def reports(self) -> Path:
        """What grading runs write for people to read."""
        return self.class_dir / "reports"

    def lab_names(self) -> list[str]:
        """Every folder of `solutions` that has a `lab.py`, in order."""
        return sorted(path.parent.name for path in self.solutions.glob("*/lab.py"))

    def assignments(self) -> list[str]:
        """The assignments whose grades are trusted: those with a `checks.py` or `cases.py`, and labs with a quiz."""
        checked = [path.parent.name for name in CHECK_FILES for path in self.solutions.glob(f"*/{name}")]
        return sorted({*checked, *(name for name in self.lab_names() if self.bank_of(name))})

    def known(self) -> list[str]:
        """All assignments that have a folder here: those with trusted checks, and what stands in `source`."""
        parent = self.source_of("any").parent
        folders = [path.name for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []
        return sorted({*self.assignments(), *(name for name in folders if not name.startswith("."))})

    def has_checks(self, lab: str) -> bool:
        """Whether a lab has exercises with hidden checks."""
        return any(any((self.solutions / lab).glob(name)) for name in CHECK_FILES)

    def bank_files(self) -> dict[str, Path]:
        """The item banks by name, in order."""
        return {path.stem: path for path in sorted(self.quizzes.glob("*.yaml"))}

    def bank_of(self, lab: str) -> Path | None:
        """The item bank of a lab: of its name, with its number or without (`06-assessment` has `assessment.yaml`)."""
        banks = self.bank_files()
        return banks.get(lab) or banks.get(lab.partition("-")[2])

    def secret(self) -> bytes:
        """The course secret, 32 random bytes that seed the checks; made on first use.

        It is readable by the owner only, and by the group where the class's folder is the group's (mode 2770): all
        graders grade.
        """
        path = self.class_dir / "secret"
        self.class_dir.mkdir(parents=True, exist_ok=True)
        shared = self.class_dir.stat().st_mode & GROUPS_OWN == GROUPS_OWN
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640 if shared else 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        return path.read_bytes()


def find_course(start: Path | None = None) -> Course:
    """The course around `start` (default: the working directory), as nbgrader would find it; never another one.

    `GRADER_ROOT` in the environment decides first. Then the nearest folder upward that has an `nbgrader_config.py`, or
    the root that it names; then the root that the configuration of the user or the machine names; then a folder that
    looks like a course without any configuration.

    Raises:
        LookupError: there is none.
    """
    named = os.environ.get(ROOT_VARIABLE)
    if named:
        return _course_at(Path(named).resolve())
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / CONFIG).is_file():
            return _course_at(folder)
    if config_files(here) and read_config(here).get("CourseDirectory", {}).get("root"):
        return _course_at(here)
    if any((here / name).exists() for name in MARKS_OF_A_COURSE):
        return Course(here)
    raise LookupError(
        f"No course found at {here} or above: no {CONFIG}, no source/ or submitted/. Go to the folder of the course, "
        f"or name it: {ROOT_VARIABLE}=/path/to/course."
    )


def _course_at(folder: Path) -> Course:
    """The course of a folder, whose configuration may name another root."""
    config = read_config(folder)
    root = config.get("CourseDirectory", {}).get("root")
    return Course(Path(root).resolve() if root else folder, Layout.of(config))
