"""What was evaluated before: results of unchanged items, by content, so that a bank is soon proved and built again.

A result belongs to a request (an item's code and texts), to the module of figures, and to what runs both: this package,
labkit, its weights, and the versions of the libraries. Whatever of these changes, the item is evaluated anew.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import labkit
from grader.files import write_whole
from grader.quizzes.evaluate import Broken, Evaluated, Walls, evaluate

DISTRIBUTIONS = ("numpy", "torch", "transformers", "trl", "matplotlib", "scipy", "datasets", "safetensors")
RUNNERS = ("asking.py", "evaluate.py", "forker.py", "probing.py", "worker.py")


def evaluate_or_recall(
    requests: Iterable[dict[str, Any]], folder: Path | None, limit: float, walls: Walls
) -> Iterator[Evaluated]:
    """As `evaluate`, in any order, with results of earlier runs taken from files of `folder`, and new ones put there.

    A result whose claims were probed serves where no probe is asked for too. What broke is tried again in the next run.
    Without a folder nothing is remembered.
    """
    if folder is None:
        yield from evaluate(requests, limit, walls)
        return
    waiting = {}
    for request in requests:
        known = _read(folder / _name(request)) or _read(folder / _name(request | {"probe": True}))
        if known is None:
            waiting[request["item"], request["variant"]] = request
        else:
            yield known
    for one in evaluate(waiting.values(), limit, walls):
        if not one.broken:
            _write(folder / _name(waiting[one.item, one.variant]), one)
        yield one


def _name(request: dict[str, Any]) -> str:
    """The file of a request's result; where its bank lies, and at which line its code, makes no difference."""
    figures = Path(request["figures"])
    content = request | {
        "given": [block["source"] for block in request["given"]],
        "figures": hashlib.sha256(figures.read_bytes()).hexdigest() if figures.exists() else "",
        "surroundings": _surroundings(),
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


@lru_cache(maxsize=1)
def _surroundings() -> str:
    """What runs a bank's code, in one digest."""
    digest = hashlib.sha256()
    for name in DISTRIBUTIONS:
        digest.update(f"{name}=={importlib.metadata.version(name)}\n".encode())
    here, kit = Path(__file__).parent, Path(labkit.__file__).parent
    for path in [*(here / name for name in RUNNERS), *sorted(kit.rglob("*.py")), *sorted((kit / "weights").rglob("*"))]:
        if path.is_file():
            digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
