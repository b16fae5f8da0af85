"""Putting a submission in its place: there is the old one or the new one, never half of one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from grader.exchange.told import NotTakenError


def put_submission(folder: Path, lab: str, files: Mapping[str, BinaryIO | bytes]) -> None:
    """Replace what a student handed in for a lab. Where anything fails, what was there stays.

    Attempts without a notebook join the notebook that is there. Links are never followed: a student's folder that is
    one is refused, one in the place of the lab is replaced.

    Args:
        folder: the student's, in `class/submitted`.
        lab: the lab.
        files: contents by name.

    Raises:
        NotTakenError: the student's folder is a link.
        OSError: something could not be written.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise NotTakenError(f"class/submitted/{folder.name} is no folder but a link or a file", "take it away")
    new_here = not folder.exists()
    goal, part, old = folder / lab, folder / f".{lab}.part", folder / f".{lab}.old"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if old.is_dir() and not old.is_symlink() and not goal.exists():  # a run ended between the two renames
            old.rename(goal)
        _remove(part)
        _remove(old)
        part.mkdir()
        for name, content in files.items():
            with (part / name).open("xb") as file:
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    content.seek(0)
                    shutil.copyfileobj(content, file)
        before = goal / f"{lab}.ipynb"
        if before.name not in files and not goal.is_symlink() and before.is_file() and not before.is_symlink():
            shutil.copyfile(before, part / before.name)
        _swap(goal, part, old)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        if new_here and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        raise


def _swap(goal: Path, part: Path, old: Path) -> None:
    if goal.is_symlink() or goal.exists():
        goal.rename(old)
    try:
        part.rename(goal)
    except BaseException:
        if old.is_symlink() or old.exists():
            old.rename(goal)
        raise
    try:
        _remove(old)
    except OSError:
        return  # the new one is in place; what is left of the old one is in nobody's way, and goes next time


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
