"""The working folder of a kernel over a folder of the host: what is read comes from there, what is written stays here.

The course's own files of an assignment may be large. They are shown, not copied: by an overlay file system whose upper
layer lies in the kernel's own memory, or, where the system gives none, bound one by one, read-only. See
filesystems/overlayfs of the kernel's documentation.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.kernels import linux

SMALL = 2**20
"""Bytes up to which a file is copied where it could not be written to otherwise."""
OVERLAY, BOUND = "an overlay", "bound file by file"
LOWER, UPPER, WORK = "lower", "upper", "work"


@dataclass(frozen=True)
class Entry:
    """Something below the host's folder: its relative name, and what it is."""

    name: str
    folder: bool
    plain: bool
    size: int


def one_part(name: str) -> str:
    """`name`, if it can be the name of a folder: one plain part of a path.

    Raises:
        ValueError: it cannot.
    """
    if not name or name in (".", "..") or "/" in name or "\\" in name or not name.isprintable() or len(name) > 100:
        raise ValueError("the name of a working folder is one part of a path, at most 100 printable characters long")
    return name


def entries(lower: str) -> list[Entry]:
    """Everything below a folder, folders before what is in them; links are not followed."""
    return list(_walk(lower, ""))


def _walk(top: str, below: str) -> Iterator[Entry]:
    with os.scandir(os.path.join(top, below)) as found:
        for one in sorted(found, key=lambda entry: entry.name):
            name = os.path.join(below, one.name)
            plain = one.is_file(follow_symlinks=False)
            folder = one.is_dir(follow_symlinks=False)
            yield Entry(name, folder, plain, one.stat(follow_symlinks=False).st_size if plain else 0)
            if folder:
                yield from _walk(top, name)


def show(lower: str, content: list[Entry], target: str, memory: str, owner: int) -> str:
    """Show `lower` at the folder `target`, for the user `owner` to read and write. Returns how.

    `memory` is a folder of the kernel's own memory that will be out of its sight; `content` are the entries of `lower`.
    """
    for name in (LOWER, UPPER, WORK):
        os.mkdir(f"{memory}/{name}")
    below = f"{memory}/{LOWER}"
    linux.mount(lower, below, None, linux.BIND | linux.REC)
    linux.read_only(below)
    _own_folders(content, f"{memory}/{UPPER}", owner)
    try:
        metacopy = _overlay(memory, target)
    except OSError as refused:
        _bind(content, below, target, owner)
        return f"{BOUND} ({refused.strerror})"
    for entry in content:
        # Taking over a file copies it, but for an overlay that keeps what is known of a file apart from its content.
        if entry.plain and (metacopy or entry.size <= SMALL):
            _give(f"{target}/{entry.name}", owner)
    return OVERLAY


def _own_folders(content: list[Entry], upper: str, owner: int) -> None:
    """Folders of the upper layer belong to the kernel's user: it may make files in them."""
    _make(upper, owner)
    for entry in content:
        if entry.folder:
            _make(f"{upper}/{entry.name}", owner)


def _make(folder: str, owner: int) -> None:
    os.makedirs(folder, mode=0o755, exist_ok=True)
    os.chown(folder, owner, owner) if os.getuid() == 0 else None


def _overlay(memory: str, target: str) -> bool:
    """Mount the layers on `target`. Returns whether owners can be changed without copying."""
    before = os.getcwd()
    os.chdir(memory)  # names without signs that would have to be escaped
    try:
        options = f"lowerdir={LOWER},upperdir={UPPER},workdir={WORK}"
        if os.getuid() == 0:
            linux.mount("overlay", target, "overlay", linux.NOSUID | linux.NODEV, f"{options},metacopy=on")
        else:
            linux.mount("overlay", target, "overlay", linux.NOSUID | linux.NODEV, f"{options},userxattr")
    finally:
        os.chdir(before)
    said = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if " - overlay " in line]
    return bool(said) and "metacopy=on" in said[-1].rpartition(" ")[2]


def _give(path: str, owner: int) -> None:
    """Let the kernel's user read and write a file; where the system refuses, it stays as it is."""
    with contextlib.suppress(OSError):
        mode = os.lstat(path).st_mode & 0o777
        if os.getuid() == 0:
            os.chown(path, owner, owner, follow_symlinks=False)
        if mode & 0o600 != 0o600:
            os.chmod(path, mode | 0o600)


def _bind(content: list[Entry], below: str, target: str, owner: int) -> None:
    """Without an overlay: small files are copied, large ones bound, read-only; links stay links."""
    _make(target, owner)
    for entry in content:
        source, place = f"{below}/{entry.name}", f"{target}/{entry.name}"
        if entry.folder:
            _make(place, owner)
        elif entry.plain and entry.size <= SMALL:
            shutil.copyfile(source, place)
            _give(place, owner)
        elif entry.plain:
            Path(place).touch()
            linux.mount(source, place, None, linux.BIND)
            linux.read_only(place)
        elif os.path.islink(source):
            os.symlink(os.readlink(source), place)
