"""A real JupyterHub whose students and graders are users of the machine; see world.sh."""

from __future__ import annotations

import collections
import contextlib
import grp
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from grader.build.release import build_lab
from grader.course.paths import Course
from tests.browser.conftest import ARGUMENTS
from tests.tools.chromium import chromium
from tests.tools.needed import needed
from tests.tools.node import node, package

HERE, REPO = Path(__file__).parent, Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
QUIZ_FILES = REPO / "tests" / "files" / "quiz"
LAB, EXAM, BANK = "01-toy", "06-sample", "sample"
STUDENTS, GRADERS = ("ada", "bob"), ("gil", "eva")
COURSE = "course"  # the account that the course belongs to
READY, SERVING = "JupyterHub is now running", "serving /"
PATIENCE = 180_000  # milliseconds that a browser waits for anything; nothing waits longer than it has to
PASSWORD, ADMIN = "for-this-test", "admin-of-this-test"
IDS = {"ada": 30001, "bob": 30002, "gil": 30011, "eva": 30012, COURSE: 30010}
STUDENTS_GROUP, GRADERS_GROUP = 30100, 30110
FOR_STUDENTS = ("create-assignment", "formgrader", "course-list")
EXCHANGE = """
c = get_config()
c.CourseDirectory.course_id = "rlhf"
c.Exchange.root = {exchange!r}
c.Execute.skip_cells_with_tag = "demo"
"""
THE_COURSE = """
load_subconfig("nbgrader_config.py", path={course!r})
"""


class Log:
    """What the hub and its service write: the end of it, and how often each kind of line that is waited for came."""

    def __init__(self) -> None:
        self.end: collections.deque[str] = collections.deque(maxlen=400)
        self._count: collections.Counter[str] = collections.Counter()
        self._news = threading.Condition()
        self._over = False

    def read(self, lines: Iterable[str]) -> None:
        """Read to the end: a full pipe blocks."""
        for line in lines:
            with self._news:
                self.end.append(line)
                self._count.update(words for words in (READY, SERVING) if words in line)
                self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    def count(self, words: str) -> int:
        """How often it was written so far."""
        with self._news:
            return self._count[words]

    def wait(self, words: str, times: int) -> None:
        """Until it was written so often."""
        with self._news:
            self._news.wait_for(lambda: self._count[words] >= times or self._over)
            assert self._count[words] >= times, "".join(self.end)


@dataclass(frozen=True)
class Hub:
    """The hub: its address and folder, the course, the process whose view of the machine users have, its log."""

    address: str
    folder: Path
    course: Path
    process: int
    log: Log

    def home(self, user: str) -> Path:
        """A user's own folder."""
        return self.folder / "home" / user

    def command(self, user: str, *command: str) -> list[str]:
        """A command as a user of the hub has it."""
        group = STUDENTS_GROUP if user in STUDENTS else GRADERS_GROUP
        become = ["setpriv", f"--reuid={IDS[user]}", f"--regid={group}", "--clear-groups", "--inh-caps=-all"]
        role = "students" if user in STUDENTS else "graders"
        environment = [
            f"HOME={self.home(user)}",
            f"USER={user}",
            f"JUPYTER_CONFIG_PATH={self.folder / 'etc' / role}",
            f"PATH={BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE=1",
        ]
        inside = f'umask 007; cd "{self.course if user not in STUDENTS else self.home(user)}"; exec "$@"'
        enter = ["nsenter", f"--mount=/proc/{self.process}/ns/mnt"]
        return [*enter, *become, "env", "-i", *environment, "bash", "-c", inside, user, *command]

    def run(self, user: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run it, and fail where it fails."""
        done = subprocess.run(self.command(user, *command), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{user}: {' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """What the hub answers to its administrator."""
        return ask(f"{self.address}/hub/api/{path}", ADMIN, method, json.dumps(body).encode() if body else None)

    def start(self, users: Sequence[str]) -> None:
        """Start the servers of these users, side by side, where they do not run."""
        idle = [user for user in users if not self.api("GET", f"users/{user}")["server"]]
        with ThreadPoolExecutor(len(users)) as threads:
            list(threads.map(lambda user: self.api("POST", f"users/{user}/server"), idle))

    def token(self, user: str) -> str:
        """A token of a user, as their server has one."""
        return str(self.api("POST", f"users/{user}/tokens", {"expires_in": 3600})["token"])

    def service(self, user_token: str, path: str, body: bytes | None = None) -> Any:
        """What `grader serve` answers to a user. Raises HTTPError."""
        return ask(f"{self.address}/services/grader/{path}", user_token, "GET" if body is None else "POST", body)


def ask(address: str, token: str, method: str, body: bytes | None) -> Any:
    """The JSON that is answered."""
    request = urllib.request.Request(address, body, {"Authorization": f"token {token}"}, method=method)
    with urllib.request.urlopen(request, timeout=120) as answer:
        said = answer.read()
    return json.loads(said) if said else None


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """The hub with a course of two labs, one of them with an exam that is marked at once; nothing is released yet."""
    if os.getuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "setpriv"))):
        pytest.skip("only root can be several users, with unshare, nsenter and setpriv")
    proxy = needed(lambda: package("configurable-http-proxy")) / "bin" / "configurable-http-proxy"
    folder = Path(tempfile.mkdtemp(prefix="hub-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        course = _furnish(folder)
        ports = _free_ports(4)
        said = {
            "port": ports[0],
            "hub_port": ports[1],
            "proxy_port": ports[2],
            "service_port": ports[3],
            "bin": str(BIN),
            "proxy": [str(needed(node).path), str(proxy)],
            "password": PASSWORD,
            "admin": ADMIN,
            "students": STUDENTS,
            "graders": GRADERS,
            "course": str(course),
        }
        (folder / "hub.json").write_text(json.dumps(said))
        (folder / "hub.json").chmod(0o600)
        with _running(folder) as (process, log):
            made = Hub(f"http://127.0.0.1:{ports[0]}", folder, course, process.pid, log)
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has now."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in opened:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in opened]


def _furnish(folder: Path) -> Path:
    """Users, their homes, the configuration of each role, the exchange, and the course."""
    users, groups = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
    for name, number in IDS.items():
        group = STUDENTS_GROUP if name in STUDENTS else GRADERS_GROUP
        users += f"{name}:x:{number}:{group}::{folder / 'home' / name}:/bin/bash\n"
        home = folder / "home" / name
        home.mkdir(parents=True)
        os.chown(home, number, group)
        home.chmod(0o700)
    groups += f"students:x:{STUDENTS_GROUP}:\ngraders:x:{GRADERS_GROUP}:\n"
    assert not {STUDENTS_GROUP, GRADERS_GROUP} & {one.gr_gid for one in grp.getgrall()}
    (folder / "passwd").write_text(users)
    (folder / "group").write_text(groups)
    (folder / "hub").mkdir(mode=0o700)
    exchange = folder / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    course = folder / "course"
    _make_course(course)
    for role in ("students", "graders"):
        _configure(folder / "etc" / role, role, exchange, course)
    for path in (course, *course.rglob("*")):
        os.chown(path, IDS[COURSE], GRADERS_GROUP, follow_symlinks=False)
        path.chmod(0o2770 if path.is_dir() else 0o660)
    return course


def _configure(etc: Path, role: str, exchange: Path, course: Path) -> None:
    """What a role's JupyterLab has: for students nothing that is an instructor's; for graders the second wall."""
    (etc / "labconfig").mkdir(parents=True)
    is_student = role == "students"
    said = EXCHANGE if is_student else EXCHANGE + THE_COURSE
    (etc / "nbgrader_config.py").write_text(said.format(exchange=str(exchange), course=str(course)))
    (etc / "jupyter_config.json").write_text(json.dumps({"ConnectionFileMixin": {"transport": "ipc"}}))
    absent = [f"@jupyter/nbgrader:{name}" for name in FOR_STUDENTS] if is_student else []
    absent.append("@jupyterlab/apputils-extension:announcements")
    page = {"disabledExtensions": dict.fromkeys(absent, True)}
    (etc / "labconfig" / "page_config.json").write_text(json.dumps(page))
    served = dict.fromkeys(("formgrader", "course_list"), False) if is_student else {}
    extensions = {f"nbgrader.server_extensions.{name}": on for name, on in served.items()}
    extensions |= {} if is_student else {"grader.served": True}
    (etc / "jupyter_server_config.json").write_text(json.dumps({"ServerApp": {"jpserver_extensions": extensions}}))


def _make_course(root: Path) -> None:
    shutil.copytree(REPO / "tests" / "files" / "toy", root)
    shutil.copytree(QUIZ_FILES / "solutions", root / "solutions", dirs_exist_ok=True)
    (root / "quizzes").mkdir()
    for name in ("sample.yaml", "figures.py"):
        shutil.copyfile(QUIZ_FILES / name, root / "quizzes" / name)
    bank = root / "quizzes" / "sample.yaml"
    bank.write_text("attempts: 2\n" + bank.read_text())
    (root / "quizzes" / "secret").write_text("5e" * 32 + "\n")
    config = (REPO / "nbgrader_config.py").read_text()
    (root / "nbgrader_config.py").write_text(f'{config}\nc.Quizzes.exam = c.Quizzes.served = ["sample"]\n')
    (root / "labs").mkdir()
    for lab in (LAB, EXAM):
        build_lab(Course(root), lab)


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Log]]:
    """The hub, once it and its service say that they are there."""
    command = [str(HERE / "world.sh"), str(folder), str(BIN / "jupyterhub"), "-f", str(HERE / "jupyterhub_config.py")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "GRADER"))}
    environment |= {"HUB": str(folder), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    pipes: dict[str, Any] = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True}
    log = Log()
    with subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **pipes) as process:
        assert process.stderr is not None
        reader = threading.Thread(target=log.read, args=(process.stderr,))
        reader.start()
        try:
            log.wait(READY, 1)
            log.wait(SERVING, 1)
            yield process, log
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                reader.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium."""
    program = needed(chromium).path
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(program), args=ARGUMENTS)
        expect.set_options(timeout=PATIENCE)
        yield browser
        expect.set_options(timeout=None)
        browser.close()


@contextlib.contextmanager
def watching(hub: Hub) -> Iterator[subprocess.Popen[str]]:
    """`grader watch` as the account of the course."""
    command = hub.command(COURSE, str(BIN / "grader"), "watch", LAB, "--jobs", "1", "--json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def readable(hub: Hub, user: str, places: Sequence[Path]) -> list[str]:
    """Which of these a user can read or list, and what is below them that the user can."""
    script = (
        'for place in "$@"; do find "$place" \\( -type f -o -type d \\) -readable -print 2>/dev/null; done | head -50'
    )
    done = subprocess.run(
        hub.command(user, "bash", "-c", script, "find", *map(str, places)), capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines()
