"""Evaluating banks: their code runs shut in, item by item, and no bank can stop the program or take it over.

A process of its own (`grader.quizzes.forker`) forks, for each item, one that enters the sandbox in which students'
kernels run: no network, no file of the author's, nothing writable that stays, bounded memory and processes. What comes
back is read as a stranger's: bounded, by kind, and only as results of the item that was asked for. So a bank may lie
about itself, and about nothing else.
"""

from __future__ import annotations

import ast
import json
import logging
import math
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Literal

import labkit
from grader.course.settings import NOTHING_SAID, CourseSettings
from grader.kernels.sandbox import SandboxError, View
from grader.quizzes.forker import Settings
from grader.quizzes.worker import MUTANT
from grader.text import student_text
from labkit.cache import VARIABLE

LIMIT = 60.0  # seconds for one thing to evaluate
START = 120.0  # seconds for the process to start and import on a busy machine: some libraries take fifteen alone
MOST_BYTES = 64 * 2**20  # of one answer
PRIVATE_MB = 4096  # memory of all processes of one item
MOST_SAID = 300  # characters of an error
KEPT_VARIABLES = ("PATH", "LANG", "VIRTUAL_ENV", "SYSTEMROOT")
PRELOADED = {"labkit", "matplotlib", "scipy", "torch"}  # and the libraries that the course names
LOG = logging.getLogger("grader.quizzes")

Walls = Literal["required", "preferred", "none"]
"""Whether banks run in the sandbox: always, or else not at all; where one can be had; or with the author's rights."""


@dataclass(frozen=True)
class Broken:
    """Something that could not be evaluated. `inside` is the line within its source, where that is known."""

    path: str
    message: str
    line: int | None = None
    inside: int | None = None


@dataclass(frozen=True)
class Evaluated:
    """One variant of one item: results by path, and what broke."""

    item: str
    variant: int
    results: Mapping[str, Any] = field(default_factory=dict)
    broken: tuple[Broken, ...] = ()
    mutants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the item's mutants gave where they differ from it (see `grader.quizzes.mutants`); None where they broke."""

    def text(self, path: str) -> str:
        """A filled-in text; empty where it broke."""
        return str(self.results.get(path, ""))

    def number(self, path: str) -> float | None:
        """A number; None where it broke or is none."""
        found = self.results.get(path)
        return found if isinstance(found, float) else None

    def holds(self, path: str) -> bool | None:
        """What a claim said; None where it broke or was not asked."""
        found = self.results.get(path)
        return bool(found["holds"]) if isinstance(found, dict) and "holds" in found else None


def evaluate(
    requests: Iterable[dict[str, Any]],
    limit: float = LIMIT,
    walls: Walls = "required",
    course: CourseSettings = NOTHING_SAID,
    enough: Callable[[Evaluated], bool] = lambda _: False,
) -> Iterator[Evaluated]:
    """Run requests of `grader.quizzes.asking` one after the other; those of one item stand together.

    A process serves all of an item; one that hangs or dies is replaced, what it worked on is broken, the rest goes on.
    Where a variant is `enough`, the others of its item are left out.

    Raises:
        SandboxError: no sandbox is to be had here, and one is required.
    """
    waiting = list(requests)
    if not waiting:
        return
    with tempfile.TemporaryDirectory(prefix="grader-quiz-") as folder:
        forker = _started(Path(folder), waiting, walls, course)
        try:
            for _, of_item in groupby(waiting, key=lambda request: request["item"]):
                worker: _Worker | None = None
                try:
                    for request in of_item:
                        worker = worker if worker is not None and worker.alive else _Worker(forker)
                        one = worker.run(request | {"limit": limit}, 1.5 * limit)  # for those that heed no alarm
                        yield one
                        if enough(one):
                            break
                finally:
                    if worker is not None:
                        worker.close()
        finally:
            forker.close()


def _started(folder: Path, requests: Sequence[dict[str, Any]], walls: Walls, course: CourseSettings) -> _Forker:
    """The forker for these requests, with a sandbox where one is wanted and can be had."""
    if walls == "none":
        return _Forker(folder, requests, course, sandboxed=False)
    try:
        if sys.platform != "linux":
            raise SandboxError(f"the sandbox needs Linux, this is {sys.platform}.")
        forker = _Forker(folder, requests, course, sandboxed=True)
        try:
            _Worker(forker).close()
        except BaseException:
            forker.close()
            raise
    except SandboxError as refused:
        if walls == "required":
            raise
        LOG.warning("the course's own banks run with your rights, not shut in: %s", refused)
        return _Forker(folder, requests, course, sandboxed=False)
    return forker


class _Forker:
    """A running `grader.quizzes.forker`."""

    def __init__(
        self, folder: Path, requests: Sequence[dict[str, Any]], course: CourseSettings, sandboxed: bool
    ) -> None:
        root, home = folder / "root", folder / "home"
        for path in (root, home):
            path.mkdir(exist_ok=True)
        draws = any(ask["kind"] == "figure" for request in requests for ask in request["asks"])
        readable, imports = _readable(course), _imports(requests, course)
        settings = Settings(sandboxed, str(root), str(home), readable, imports, draws, PRIVATE_MB)
        self.control, theirs = socket.socketpair()
        with theirs:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-P", "-m", "grader.quizzes.forker", json.dumps(asdict(settings))],
                cwd="/",
                env=_environment(str(home), course),
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        out = _pipe(self.process.stdout)
        ready, _, _ = select.select([out], [], [], START)
        if not ready or out.readline() != b"ready\n":
            self.close()
            raise RuntimeError(f"{sys.executable} -m grader.quizzes.forker does not start; run it to see why.")

    def connection(self) -> socket.socket:
        """One end of a connection whose other end a process for one item holds."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self.control, [b"+"], [theirs.fileno()])
        return ours

    def close(self) -> None:
        """End it; what it forked ends with the connections."""
        self.control.close()
        self.process.kill()
        self.process.wait()
        _pipe(self.process.stdout).close()


class _Worker:
    """A process that runs one item's code.

    Raises:
        SandboxError: it could not be shut in.
    """

    def __init__(self, forker: _Forker) -> None:
        self.connection = forker.connection()
        self.rest = b""
        self.alive = True
        hello = self._line(START)
        if hello is None or hello.get("ready") is not True:
            self.close()
            raise SandboxError(str((hello or {}).get("refused", "a process for a bank ended before it was shut in")))

    def run(self, request: dict[str, Any], limit: float) -> Evaluated:
        """Send one request and read its results, each within `limit` seconds."""
        results: dict[str, Any] = {}
        broken: list[Broken] = []
        mutants: dict[str, dict[str, Any]] = {}
        given = {"path": "given", "kind": "given"}
        try:
            self.connection.settimeout(limit)
            self.connection.sendall(json.dumps(_with_figures(request)).encode() + b"\n")
        except OSError:
            self.alive = False
        for ask in [given, *request["asks"], *(request["mutants"] if request["probe"] else ())]:
            path, said = ask["path"], self._line(limit) if self.alive else None
            if said is None or "ended" in said:
                why = f"it did not end within {limit:g} s, or ended the process; it was stopped"
                broken.append(Broken(path, student_text((said or {}).get("ended", why), MOST_SAID)))
                self.close()
                break
            if "error" in said:
                error = student_text(said["error"], MOST_SAID)
                broken.append(Broken(path, error, _whole(said.get("line")), _whole(said.get("inside"))))
                if path == "given":
                    break
                continue
            result = said.get("result")
            mutant, _, inside = path.rpartition(MUTANT)
            if mutant and result is None and said.get("path") == path:
                mutants.setdefault(mutant, {})[inside] = None
                continue
            if said.get("path") != path or not READ[ask["kind"]](result):
                broken.append(Broken(path, "it says what is no result; the process was stopped"))
                self.close()
                break
            if mutant:
                mutants.setdefault(mutant, {})[inside] = result
            else:
                results[path] = result
        return Evaluated(request["item"], request["variant"], results, tuple(broken), mutants)

    def _line(self, limit: float) -> dict[str, Any] | None:
        """The next thing that the process says; None if it says nothing in time, has ended, or says what is no JSON."""
        until = time.monotonic() + limit
        while True:
            while b"\n" not in self.rest:
                ready, _, _ = select.select([self.connection], [], [], max(0.0, until - time.monotonic()))
                try:
                    chunk = self.connection.recv(2**16) if ready else b""
                except OSError:
                    chunk = b""
                if not chunk or len(self.rest) > MOST_BYTES:
                    return None
                self.rest += chunk
            line, _, self.rest = self.rest.partition(b"\n")
            if line:
                break
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            return {}
        return said if isinstance(said, dict) else {}

    def close(self) -> None:
        """End the process, whatever it does: its guard sees that nobody listens."""
        self.alive = False
        self.connection.close()


def _is_text(value: Any) -> bool:
    """Whether a result is text that a file can hold."""
    if type(value) is not str:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_value(value: Any) -> bool:
    return _is_text(value) or (type(value) is float and math.isfinite(value))


def _is_claim(value: Any) -> bool:
    if type(value) is not dict or set(value) != {"holds", "idle"}:
        return False
    return type(value["holds"]) is bool and _is_text(value["idle"])


def _is_run(value: Any) -> bool:
    return type(value) is dict and set(value) == {"code", "printed"} and all(map(_is_text, value.values()))


READ: Mapping[str, Callable[[Any], bool]] = {
    "given": lambda value: value is True,
    "text": _is_text,
    "value": _is_value,
    "claim": _is_claim,
    "run": _is_run,
    "figure": _is_text,
}


def _whole(value: Any) -> int | None:
    """A number of a line, where it is one."""
    return value if type(value) is int and 0 < value < 10**6 else None


def _with_figures(request: dict[str, Any]) -> dict[str, Any]:
    """The request with the code that draws its figures, which is not to be seen where it runs."""
    path = Path(request["figures"])
    draws = any(ask["kind"] == "figure" for ask in request["asks"])
    return request | {"drawn_by": path.read_text(encoding="utf-8") if draws and path.is_file() else None}


def _readable(course: CourseSettings) -> list[str]:
    """What a bank's code may read: Python, the installed packages, labkit, and what the course says."""
    return list(View.of(Path(labkit.__file__).parent, *course.paths()).paths)


def _imports(requests: Iterable[dict[str, Any]], course: CourseSettings) -> list[list[str]]:
    """Modules of large libraries that the code of these requests imports, with the names that it takes from them."""
    sources = {block["source"]: None for request in requests for block in request["given"]}
    sources |= {str(ask["source"]): None for request in requests for ask in request["asks"] if ask["kind"] == "run"}
    found: dict[str, set[str]] = {}
    for source in sources:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # it breaks where it runs
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found.setdefault(alias.name, set())
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.setdefault(node.module, set()).update(alias.name for alias in node.names)
    known = PRELOADED | set(course.warm) | set(course.readable)
    large = (module for module in found if module.partition(".")[0] in known)
    return [[module, *sorted(found[module] - {"*"})] for module in large]


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _environment(home: str, course: CourseSettings) -> dict[str, str]:
    """Little of the surroundings, so that results depend on the bank alone, and what the course says."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    fonts = str(Path(cache) / "matplotlib")
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    here = {"HOME": home, "TMPDIR": home, "MPLBACKEND": "Agg", "MPLCONFIGDIR": fonts, "PYTHONHASHSEED": "0"}
    told = {
        name: value for name, value in course.variables().items() if name != VARIABLE
    }  # what is fetched is not seen
    return kept | told | threads | here
