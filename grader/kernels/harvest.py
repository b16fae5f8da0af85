"""Files into and out of a kernel's working folder, by the trusted side, which holds the folder by a descriptor.

No code in the kernel is asked. The descriptor came before anything of a student ran; from it, folders are opened one
part of a name at a time, and no link is followed: whatever lies in the folder, nothing outside it is read. See
openat(2).
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from grader.kernels.limits import Limits
from grader.text import StudentText, is_student_text, student_text

MEGABYTE = 2**20
MAX_ENTRIES = 50_000
MAX_TOLD = 20
MAX_NAME = 200
NOTEBOOK = ".ipynb"
# What Python and Jupyter make for themselves.
OF_TOOLS = ("__pycache__", ".ipynb_checkpoints")
BEFORE = 1_000_000_000  # ns: what is laid out is a second older than anything that a cell can write

Stamp = tuple[int, int, int, int]
"""Kind and mode, size, time of the last change of the content, time of the last change of anything, in ns."""


class LayoutError(ValueError):
    """Files cannot be laid out: a name leads outside, there are too many, or there is no room."""


@dataclass(frozen=True)
class Harvest:
    """What was made or changed in a working folder: content by relative name; and what was left there, in words."""

    files: dict[str, bytes] = field(default_factory=dict)
    left_out: tuple[StudentText, ...] = ()


@dataclass
class _Found:
    """Something in the folder: its name, what the system says of it, and the open folder that it lies in."""

    name: str
    leaf: str
    inside: int
    status: os.stat_result


def lay_out(folder: int, files: Mapping[str, bytes], limits: Limits) -> None:
    """Write files below the open folder `folder`, for its owner; they replace what is there.

    Raises:
        LayoutError: a name leads outside, there are too many files, or they do not fit into the kernel's memory.
    """
    if len(files) > limits.files:
        raise LayoutError(f"{len(files)} files, at most {limits.files} are taken")
    owner = os.fstat(folder)
    for name, content in files.items():
        parts = os.path.normpath(name).split("/")
        if os.path.isabs(name) or ".." in parts or parts == ["."] or "\0" in name:
            raise LayoutError("a file name leads out of the folder")
        try:
            _write(folder, parts, content, owner)
        except OSError as refused:
            room = f"kernels have {limits.disk_mb} MB for files"
            raise LayoutError(f"{student_text(name)} cannot be laid out ({refused.strerror}); {room}") from refused


def _write(folder: int, parts: list[str], content: bytes, owner: os.stat_result) -> None:
    inside = os.dup(folder)
    try:
        for part in parts[:-1]:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=inside)
                _give(inside, part, owner)
            deeper = _open_folder(part, inside)
            os.close(inside)
            inside = deeper
        with contextlib.suppress(FileNotFoundError):
            os.unlink(parts[-1], dir_fd=inside)
        made = os.open(parts[-1], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=inside)
        with open(made, "wb") as file:
            file.write(content)
        _give(inside, parts[-1], owner)
        then = time.time_ns() - BEFORE
        os.utime(parts[-1], ns=(then, then), dir_fd=inside, follow_symlinks=False)
    finally:
        os.close(inside)


def _give(inside: int, name: str, owner: os.stat_result) -> None:
    if os.geteuid() == 0:
        os.chown(name, owner.st_uid, owner.st_gid, dir_fd=inside, follow_symlinks=False)


def _open_folder(name: str, inside: int) -> int:
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=inside)


def stamps(folder: int, limits: Limits) -> dict[str, Stamp]:
    """What the system knows of everything below the open folder `folder`, before anything runs in it."""
    return {one.name: _stamp(one.status) for one in _walk(folder, limits, [])}


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def gather(folder: int, before: Mapping[str, Stamp], limits: Limits) -> Harvest:
    """The plain files below the open folder `folder` that are new or changed since `before`: no links, no notebooks."""
    told: list[str] = []
    files: dict[str, bytes] = {}
    left = limits.harvest_mb * MEGABYTE
    for one in _walk(folder, limits, told):
        if before.get(one.name) == _stamp(one.status):
            continue
        reason = _reason_against(one, limits)
        if reason is None and len(files) >= limits.harvest_files:
            reason = f"more than {limits.harvest_files} files"
        if reason is None and one.status.st_size > left:
            reason = f"all files together are more than {limits.harvest_mb} MB"
        content = _read(one, min(left, limits.harvest_file_mb * MEGABYTE)) if reason is None else None
        if content is None:
            told.append(f"{one.name}: {reason or 'it could not be read'}")
            continue
        files[one.name] = content
        left -= len(content)
    return Harvest(files, _told(told))


def _told(told: list[str]) -> tuple[StudentText, ...]:
    more = [f"and {len(told) - MAX_TOLD} more"] * (len(told) > MAX_TOLD)
    return tuple(student_text(line) for line in [*told[:MAX_TOLD], *more])


def _reason_against(one: _Found, limits: Limits) -> str | None:
    if stat.S_ISLNK(one.status.st_mode):
        return "a link"
    if not stat.S_ISREG(one.status.st_mode):
        return "not a plain file"
    if one.name.lower().endswith(NOTEBOOK):
        return "a notebook"
    if not is_student_text(one.name, MAX_NAME) or "\\" in one.name:
        return "its name is too long, or no plain text"
    if one.status.st_size > limits.harvest_file_mb * MEGABYTE:
        return f"larger than {limits.harvest_file_mb} MB"
    return None


def _read(one: _Found, most: int) -> bytes | None:
    """The content of a plain file, if it is still one and no longer than `most`: programs may be at work in there."""
    try:
        descriptor = os.open(one.leaf, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=one.inside)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        try:
            content = file.read(most + 1)
        except OSError:
            return None
    return content if len(content) <= most else None


def _walk(folder: int, limits: Limits, told: list[str]) -> Iterator[_Found]:
    """Everything below `folder` but folders; what is too deep, or cannot be opened, goes to `told`."""
    seen = 0
    left: list[tuple[str, int]] = [("", 0)]
    while left:
        below, depth = left.pop()
        try:
            inside = _open_below(folder, below)
        except OSError:
            told.append(f"{below}: it could not be read")
            continue
        try:
            for name in sorted(os.listdir(inside)):
                seen += 1
                if seen > MAX_ENTRIES:
                    told.append(f"the folder has more than {MAX_ENTRIES} entries: the rest was not looked at")
                    return
                try:
                    status = os.stat(name, dir_fd=inside, follow_symlinks=False)
                except OSError:  # it has gone meanwhile
                    continue
                whole = f"{below}/{name}" if below else name
                if not stat.S_ISDIR(status.st_mode):
                    yield _Found(whole, name, inside, status)
                elif name in OF_TOOLS:
                    continue
                elif depth == limits.harvest_depth:
                    told.append(f"{whole}: deeper than {limits.harvest_depth} folders")
                else:
                    left.append((whole, depth + 1))
        finally:
            os.close(inside)


def _open_below(folder: int, name: str) -> int:
    """Open a folder below another, one part of its name at a time; the last descriptor is the caller's to close."""
    inside = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
    for part in name.split("/") if name else ():
        try:
            deeper = _open_folder(part, inside)
        finally:
            os.close(inside)
        inside = deeper
    return inside
