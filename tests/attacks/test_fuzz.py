"""Any JSON in any field, any bytes in any file and name, through every command: a row each, and the honest as before.

An example is a class of hostile students made from seeds; see `hostile_files`. Others are tried with
`pytest --hypothesis-profile=default tests/attacks/test_fuzz.py`.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hostile_files as hostile
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import html
from whole_way import HONEST, QUIZ, TOY, everything_written, go, honest_class, said_by, valid_attempts

from grader.course.paths import ROOT_VARIABLE, Course
from grader.text import BIDI

STUDENTS = 8
UNSEEN = re.compile(f"[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f{''.join(map(chr, BIDI))}]")
SEEDS = st.lists(st.integers(0, 2**32), min_size=STUDENTS, max_size=STUDENTS, unique=True)
FEW = settings(
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # a class takes seconds: it is not made smaller, each of its seeds is a student


@dataclass(frozen=True)
class Class:
    """A class of honest students, handed in by a download and graded, and all that was written of them."""

    course: Course
    lab: str
    honest: dict[str, dict[str, bytes]]
    valid: Any
    attempts: list[Any]
    before: dict[str, dict[str, Any]]


def made(template: Course, root: Path, lab: str) -> Class:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        course = honest_class(template, root, lab)
        files = {
            student.replace("-", " "): {
                path.name: path.read_bytes() for path in (course.submitted / student / lab).iterdir()
            }
            for student in HONEST
        }
        shutil.rmtree(course.submitted)
        (root / "first.zip").write_bytes(hostile.download(files, [], random.Random(0)))
        said_by("collect", str(root / "first.zip"), "--lab", lab)
        go(course, lab)
    valid = json.loads((course.labs / lab / f"{lab}.ipynb").read_text())
    attempts = list(itertools.islice(valid_attempts(course, lab), 3)) if course.bank_of(lab) else [{"v": 1}]
    return Class(course, lab, files, valid, attempts, everything_written(course, lab))


@pytest.fixture(scope="module")
def quiz_class(quiz_template: Course, tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[int]], None]:
    whole = made(quiz_template, tmp_path_factory.mktemp("fuzz") / "course", QUIZ)
    return lambda seeds: check(whole, seeds)


@pytest.fixture(scope="module")
def toy_class(toy_template: Course, tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[int]], None]:
    whole = made(toy_template, tmp_path_factory.mktemp("fuzz") / "course", TOY)
    return lambda seeds: check(whole, seeds)


@settings(FEW, max_examples=4)
@given(SEEDS)
def test_anything_in_a_quiz_is_its_students_row(quiz_class: Callable[[list[int]], None], seeds: list[int]) -> None:
    quiz_class(seeds)


@settings(FEW, max_examples=2)
@given(SEEDS)
def test_anything_in_a_notebook_is_its_students_row(toy_class: Callable[[list[int]], None], seeds: list[int]) -> None:
    toy_class(seeds)


def check(whole: Class, seeds: list[int]) -> None:
    """Half of the students have folders of their own, half come with a download; then every command runs."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        root = Path(folder) / "course"
        shutil.copytree(whole.course.root, root)
        patch.setenv(ROOT_VARIABLE, str(root))
        patch.chdir(root)
        course, lab = Course(root), whole.lab
        sent = []
        for number, seed in enumerate(seeds):
            rng = random.Random(seed)
            files = hostile.submission(lab, whole.valid, whole.attempts, rng)
            if number % 2:
                sent.append((hostile.text(rng)[:100].replace("/", ""), files))
            else:
                name = os.fsdecode(hostile.file_name(rng)) if rng.random() < 0.4 else f"eve-{number}"
                hostile.put(course.submitted / name / lab, files)
        rng = random.Random(seeds[0])
        packed = hostile.spoilt_member(hostile.download(whole.honest, sent, rng), rng)
        (root / "second.zip").write_bytes(packed)
        said_by("collect", str(root / "second.zip"), "--lab", lab)
        rows = go(course, lab)
        folders = [path for path in course.submitted.iterdir() if not path.name.startswith(".")]
        listed = json.loads((course.reports / lab / "grading.json").read_text(), parse_constant=float.fromhex)
        assert len(listed) == len(folders), sorted(rows)
        assert everything_written(course, lab) == whole.before
        look_at_what_was_written(course)


def look_at_what_was_written(course: Course) -> None:
    """Files for people hold no sign that is not seen, JSON holds no NaN, and pages hold no script."""
    for path in (*course.reports.rglob("*.*"), *course.feedback.glob("*/*/*.html")):
        said = path.read_bytes().decode("utf-8")
        assert not UNSEEN.search(said), path
        if path.suffix == ".html":
            page = html.fromstring(said)
            addresses = [a for name in ("src", "href") for a in page.xpath(f"//@{name}")]
            assert [a for a in addresses if not a.startswith(("data:image", "#"))] == [], path
            assert page.xpath("//script") == page.xpath("//@onclick") == []
        if path.suffix == ".json":
            json.loads(said, parse_constant=float.fromhex)
