"""A toy course that tests may break: a copy of tests/files/toy with the repository's own nbgrader_config.py."""

from __future__ import annotations

import collections
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psutil
import psycopg
import pytest
import torch

from grader.build.release import build_lab
from grader.course.paths import ROOT_VARIABLE, Course
from grader.kernels import linux
from grader.threads import ONE_THREAD
from labkit.cache import KEEP
from tests import skips
from tests.speeds import pytest_collection_modifyitems as pytest_collection_modifyitems
from tests.tools.needed import needed
from tests.tools.postgres import running

# Two threads on two busy cores wait for one another: one thread here, and in every program that a test starts.
torch.set_num_threads(1)
os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
# What cells train is trained here, and not kept in the home of whoever runs the tests.
os.environ[KEEP] = "off"
# Every run tries the same examples, but for `make test-seeds`, which names its seeds. However long one takes on a busy
# machine, that is no failure.
SLOW = hypothesis.HealthCheck.too_slow
hypothesis.settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[SLOW])
hypothesis.settings.register_profile("seeds", database=None, deadline=None, suppress_health_check=[SLOW])
hypothesis.settings.load_profile("same")

REPO = Path(__file__).resolve().parent.parent
LAB = "01-toy"
QUIZ_FILES = REPO / "tests" / "files" / "quiz"
PR_SET_CHILD_SUBREAPER = 36


def pytest_configure(config: pytest.Config) -> None:
    """`.ci/run` lets those tests skip that are listed, and no others."""
    skips.watch(config)


@pytest.fixture(scope="session")
def repo() -> Course:
    """The course of this repository; tests read it and leave it alone."""
    return Course(REPO)


@pytest.fixture(scope="session")
def toy_template(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The toy course, built once; tests get copies of it."""
    root = tmp_path_factory.mktemp("toy") / "course"
    shutil.copytree(REPO / "tests" / "files" / "toy", root)
    (root / "labs").mkdir(exist_ok=True)
    shutil.copyfile(REPO / "nbgrader_config.py", root / "nbgrader_config.py")
    course = Course(root)
    build_lab(course, LAB)
    return course


@pytest.fixture
def toy(toy_template: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A built toy course of one's own, where commands and kernels find it."""
    root = tmp_path / "course"
    shutil.copytree(toy_template.root, root)
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    monkeypatch.chdir(root)
    return Course(root)


@pytest.fixture(scope="session")
def own_processes() -> Iterator[Callable[[], set[psutil.Process]]]:
    """`own_processes()` are the running ones that this process started, that those started, and so on.

    What outlives its parent comes to this process (a subreaper, see prctl(2)), where init would get it otherwise: so
    a test sees what is left of its own, and nothing of anybody else on the machine.
    """

    def running() -> set[psutil.Process]:
        return {one for one in psutil.Process().children(recursive=True) if alive(one)}

    linux.prctl(PR_SET_CHILD_SUBREAPER, 1)
    yield running
    linux.prctl(PR_SET_CHILD_SUBREAPER, 0)


def alive(process: psutil.Process) -> bool:
    """Whether a process runs still: it is neither gone nor only waited for."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="session")
def serve() -> Any:
    """`with serve(command, folder, environment) as address:` runs a JupyterLab with `--port=0` and ends it again."""

    @contextlib.contextmanager
    def running(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[str]:
        pipes: dict[str, Any] = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True}
        with subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **pipes) as process:
            rest = threading.Thread(target=lambda: collections.deque(process.stderr, maxlen=0))  # a full pipe blocks
            try:
                logged = (line.split("http://127.0.0.1:") for line in process.stderr)
                port = next((int(parts[1].split("/")[0]) for parts in logged if len(parts) == 2), None)
                assert port, "JupyterLab did not start"
                rest.start()
                wait_until_listening(port, process)
                yield f"http://127.0.0.1:{port}"
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                rest.join() if rest.ident else process.stderr.read()

    return running


def wait_until_listening(port: int, process: subprocess.Popen[str]) -> None:
    """JupyterLab logs its address a moment before it listens there."""
    while process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
    pytest.fail("JupyterLab ended before it listened")


def right_answers(kept: dict[str, Any], item: str, variant: int) -> dict[str, str]:
    """Part -> answer that gives full credit, from the keys that the grader keeps of a bank."""
    found = next(entry for entry in kept["items"] if entry["id"] == item)["variants"][variant]
    right = {}
    for part in found["parts"]:
        keys = [key["answer"] for key in part["answers"] if key["credit"] == 1]
        right[part["id"]] = ("1" if "1" in keys else "0") if part["kind"] == "check" else keys[0]
    return right


@pytest.fixture(scope="session")
def quiz_keys() -> Any:
    """`quiz_keys(kept, item, variant)` gives the answers to one question; see `right_answers`."""
    return right_answers


@pytest.fixture(scope="session")
def quiz_template(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The course, built once; tests get copies of it."""
    root = tmp_path_factory.mktemp("quiz") / "course"
    shutil.copytree(QUIZ_FILES / "solutions", root / "solutions")
    (root / "quizzes").mkdir()
    for name in ("sample.yaml", "figures.py"):
        shutil.copyfile(QUIZ_FILES / name, root / "quizzes" / name)
    (root / "quizzes" / "secret").write_text("5e" * 32 + "\n")
    (root / "labs").mkdir()
    shutil.copyfile(REPO / "nbgrader_config.py", root / "nbgrader_config.py")
    build_lab(Course(root), "06-sample")
    return Course(root)


@pytest.fixture
def quiz_course(quiz_template: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A built quiz course of one's own, where commands and kernels find it."""
    root = tmp_path / "course"
    shutil.copytree(quiz_template.root, root)
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    monkeypatch.chdir(root)
    return Course(root)


@pytest.fixture
def postgres(postgres_server: str) -> str:
    """The address of an empty database of one's own."""
    name = f"test{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres_server.rpartition("/")[0] + f"/{name}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server run for the tests."""
    with contextlib.ExitStack() as stack:
        yield needed(lambda: stack.enter_context(running()))
