"""What tests of grading share: a class of the toy lab, its gradebook as rows, and a PostgreSQL server of one's own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.course.coursedir import gradebook
from grader.course.paths import Course
from grader.grading.demo_class import make_class

LAB = "01-toy"
STUDENTS = 6


@pytest.fixture
def toy_class(toy: Course) -> Course:
    """Six students of the toy lab, with different answers."""
    make_class(toy, LAB, size=STUDENTS)
    return toy


@pytest.fixture(scope="session")
def gradebook_rows() -> Callable[[Course], list[tuple[Any, ...]]]:
    """Every row of a gradebook that a grade depends on, without numbers and times that differ from run to run."""

    def rows(course: Course) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        with gradebook(course) as book:
            for submission in book.assignment_submissions(LAB):
                student = submission.student.id
                found.append((student, submission.score, submission.max_score, submission.needs_manual_grade))
                for notebook in submission.notebooks:
                    found.append((student, notebook.name, notebook.late_submission_penalty))
                    for g in notebook.grades:
                        found.append((student, g.name, g.auto_score, g.manual_score, g.needs_manual_grade, g.max_score))
                    found += [(student, c.name, c.auto_comment, c.manual_comment) for c in notebook.comments]
        return sorted(found, key=repr)

    return rows


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty database on a PostgreSQL server run for the tests; Debian's package `postgresql`."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(shutil.which("initdb") or "")]
    if not programs[-1].is_file():
        pytest.fail("no PostgreSQL server is installed: apt-get install postgresql")
    folder = tmp_path_factory.mktemp("postgres")
    user = "postgres" if os.getuid() == 0 else None  # the server refuses to run as root
    if user:
        owner = pwd.getpwnam(user)
        ours = [above for above in folder.parents if above.is_relative_to(tempfile.gettempdir())][:-1]
        for path in (folder, *ours):
            path.chmod(0o755)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data, run = folder / "data", {"check": True, "user": user, "stdout": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run([programs[-1], "-D", data, "-U", "grader", "--auth=trust", "--no-sync"], **run)
    options = f"-h 127.0.0.1 -p {port} -k {folder} -F"
    control = [programs[-1].with_name("pg_ctl"), "-D", data, "-w", "-l", folder / "log"]
    subprocess.run([*control, "-o", options, "start"], **run)
    try:
        yield f"postgresql://grader@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **run)
