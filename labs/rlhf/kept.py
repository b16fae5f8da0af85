"""What cells have trained, kept in the folder of everything fetched, so that a lab that is opened again need not train.

A result lies there under the digest of what it rests on (`digest.py`). It is data and nothing else: a file of
safetensors, with the numbers as JSON in its head. What does not fit the models of the cell is left alone.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.cache import KEEP
from rlhf.cache import cache_folder

if TYPE_CHECKING:
    import torch

LIMIT = 512 * 2**20  # bytes of all results together; those that nobody took for longest go first
HEAD = "rlhf"  # the entry of a file's metadata
BROKEN = (OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError, ArithmeticError)

of_this_kernel: dict[Path, str] = {}  # what was taken or kept here: the file, and what its line is called


@dataclass(frozen=True)
class Earlier:
    """An earlier run: what its line watched, how many seconds it took, and when it ended."""

    values: dict[str, list[float]]
    seconds: float
    ended: datetime


class Kept:
    """The result of a training, in the models and lists of the notebook, and the same result of an earlier run."""

    def __init__(self, rests_on: Sequence[object], leaves: Sequence[Any]) -> None:
        """What decides about the result, and what it is left in.

        Args:
            rests_on: functions, trainers, data, settings; `torch.get_rng_state()` where random numbers are drawn.
            leaves: models, optimisers, tensors, generators, lists, dicts. How they are before training counts, too.
        """
        self.rests_on, self.leaves = rests_on, leaves
        self._path: Path | None = None

    def take(self, what: str, steps: int, done: int) -> Earlier | None:
        """Put the result of an earlier run of this very training into `leaves`; None where none is kept that fits."""
        self._path = None
        if os.environ.get(KEEP) == "off":
            return None
        from rlhf.digest import digest

        try:
            name = digest(what, steps, done, self.rests_on, self.leaves)
        except BROKEN:  # who knows on what that rests: it is trained
            return None
        self._path = folder() / f"{name}.safetensors"
        try:
            earlier, loads = _read(self._path, self.leaves)
            os.utime(self._path)
        except BROKEN:  # none, half a file, or somebody else's: a new one takes its place
            return None
        for load in loads:
            load()
        of_this_kernel[self._path] = what
        return earlier

    def keep(self, what: str, values: dict[str, list[float]], seconds: float) -> str:
        """Write the result down under what it rested on, once trained; what hindered that, or an empty text."""
        if self._path is None:
            return ""
        from rlhf.digest import random_numbers
        from rlhf.state import held_by, pack

        tensors: dict[str, torch.Tensor] = {}
        ended = datetime.now().isoformat(timespec="seconds")
        try:
            state = pack([random_numbers(), *map(held_by, self.leaves)], tensors)
            head = json.dumps({"values": values, "seconds": seconds, "ended": ended, "state": state})
            if sum(tensor.nbytes for tensor in tensors.values()) + len(head) > LIMIT:
                return "too large to be kept"
            _write(self._path, tensors, head)
        except OSError as error:
            return f"not kept: {error.strerror}"
        except TypeError as error:
            return f"not kept: it holds a {error}"
        of_this_kernel[self._path] = what
        return ""


def folder() -> Path:
    """Where results are kept."""
    return cache_folder() / "kept"


def forget(paths: Iterable[Path]) -> None:
    """Keep these results no longer."""
    for path in paths:
        path.unlink(missing_ok=True)


def _read(path: Path, leaves: Sequence[Any]) -> tuple[Earlier, list[Callable[[], object]]]:
    """An earlier run, and what puts its result in place. All of it is looked at, and nothing is changed yet."""
    from safetensors import SafetensorError, safe_open

    from rlhf.state import loader, random_loader, unpack

    if path.stat().st_size > 2 * LIMIT:
        raise ValueError("too large")
    try:
        with safe_open(path, framework="pt") as opened:
            told = json.loads((opened.metadata() or {})[HEAD])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (it is no dict)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    values = {str(name): [float(one) for one in row] for name, row in told["values"].items()}
    seconds = float(told["seconds"])
    if not math.isfinite(seconds):
        raise ValueError("no seconds")
    random, *state = unpack(told["state"], tensors)
    loads = [loader(one, new) for one, new in zip(leaves, state, strict=True)]
    return Earlier(values, seconds, datetime.fromisoformat(told["ended"])), [*loads, random_loader(random)]


def _write(path: Path, tensors: dict[str, torch.Tensor], head: str) -> None:
    """A file that appears once it is whole; older ones go where there is no room for all."""
    from safetensors.torch import save

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        try:
            file.write(save(tensors, {HEAD: head}))
            file.close()
            Path(file.name).replace(path)
        except BaseException:
            file.close()
            Path(file.name).unlink(missing_ok=True)
            raise
    _make_room(path.parent)


def _make_room(folder: Path) -> None:
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another kernel makes room, too
            found.append((path.stat().st_mtime, path.stat().st_size, path))
    total = 0
    for _, size, path in sorted(found, reverse=True):
        total += size
        if total > LIMIT:
            path.unlink(missing_ok=True)
