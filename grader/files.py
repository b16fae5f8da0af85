"""Writing files so that no reader and no crash ever meets half of one."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from grader.text import defused

try:
    import fcntl
except ImportError:  # not on Windows, where nobody grades a class beside another
    fcntl = None  # type: ignore[assignment]


def write_whole(path: Path, content: bytes, mode: int = 0o644, flush: bool = False) -> None:
    """Write a file so that at every moment the old or the new content is there; with `flush`, also without power.

    Its folder is made. Of two processes that write one file at the same time, the later one's content stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    try:
        with part.open("xb") as file:
            file.write(content)
            if flush:
                file.flush()
                os.fsync(file.fileno())
        part.chmod(mode)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def locked(path: Path, waits: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock that only one process of this machine has at a time; it goes with the process, however that ends.

    `waits` is called where another process has it, before it is waited for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waits()
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_csv(path: Path, head: Sequence[str], lines: Iterable[Mapping[str, object] | Sequence[object]]) -> Path:
    """Write a CSV file in UTF-8, whole, with every formula defused; lines are mappings by the head, or sequences."""
    made = io.StringIO(newline="")
    writer = csv.writer(made)
    writer.writerow([defused(name) for name in head])
    for line in lines:
        cells = [line.get(name, "") for name in head] if isinstance(line, Mapping) else line
        writer.writerow([defused(cell) for cell in cells])
    write_whole(path, made.getvalue().encode("utf-8"))
    return path
