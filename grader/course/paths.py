"""Where everything of a course lies, from one root."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

ROOT_VARIABLE = "GRADER_ROOT"


@dataclass(frozen=True)
class Course:
    """The folders of one course; `root` is the folder with `nbgrader_config.py`."""

    root: Path

    @property
    def labs(self) -> Path:
        """What students receive; committed; written by `grader build` alone."""
        return self.root / "labs"

    @property
    def solutions(self) -> Path:
        """The sources: one folder a lab."""
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
        """Instructor notebooks for nbgrader, made from `solutions`."""
        return self.root / "build" / "source"

    @property
    def class_dir(self) -> Path:
        """Submissions, results and the gradebook of one class."""
        return self.root / "class"

    @property
    def submitted(self) -> Path:
        """What students handed in: `submitted/<student>/<lab>/`."""
        return self.class_dir / "submitted"

    @property
    def roster(self) -> Path:
        """Who is who: which number or name of a platform is which student; instructors edit it."""
        return self.class_dir / "roster.csv"

    @property
    def autograded(self) -> Path:
        """Executed notebooks, as formgrader opens them."""
        return self.class_dir / "autograded"

    @property
    def feedback(self) -> Path:
        """Pages for students, as `nbgrader release_feedback` takes them: `feedback/<student>/<lab>/<lab>.html`."""
        return self.class_dir / "feedback"

    @property
    def cache(self) -> Path:
        """Finished results, by content."""
        return self.class_dir / "cache"

    def ledger(self, lab: str) -> Path:
        """What each student earned in a lab each time."""
        return self.class_dir / "history" / f"{lab}.jsonl"

    @property
    def gradebook(self) -> Path:
        """Nbgrader's SQLite database."""
        return self.class_dir / "gradebook.db"

    @property
    def reports(self) -> Path:
        """What grading runs write for people to read."""
        return self.class_dir / "reports"

    def lab_names(self) -> list[str]:
        """Every folder of `solutions` that has a `lab.py`, in order."""
        return sorted(path.parent.name for path in self.solutions.glob("*/lab.py"))

    def assignments(self) -> list[str]:
        """The labs that are graded: those with a `checks.py`, a quiz, or both."""
        return [name for name in self.lab_names() if self.has_checks(name) or self.bank_of(name)]

    def has_checks(self, lab: str) -> bool:
        """Whether a lab has exercises with hidden checks."""
        return (self.solutions / lab / "checks.py").exists()

    def bank_files(self) -> dict[str, Path]:
        """The item banks by name, in order."""
        return {path.stem: path for path in sorted(self.quizzes.glob("*.yaml"))}

    def bank_of(self, lab: str) -> Path | None:
        """The item bank of a lab: of its name, with its number or without (`06-assessment` has `assessment.yaml`)."""
        banks = self.bank_files()
        return banks.get(lab) or banks.get(lab.partition("-")[2])

    def require_assignment(self, lab: str) -> str:
        """Return `lab` if it is graded.

        Raises:
            LookupError: it is not; the message lists those that are.
        """
        if lab not in self.assignments():
            known = ", ".join(self.assignments()) or "none yet"
            raise LookupError(f"No graded lab is called {lab!r} in {self.solutions}. Graded labs: {known}.")
        return lab

    def secret(self) -> bytes:
        """The course secret, 32 random bytes that seed the checks; made on first use, readable by the owner only."""
        path = self.class_dir / "secret"
        self.class_dir.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        return path.read_bytes()


def find_course(start: Path | None = None) -> Course:
    """The course around `start` (default: the working directory), else the one this package was installed from.

    `GRADER_ROOT` in the environment decides before either.

    Raises:
        LookupError: no folder with `nbgrader_config.py` and `solutions/` was found.
    """
    package = Path(__file__).resolve().parent.parent
    named = os.environ.get(ROOT_VARIABLE)
    here = (start or Path.cwd()).resolve()
    candidates = [Path(named)] if named else [here, *here.parents, package]
    for folder in candidates:
        if (folder / "nbgrader_config.py").exists() and (folder / "solutions").is_dir():
            return Course(folder)
    raise LookupError(f"No course found from {here}: run this inside the repository, or set {ROOT_VARIABLE} to it.")
