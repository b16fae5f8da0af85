"""The processes that run banks' code, from the trusted side: they are started, asked, and believed little."""

from __future__ import annotations

import ast
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import labkit
from grader.course.settings import CourseSettings
from grader.kernels.sandbox import SandboxError, View
from grader.quizzes.evaluated import Broken, Evaluated
from grader.quizzes.wire import MUTANT, READ, Settings, whole
from grader.text import student_text
from labkit.cache import VARIABLE

START = 600.0  # seconds for the process to start and import on a busy machine: some libraries take fifteen alone
MOST_BYTES = 64 * 2**20  # of one answer
PRIVATE_MB = 4096  # memory of all processes of one item
MOST_SAID = 300  # characters of an error
KEPT_VARIABLES = ("PATH", "LANG", "VIRTUAL_ENV", "SYSTEMROOT")
PRELOADED = {"labkit", "matplotlib", "scipy", "torch"}  # and the libraries that the course names


class Forker:
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


class Worker:
    """A process that runs one item's code.

    Raises:
        SandboxError: it could not be shut in.
    """

    def __init__(self, forker: Forker) -> None:
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
                broken.append(Broken(path, error, whole(said.get("line")), whole(said.get("inside"))))
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
