"""A course whose exam is marked at once: its file without keys, and the kept bank; nothing is built or proved."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from grader.course.paths import Course
from grader.quizzes.kept import keep
from grader.quizzes.keyed import KeyedBank, KeyedPart, parse_kept
from grader.quizzes.seal import seal_bank
from labkit.quiz.bank import packed

FILES = Path(__file__).resolve().parents[1] / "files" / "quiz"
LAB, BANK = "06-sample", "sample"
CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "exams"
c.CourseDirectory.root = {root!r}
c.CourseDirectory.submitted_directory = "class/submitted"
c.CourseDirectory.db_url = "sqlite:///{root}/class/gradebook.db"
c.Grader.class_directory = "class"
c.Quizzes.exam = ["sample"]
c.Quizzes.served = ["sample"]
"""
NOTHING = "no such answer"


@dataclass(frozen=True)
class Examined:
    """The course, the exam with its keys, and its file as students have it."""

    course: Course
    bank: KeyedBank
    sealed: bytes

    @property
    def journal(self) -> bytes:
        """What is written down of the attempts."""
        path = self.course.class_dir / "history" / f"{LAB}.attempts.jsonl"
        return path.read_bytes() if path.exists() else b""

    def attempt(self, seed: int, /, right: bool = True, name: str = "", **more: Any) -> bytes:
        """An attempt with this seed, all right or all wrong."""
        drawn = self.bank.drawn(seed)
        record = {
            "v": 1,
            "bank": self.bank.bank,
            "hash": self.bank.hash,
            "attempt": name or f"attempt {seed}",
            "time": "2026-03-01T12:00:00+00:00",
            "seed": seed,
            "draw": [{"item": item, "variant": variant} for item, variant in drawn],
            "responses": {
                item: {part.id: answer_to(part, right) for part in self.bank.by_id[item].variants[variant].parts}
                for item, variant in drawn
            },
        }
        return json.dumps(record | more).encode()


def answer_to(part: KeyedPart, right: bool) -> str:
    """A right answer to a part, or a wrong one."""
    if part.kind == "check":
        true = next(one.credit for one in part.answers if one.answer == "1") == 1
        return "1" if true == right else "0"
    return next((one.answer for one in part.answers if (one.credit == 1) == right), NOTHING)


@pytest.fixture
def examined(tmp_path: Path) -> Callable[..., Examined]:
    """`examined(attempts=2)` makes the course with an exam of so many attempts."""

    def make(attempts: int | None = 2, root: Path = tmp_path / "course", **changes: Any) -> Examined:
        for folder in ("quizzes", f"solutions/{LAB}", f"labs/{LAB}", "class"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "nbgrader_config.py").write_text(CONFIG.format(root=str(root)))
        (root / "quizzes" / "secret").write_text("5e" * 32 + "\n")
        (root / "quizzes" / f"{BANK}.yaml").write_text("# tests do not read it\n")
        (root / "solutions" / LAB / "lab.py").write_text("")
        sample = parse_kept((FILES / "sample.kept.json").read_text())
        raw, bank = seal_bank(replace(sample, **({"mode": "exam", "attempts": attempts} | changes)), b"\x5e" * 32)
        course = Course(root)
        keep(bank, course.banks)
        sealed = packed(raw)
        (root / "labs" / LAB / f"{BANK}.quiz.json").write_bytes(sealed)
        return Examined(course, bank, sealed)

    return make


def told(answer: Mapping[str, Any]) -> set[str]:
    """Every text of feedback in an answer."""
    return {part["feedback"] for item in answer["items"].values() for part in item["parts"].values()} - {""}
