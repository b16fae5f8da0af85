"""No attack gains a point, reads a secret, leaves the sandbox, or touches anybody else; each is named in its row.

One class of every attack and some honest students is graded once, by the real engine with tight limits.
"""

from __future__ import annotations

import copy
import hashlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import class_of_attackers
import nbformat
import psutil
import pytest
from attack_files import Expected, all_attacks, answered, cell_of, submission_of
from attack_makers import MADE

from grader.build.notebooks import write_notebook
from grader.build.release import build_lab
from grader.checks.running import CHECKS_MIME
from grader.course.coursedir import gradebook
from grader.course.paths import ROOT_VARIABLE, Course
from grader.grading.autograde import Row, grade_class, local_engine, write_rows
from grader.grading.forks import start_server

LAB = "01-toy"
REPO = Path(__file__).resolve().parents[2]
NO_NAME = "the name of the folder is no UTF-8 text"
LIMITS = replace(class_of_attackers.LIMITS, output_bytes=100_000)
ATTACKS = all_attacks()
EXPECTED: dict[str, Expected] = {name: attack.expected for name, attack in ATTACKS.items()} | {
    name: made.expected for name, made in MADE.items()
}
NO_TEXT = os.fsdecode(b"\xff\x1b")  # the name of a folder that no database can hold
HONEST = ("honest-1", "honest-2", "honest-3", "honest-4")
ENOUGH = 120  # seconds in which a killed process is gone, however busy the machine is
OwnProcesses = Callable[[], set[psutil.Process]]


@dataclass(frozen=True)
class After:
    """A graded class of attackers: rows by student, what lay outside before and after, what reached the listeners."""

    course: Course
    rows: dict[str, Row]
    canaries: tuple[str, ...]
    files: tuple[dict[str, str], dict[str, str]]
    left: list[psutil.Process]
    connected: list[str]


def canary(kind: str) -> str:
    """A text that nobody else has."""
    return f"CANARY-{kind}-{os.urandom(16).hex()}"


def plant(course: Course) -> tuple[str, ...]:
    """Put a canary into everything that no student may read. Returns them."""
    kinds = ["checks", "wrong", "solution", "secret", "quiz", "git", "build", "other"]
    planted = {kind: canary(kind) for kind in kinds}
    lab = course.solutions / LAB
    for kind, path in {"checks": lab / "checks.py", "wrong": lab / "wrong.py"}.items():
        path.write_text(path.read_text() + f'\nKEY = "{planted[kind]}"\n')
    source = lab / "lab.py"
    source.write_text(
        source.read_text().replace("### BEGIN SOLUTION\n", f"### BEGIN SOLUTION\n    # {planted['solution']}\n")
    )
    course.class_dir.mkdir(exist_ok=True)
    (course.class_dir / "secret").write_text(planted["secret"])
    for folder, kind in {"quizzes": "quiz", ".git": "git", "class/banks": "quiz"}.items():
        (course.root / folder).mkdir(parents=True, exist_ok=True)
        (course.root / folder / "key.json").write_text(planted[kind])
    build_lab(course, LAB)
    (course.root / "build" / "answers.txt").write_text(planted["build"])
    (course.source / LAB / "data").mkdir()
    (course.source / LAB / "data" / "x.txt").write_text("the release's")
    (course.source / LAB / "data.txt").write_text("the release's")
    (course.submitted / "honest-1" / LAB).mkdir(parents=True)
    (course.submitted / "honest-1" / LAB / "diary.txt").write_text(planted["other"])
    return tuple(planted.values())


def listeners(stack: ExitStack, folder: Path) -> tuple[dict[str, str], list[socket.socket]]:
    """Servers that attacks try to reach: TCP and UDP on loopback, an abstract and a named Unix socket."""
    name = f"grader-attacks-{os.getpid()}"
    tcp, abstract, named = (
        stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        for family in (socket.AF_INET, socket.AF_UNIX, socket.AF_UNIX)
    )
    tcp.bind(("127.0.0.1", 0))
    udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    udp.bind(("127.0.0.1", tcp.getsockname()[1]))
    udp.setblocking(False)
    abstract.bind(f"\0{name}")
    named.bind(str(folder / "socket"))
    for server in (tcp, abstract, named):
        server.listen()
        server.setblocking(False)
    places = {"PORT": str(tcp.getsockname()[1]), "ABSTRACT": name, "SOCKET": str(folder / "socket")}
    return places, [tcp, udp, abstract, named]


def reached(server: socket.socket) -> bool:
    try:
        if server.type == socket.SOCK_DGRAM:
            server.recv(1)
        else:
            server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def digests(*folders: Path) -> dict[str, str]:
    """Every file below `folders`, but for what grading writes."""
    written = ("class/autograded/", "class/cache/", "class/reports/", "class/history/", "class/gradebook.db")
    found = {}
    left = list(folders)
    while left:
        for path in left.pop().iterdir():
            name = str(path)
            if any(name.startswith(f"{folder}/{part}") for folder in folders for part in written):
                continue
            if path.is_symlink():
                found[name] = str(path.readlink())
            elif path.is_dir() and name.count("/d") < 50:
                left.append(path)
            elif path.is_file():
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory, own_processes: OwnProcesses) -> After:
    """The class, graded."""
    root = tmp_path_factory.mktemp("attacks") / "course"
    outside = tmp_path_factory.mktemp("outside")
    (outside / "canary.txt").write_text("untouched")
    shutil.copytree(REPO / "tests" / "files" / "toy", root)
    (root / "labs").mkdir()
    shutil.copyfile(REPO / "nbgrader_config.py", root / "nbgrader_config.py")
    course = Course(root)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        stack.callback(subprocess.run, ["rm", "-rf", str(course.submitted / "deep_folders")])  # Python recurses
        patch.setenv(ROOT_VARIABLE, str(root))
        patch.chdir(root)
        canaries = plant(course)
        release = nbformat.read(course.labs / LAB / f"{LAB}.ipynb", as_version=4)
        places, servers = listeners(stack, outside)
        places |= {"COURSE": str(root), "REPO": str(REPO), "OUTSIDE": str(outside)}
        for name, attack in ATTACKS.items():
            folder = course.submitted / name / LAB
            write_notebook(submission_of(attack, release, places), folder / f"{LAB}.ipynb")
            (folder / "attempts.jsonl").write_text('{"score": 0}\n')
        for name, made in MADE.items():
            (course.submitted / name / LAB).mkdir(parents=True)
            made.make(course.submitted / name / LAB, answered(release), copy.deepcopy(release))
        for name in HONEST:
            write_notebook(answered(release), course.submitted / name / LAB / f"{LAB}.ipynb")
            (course.submitted / name / LAB / "note.txt").write_text(name)  # each is graded, none out of the cache
        write_notebook(answered(release), course.submitted / NO_TEXT / LAB / f"{LAB}.ipynb")
        start_server()  # which stays: other tests of this process get their workers from it too
        before, running = digests(root, outside), own_processes()
        rows = grade_class(course, LAB, engine=local_engine(2), limits=LIMITS)
        list(write_rows(course, LAB, rows))
        connected = [str(server) for server in servers if reached(server)]
        files = (before, digests(root, outside))
        _, left = psutil.wait_procs(own_processes() - running, timeout=ENOUGH)
    return After(course, {row.student: row for row in rows}, canaries, files, left, connected)


def outputs_of(after: After, student: str) -> str:
    """All that the kernel of a student put out, as it stands in class/autograded."""
    path = after.course.autograded / student / LAB / f"{LAB}.ipynb"
    if not path.exists():
        return ""
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(str(cell.outputs) for cell in cells if cell.cell_type == "code")


@pytest.mark.parametrize("name", EXPECTED)
def test_an_attack_gets_exactly_what_its_honest_part_is_worth(after: After, name: str) -> None:
    row, expected = after.rows[name], EXPECTED[name]
    assert (row.score, row.graded) == (expected.score, expected.graded), row
    assert row.graded or row.reason


@pytest.mark.parametrize("name", EXPECTED)
def test_the_row_names_the_attack(after: After, name: str) -> None:
    row = after.rows[name]
    said = "\n".join([row.reason, *row.events, *row.flags, outputs_of(after, name)])
    in_row = "\n".join([row.reason, *row.events, *row.flags])
    for words in EXPECTED[name].report:
        if words != "-":
            assert words in in_row, said


@pytest.mark.parametrize("name", EXPECTED)
def test_nothing_secret_is_read_and_nothing_reached(after: After, name: str) -> None:
    row, put_out = after.rows[name], outputs_of(after, name)
    assert "ATTACK SUCCEEDED" not in put_out, put_out[put_out.index("ATTACK SUCCEEDED") :][:300]
    for secret in after.canaries:
        assert secret not in put_out
        assert secret not in str(row)


@pytest.mark.parametrize("name", EXPECTED)
def test_rows_are_plain_text(after: After, name: str) -> None:
    row = after.rows[name]
    for text in (row.reason, row.remedy, *row.events, *row.flags):
        assert text.isprintable(), ascii(text)
        assert len(text) < 500


@pytest.mark.parametrize("name", HONEST)
def test_honest_students_are_not_affected(after: After, name: str) -> None:
    row = after.rows[name]
    assert (row.score, row.graded, row.reason, row.events, row.flags) == (5.0, True, "", [], [])
    assert row.executed


def test_the_gradebook_says_the_same(after: After) -> None:
    with gradebook(after.course) as book:
        scores = {s.student.id: s.score for s in book.assignment_submissions(LAB)}
    assert scores == {name: row.score for name, row in after.rows.items() if row.reason != NO_NAME}


def test_a_folder_whose_name_is_no_text_stops_nobody(after: After) -> None:
    (row,) = (row for row in after.rows.values() if row.reason == NO_NAME)
    assert (row.score, row.graded) == (0.0, False)


def test_nothing_else_was_written(after: After) -> None:
    before, now = after.files
    assert now == before


def test_nobody_listened_in_vain_for_nothing(after: After) -> None:
    assert after.connected == []


def test_no_process_outlives_the_run(after: After) -> None:
    assert after.left == []


def test_a_process_that_outlives_its_parent_would_be_seen(own_processes: OwnProcesses) -> None:
    """As `outliving` has it: in a session of its own, with nobody between it and init."""
    before = own_processes()
    daemon = "import os, time\nos.setsid()\nif os.fork() == 0:\n    print(flush=True)\n    time.sleep(1000)"
    with subprocess.Popen([sys.executable, "-S", "-c", daemon], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        parent.wait()
        (left,) = own_processes() - before
        left.kill()
    left.wait()
    assert own_processes() - before == set()


@pytest.mark.parametrize("name", [*EXPECTED, *HONEST])
def test_graded_notebooks_hold_nothing_active(after: After, name: str) -> None:
    path = after.course.autograded / name / LAB / f"{LAB}.ipynb"
    if not path.exists():
        assert not after.rows[name].graded
        return
    notebook = nbformat.read(path, as_version=4)
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    for cell in notebook.cells:
        assert "attachments" not in cell
        for output in cell.get("outputs", []):
            allowed = {"text/plain", "image/png", "image/jpeg"}
            if (cell.metadata.get("nbgrader") or {}).get("grade"):
                allowed |= {"text/html", CHECKS_MIME}  # the checks' own list of promises, for readers and for reports
            assert set(output.get("data", {})) <= allowed


def test_files_beside_the_notebook_are_what_was_handed_in(after: After) -> None:
    kept = after.course.autograded / "rewritten_attempts" / LAB / "attempts.jsonl"
    assert kept.read_text() == '{"score": 0}\n'


def test_every_attack_says_what_it_is() -> None:
    for attack in ATTACKS.values():
        assert attack.what
        assert attack.body.startswith("# %%")
    assert cell_of is not None
