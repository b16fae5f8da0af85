"""Evaluating banks in a process of their own, with limits on time and memory, so that no bank can stop the program."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

LIMIT = 60.0  # seconds for one thing to evaluate; the first import of TRL on a busy machine takes fifteen
START = 120.0  # seconds for the process to start on a busy machine
KEPT_VARIABLES = ("PATH", "LANG", "GRADER_ROOT", "VIRTUAL_ENV", "SYSTEMROOT")


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


def evaluate(requests: Iterable[dict[str, Any]], limit: float = LIMIT) -> Iterator[Evaluated]:
    """Run requests of `grader.quizzes.asking` one after the other.

    A process serves all of them; one that hangs or dies is replaced, what it worked on is broken, the rest goes on.
    """
    worker: _Worker | None = None
    try:
        for request in requests:
            worker = worker if worker is not None and worker.alive else _Worker()
            yield worker.run(request | {"limit": limit}, 1.5 * limit)  # for those that do not heed the alarm
    finally:
        if worker is not None:
            worker.close()


class _Worker:
    """A running `grader.quizzes.worker`."""

    def __init__(self) -> None:
        self.home = tempfile.TemporaryDirectory(prefix="grader-quiz-")
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-m", "grader.quizzes.worker"],
            cwd=self.home.name,
            env=_environment(self.home.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.rest = b""
        self.alive = True
        if self._line(START) != b"ready":
            self.close()
            raise RuntimeError(f"{sys.executable} -m grader.quizzes.worker does not start; run it to see why.")

    def run(self, request: dict[str, Any], limit: float) -> Evaluated:
        """Send one request and read its results, each within `limit` seconds."""
        results: dict[str, Any] = {}
        broken: list[Broken] = []
        with suppress(BrokenPipeError):
            _pipe(self.process.stdin).write(json.dumps(request).encode() + b"\n")
            _pipe(self.process.stdin).flush()
        for path in ["given", *(ask["path"] for ask in request["asks"])]:
            line = self._line(limit)
            if line is None:
                broken.append(Broken(path, f"it did not end within {limit:g} s, or ended the process; it was stopped"))
                self.close()
                break
            result = json.loads(line)
            if "error" in result:
                broken.append(Broken(path, result["error"], result.get("line"), result.get("inside")))
                if path == "given":
                    break
            else:
                results[path] = result["result"]
        return Evaluated(request["item"], request["variant"], results, tuple(broken))

    def _line(self, limit: float) -> bytes | None:
        """The next line that the process says; None if it says nothing in time or has ended."""
        out = _pipe(self.process.stdout)
        while b"\n" not in self.rest:
            ready, _, _ = select.select([out], [], [], limit)
            chunk = os.read(out.fileno(), 2**16) if ready else b""
            if not chunk:
                return None
            self.rest += chunk
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def close(self) -> None:
        """End the process, whatever it does."""
        self.alive = False
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # its children too: it leads a session of its own
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                _pipe(pipe).close()
        self.process.wait()
        self.home.cleanup()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _environment(home: str) -> dict[str, str]:
    """Little of the surroundings, so that results depend on the bank alone; no model hub is asked."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    fonts = str(Path(cache) / "matplotlib")
    quiet = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TOKENIZERS_PARALLELISM": "false"}
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    here = {"HOME": home, "TMPDIR": home, "MPLBACKEND": "Agg", "MPLCONFIGDIR": fonts, "PYTHONHASHSEED": "0"}
    return kept | quiet | threads | here
