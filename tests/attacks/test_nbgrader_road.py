"""nbgrader's own road and formgrader's list of the class go on, whatever one student handed in."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import Autograde, NbGraderException
from whole_way import HONEST, TOY, Make, handed_in, rows_of, stamp

from grader.course.coursedir import converter, gradebook, load_config
from grader.course.paths import Course


def schema(version: object) -> Make:
    """The notebook with nbgrader's metadata in another version of its format."""

    def make(folder: Path, _: list[dict[str, Any]]) -> None:
        path = folder / f"{TOY}.ipynb"
        notebook = json.loads(path.read_bytes())
        for cell in notebook["cells"]:
            if "nbgrader" in cell["metadata"]:
                cell["metadata"]["nbgrader"]["schema_version"] = version
        path.write_text(json.dumps(notebook))

    return make


def linked(goal: str) -> Make:
    return lambda folder, _: (folder / "timestamp.txt").symlink_to(goal)


def link_notebook(path: Path) -> None:
    path.rename(path.with_name("other.ipynb"))
    path.symlink_to("other.ipynb")


NBGRADER: dict[str, Make] = {
    "stamp-long": stamp(b"9" * 240_000),
    "stamp-no-text": stamp(b"\xff\xfe"),
    "stamp-pipe": lambda folder, _: os.mkfifo(folder / "timestamp.txt"),
    "stamp-folder": lambda folder, _: (folder / "timestamp.txt").mkdir(),
    "stamp-link": linked("/proc/self/environ"),
    "notebook-link": lambda folder, _: link_notebook(folder / f"{TOY}.ipynb"),
    "old-schema": schema(0),
    "new-schema": schema(99),
    "no-schema": schema("\ud800"),
    "no-json": lambda folder, _: (folder / f"{TOY}.ipynb").write_text("{") and None,
}


def test_nbgraders_own_road_and_formgraders_list_go_on(
    toy_alone: tuple[Course, Any], beside: Callable[[Course], Course]
) -> None:
    course = beside(toy_alone[0])
    for student, make in NBGRADER.items():
        make(handed_in(course, TOY, student), [])
    with contextlib.suppress(NbGraderException):  # it names, at the end, whom it could not grade
        converter(Autograde, load_config(course, assignment_id=TOY), force=True).start()
    with gradebook(course) as book:
        scores = {one.student.id: one.score for one in book.assignment_submissions(TOY)}
    for student in HONEST:
        assert scores[student] == rows_of(course, TOY)[student]["score"]
    listed = {one["student"]: one for one in NbGraderAPI(config=load_config(course)).get_submissions(TOY)}
    assert listed.keys() == {*HONEST, *NBGRADER}
    assert {student for student in NBGRADER if not listed[student]["autograded"]} == {"no-json", "notebook-link"}
    assert not (course.autograded / "stamp-link" / TOY / "timestamp.txt").exists()
