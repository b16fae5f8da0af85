"""From a file that was handed in to what a submission is made of: a lab's notebook and attempts, bounded."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from grader.course.filenames import is_attempts, is_junk, is_notebook, lab_of, name_problem
from grader.exchange.archive import CHUNK, ZIP, ArchiveError, Member, contents, members
from grader.exchange.downloads import ASK, MAX_FILES, Sent
from grader.exchange.told import NotTakenError, Told
from grader.quizzes.run import ATTEMPTS_FILE
from grader.text import student_text

MAX_FILE = 64 * 2**20  # bytes of one file
MAX_STUDENT = 256 * 2**20  # bytes that one student's files of a download unpack to, all together
MARGIN = 256 * 2**20  # bytes that stay free on the disk
LOOK_EVERY = 4 * 2**20  # bytes between two looks at the disk
MAX_DEPTH = 2  # a zip in the zip that was handed in
WITH_CARE = f"look at it with care; {ASK}"


@dataclass
class Budget:
    """What one student's files of one download may still unpack to, in bytes, and the folder whose disk they fill."""

    place: Path
    left: int = MAX_STUDENT
    unlooked: int = 0

    def spend(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces, as long as there is room for them.

        Raises:
            NotTakenError: the student's share or the disk is full.
        """
        require_space(self.place)
        for piece in pieces:
            self.left -= len(piece)
            self.unlooked += len(piece)
            if self.left < 0:
                raise NotTakenError(f"the student's files unpack to more than {MAX_STUDENT // 2**20} MB", ASK)
            if self.unlooked >= LOOK_EVERY:
                self.unlooked = 0
                require_space(self.place)
            yield piece


def free_bytes(place: Path) -> int:
    """What is free on the disk of a folder."""
    return shutil.disk_usage(place).free


def require_space(place: Path) -> None:
    """Raise NotTakenError where less than the margin is free, with what is missing."""
    missing = MARGIN + LOOK_EVERY - free_bytes(place)
    if missing > 0:
        said = f"the disk is full: at least {missing / 2**20:.0f} MB are missing ({MARGIN // 2**20} MB stay free)"
        raise NotTakenError(said, "make room, and collect again")


@dataclass(frozen=True)
class Part:
    """A file of a submission: of which lab, what it is called there, and its content in a file without a name."""

    lab: str
    name: str
    content: BinaryIO


@dataclass(frozen=True)
class Asked:
    """What is known while a file is looked into; `lab` is that of files whose names do not tell it."""

    labs: Collection[str]
    lab: str | None
    budget: Budget
    told: Told
    whose: str


def parts_of(one: Sent, asked: Asked) -> list[Part]:
    """What one file brings to submissions; a hand-in zip is looked into. What else is in it is told, but for junk.

    Raises:
        NotTakenError: nothing of it is part of a submission.
    """
    with one.download.open("rb") as download:
        whole = iter(lambda: download.read(CHUNK), b"")
        pieces = _at_most(whole) if one.member is None else contents(download, one.member, MAX_FILE)
        content = _stored(pieces, asked.budget)
    try:
        if content.read(4) in ZIP:
            parts = _from_zip(one.source, content, asked, 1)
            content.close()
            return parts
        lab, name = _meaning(PurePosixPath(one.file), asked)
    except BaseException:
        content.close()
        raise
    return [Part(lab, name, content)]


def _stored(pieces: Iterator[bytes], budget: Budget) -> BinaryIO:
    """Content on the disk in a file without a name, which is gone when it is closed, and after a crash."""
    file = tempfile.TemporaryFile(dir=budget.place)  # noqa: SIM115 - who asked closes it
    try:
        for piece in budget.spend(pieces):
            file.write(piece)
        file.seek(0)
    except ArchiveError as error:
        file.close()
        raise NotTakenError(f"refused: {error}", WITH_CARE) from None
    except BaseException:
        file.close()
        raise
    return cast(BinaryIO, file)


def _at_most(pieces: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_FILE:
            raise ArchiveError(f"it has more than {MAX_FILE // 2**20} MB")
        yield piece


def _meaning(path: PurePosixPath, asked: Asked) -> tuple[str, str]:
    """The lab of a file, and what it is called in a submission."""
    above = next((lab for part in reversed(path.parts[:-1]) if (lab := lab_of(part, asked.labs))), None)
    if is_attempts(path.name):
        if (lab := above or asked.lab) is None:
            raise NotTakenError("it does not say of which lab it is", "say it with --lab")
        return lab, ATTEMPTS_FILE
    if not is_notebook(path.name):
        raise NotTakenError("it is no notebook and no hand-in zip", ASK)
    if (lab := lab_of(path.name, asked.labs) or asked.lab) is None:
        stem = student_text(path.name.rpartition(".")[0], 80)
        raise NotTakenError(f"{stem} is the name of no lab", "say of which lab it is with --lab")
    return lab, f"{lab}.ipynb"


def _from_zip(source: str, file: BinaryIO, asked: Asked, depth: int) -> list[Part]:
    """The notebooks of a hand-in zip, one a lab, with their attempts; of a zip in a zip likewise."""
    kept = _kept(source, file, asked)
    notebooks = [member for member in kept if is_notebook(member.name)]
    inner = [member for member in kept if member.name.lower().endswith(".zip")]
    if not notebooks and len(inner) == 1 and depth < MAX_DEPTH:
        content = _stored(contents(file, inner[0], MAX_FILE), asked.budget)
        with content:
            if content.read(4) in ZIP:
                return _from_zip(f"{source}:{inner[0].name}", content, asked, depth + 1)
    chosen = _one_a_lab(notebooks, asked)
    parts: list[Part] = []
    try:
        for lab, member in chosen.items():
            parts.append(Part(lab, f"{lab}.ipynb", _stored(contents(file, member, MAX_FILE), asked.budget)))
        for member in (member for member in kept if member not in chosen.values()):
            parts.extend(
                _beside(source, file, member, chosen, asked, {part.lab for part in parts if part.name == ATTEMPTS_FILE})
            )
    except BaseException:
        for part in parts:
            part.content.close()
        raise
    return parts


def _kept(source: str, file: BinaryIO, asked: Asked) -> list[Member]:
    """The members of a zip that might be part of a hand-in; the others are told, but for junk."""
    kept: list[Member] = []
    try:
        for member in members(file):
            if is_junk(member.name):
                continue
            if problem := name_problem(member.name):
                asked.told.add(f"{source}:{member.name}", problem, WITH_CARE, asked.whose)
            elif len(kept) == MAX_FILES:
                asked.told.add(
                    f"{source}:{member.name}", f"more than {MAX_FILES} files of one student", ASK, asked.whose
                )
            else:
                kept.append(member)
    except ArchiveError as error:
        raise NotTakenError(f"refused: {error}", WITH_CARE) from None
    names = Counter(member.name for member in kept)
    for name in (name for name, count in names.items() if count > 1):
        asked.told.add(f"{source}:{name}", "the zip has two files of this name", ASK, asked.whose)
    return [member for member in kept if names[member.name] == 1]


def _one_a_lab(notebooks: Sequence[Member], asked: Asked) -> dict[str, Member]:
    """The notebook of each lab; one whose name tells none is that of the lab that was asked for, if it is alone."""
    found: dict[str, Member] = {}
    for member in notebooks:
        lab = lab_of(member.name, asked.labs)
        if lab is None and len(notebooks) == 1:
            lab = _meaning(PurePosixPath(member.name), asked)[0]
        if lab in found:
            said = f"it holds {len(notebooks)} notebooks, of {lab} more than one"
            raise NotTakenError(said, "ask which of them counts")
        if lab is not None:
            found[lab] = member
    if not found:
        raise NotTakenError(f"it holds {len(notebooks)} notebooks, one was expected", "ask for it again")
    return found


def _beside(
    source: str, file: BinaryIO, member: Member, chosen: Mapping[str, Member], asked: Asked, have: Collection[str]
) -> list[Part]:
    """The attempts of a lab's quiz; anything else beside a notebook is told."""
    path = PurePosixPath(member.name)
    try:
        if not is_attempts(member.name):
            raise NotTakenError("it is no part of a hand-in", "nothing, unless you asked for it")
        near = [lab for lab, notebook in chosen.items() if PurePosixPath(notebook.name).parent == path.parent]
        labs = near if len(near) == 1 else list(chosen)
        if len(labs) > 1:
            raise NotTakenError("it does not say of which lab it is", ASK)
        if labs[0] in have:
            raise NotTakenError("the zip has two files of attempts of one lab", ASK)
        return [Part(labs[0], ATTEMPTS_FILE, _stored(contents(file, member, MAX_FILE), asked.budget))]
    except NotTakenError as error:
        asked.told.add(f"{source}:{member.name}", error.why, error.remedy, asked.whose)
        return []
