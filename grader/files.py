"""Writing files so that no reader and no crash ever meets half of one, and reading those of strangers."""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from grader.text import defused

MAX_NOTEBOOK_BYTES = 50 * 2**20  # of a notebook that was handed in

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


def read_plain(path: Path, most: int, cut: bool = False) -> bytes:
    """A plain file's bytes; neither a link nor a pipe is followed, whatever it became since it was listed.

    With `cut`, of a larger file the first `most` bytes and one more.

    Raises:
        OSError: it cannot be read, is no plain file any more, or has grown beyond `most` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is no plain file", str(path))
        content = file.read(most + 1)
    if len(content) > most and not cut:
        raise OSError(0, "it grew while it was read", str(path))
    return content


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
