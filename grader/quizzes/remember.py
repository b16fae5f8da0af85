"""What was evaluated before: results of unchanged items, by content, so that a bank is soon proved and built again.

A result belongs to a request (an item's code and texts), to the module of figures, and to what runs both: this package,
labkit, the course's library, and the versions that it names. Whatever of these changes, the item is evaluated anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import labkit
from grader.course.settings import NOTHING_SAID, CourseSettings, installed_version
from grader.files import write_whole
from grader.quizzes.evaluate import Walls, evaluate
from grader.quizzes.evaluated import Broken, Evaluated

DISTRIBUTIONS = ("numpy", "matplotlib", "scipy")  # and those that the course names
RUNNERS = (  # what runs a bank's code, and reads what it gave
    *("asking.py", "disturbing.py", "equalities.py", "evaluate.py", "forker.py", "lexicon.py", "probing.py"),
    *("processes.py", "reading.py", "relations.py", "wire.py", "worker.py"),
)


def evaluate_or_recall(
    requests: Iterable[dict[str, Any]],
    folder: Path | None,
    limit: float,
    walls: Walls,
    course: CourseSettings = NOTHING_SAID,
    enough: Callable[[Evaluated], bool] = lambda _: False,
) -> Iterator[Evaluated]:
    """As `evaluate`, in any order, with results of earlier runs taken from files of `folder`, and new ones put there.

    A result whose claims were probed serves where no probe is asked for too. What broke is tried again in the next run.
    Without a folder nothing is remembered.
    """
    if folder is None:
        yield from evaluate(requests, limit, walls, course, enough)
        return
    around = _surroundings(course)
    waiting = {}
    for request in requests:
        known = _read(folder / _name(request, around)) or _read(folder / _name(request | {"probe": True}, around))
        if known is None:
            waiting[request["item"], request["variant"]] = request
        else:
            yield known
    for one in evaluate(waiting.values(), limit, walls, course, enough):
        if not one.broken:
            _write(folder / _name(waiting[one.item, one.variant], around), one)
        yield one


def _name(request: dict[str, Any], around: str) -> str:
    """The file of a request's result; where its bank lies, and at which line its code, makes no difference."""
    figures = Path(request["figures"])
    content = request | {
        "given": [block["source"] for block in request["given"]],
        "figures": hashlib.sha256(figures.read_bytes()).hexdigest() if figures.exists() else "",
        "surroundings": around,
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"{digest[:2]}/{digest}.json"


def _read(path: Path) -> Evaluated | None:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Evaluated(**told | {"broken": tuple(Broken(**one) for one in told["broken"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write(path: Path, result: Evaluated) -> None:
    with suppress(OSError):  # another process may write the same result
        write_whole(path, json.dumps(asdict(result)).encode("utf-8"))


@lru_cache(maxsize=4)
def _surroundings(course: CourseSettings) -> str:
    """What runs a bank's code, in one digest."""
    digest = hashlib.sha256(course.of_grades().to_json().encode())
    for name in (*DISTRIBUTIONS, *course.distributions):
        digest.update(f"{name}=={installed_version(name)}\n".encode())
    for path in (Path(__file__).parent / name for name in RUNNERS):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    for package in (Path(labkit.__file__).parent, *course.packages()):
        for path in sorted(package.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
