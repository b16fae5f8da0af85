"""What is in a download, file by file: whose it is and where it lies. Contents are not read here.

Moodle packs `Ada Lovelace_1234567_assignsubmission_file/…` (or that as a prefix of each file), Canvas
`lovelaceada_LATE_4711_815_01-decoding-hand-in-1.zip`. The part up to the file is the platform's word, the rest the
student's; so one pattern is chosen for a whole download, by what most of its files are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from grader.course.filenames import is_junk, is_notebook, lab_of, name_problem
from grader.course.people import FILES, Person, person
from grader.course.roster import NUMBER
from grader.exchange.archive import ZIP, ArchiveError, Member, is_sound, members
from grader.exchange.told import Told
from grader.text import StudentText, student_text

PATTERNS: Mapping[str, re.Pattern[str]] = {
    "moodle": re.compile(r"(?P<name>[^/]+?)_(?P<number>[0-9]+)_assignsubmission_file_?/?(?P<file>.+)", re.DOTALL),
    "canvas": re.compile(r"(?P<name>[^_/]+)_(?P<late>LATE_)?(?P<number>[0-9]+)_[0-9]+_(?P<file>[^/]+)", re.DOTALL),
    "folders": re.compile(r"(?P<name>[^/]+)/(?P<file>.+)", re.DOTALL),
}
PLATFORMS = ("moodle", "canvas")
ONLINE_TEXT = re.compile(r"^[^/]+_[0-9]+_assignsubmission_onlinetext")
OTHER = "other"  # the platform of a pattern of one's own
MAX_FILES = 100  # of one student in one download
MAX_KEPT = 50_000  # files of a download: what is known of them takes some 100 MB
NO_CLOCK = 1980  # the year of zip entries that carry no time
AHEAD = timedelta(days=1)  # clocks differ; nothing was handed in later than this from now
ASK = "ask for the file of labkit.hand_in()"


@dataclass(frozen=True, slots=True)
class Sent:
    """One file of one person in a download; `time` is when the platform got it, where that is known."""

    source: StudentText
    person: Person
    file: str
    late: bool
    time: datetime | None
    download: Path
    member: Member | None


def files_in(
    download: Path, labs: Collection[str], pattern: re.Pattern[str] | None, zone: tzinfo, told: Told
) -> list[Sent]:
    """The files in a bulk download, by person; of a notebook or a hand-in zip, itself. What is left out is told."""
    try:
        with download.open("rb") as file:
            if download.suffix.lower() != ".zip" and file.read(4) not in ZIP:
                return [_by_itself(download)]
            if _is_hand_in(members(file), labs):
                return [_by_itself(download)]
            known = next((name for name, one in PATTERNS.items() if one is pattern), OTHER)
            chosen = [(known, pattern)] if pattern else _chosen(file)
            return _assigned(download, file, chosen, zone, told)
    except FileNotFoundError:
        told.add(str(download), "there is no such file", "check the path")
    except OSError as error:
        told.add(str(download), f"cannot be read: {error.strerror or error}", "check the path and its permissions")
    except ArchiveError as error:
        told.add(str(download), f"refused: {error}", "download it again")
    return []


def _by_itself(download: Path) -> Sent:
    time = datetime.fromtimestamp(download.stat().st_mtime, tz=UTC)
    who = person(FILES, "", download.resolve().parent.name)
    return Sent(student_text(str(download)), who, download.name, False, time, download, None)


def _is_hand_in(found: Iterator[Member], labs: Collection[str]) -> bool:
    """Whether a zip is one hand-in: `<lab>/<lab>.ipynb` or just that notebook, and little else."""
    names = []
    try:
        for member in found:
            if not is_junk(member.name):
                names.append(member.name)
            if len(names) > MAX_FILES:
                return False
    except ArchiveError:
        pass
    notebooks = [PurePosixPath(name) for name in names if is_notebook(name)]
    if len(notebooks) != 1 or any(PATTERNS[name].fullmatch(path) for path in names for name in PLATFORMS):
        return False
    lab = lab_of(notebooks[0].name, labs)
    above = notebooks[0].parts[:-1]
    return lab is not None and (not above or (len(above) == 1 and lab_of(above[0], labs) == lab))


def _chosen(file: BinaryIO) -> Sequence[tuple[str, re.Pattern[str]]]:
    """The pattern that most paths fit, which is the platform's; both platforms' where neither is more likely.

    A download that was unpacked and packed again may have one folder around everything.
    """
    fits: Counter[str] = Counter()
    within: Counter[str] = Counter()
    tops: set[str] = set()
    try:
        for path in (member.name for member in members(file) if not is_junk(member.name)):
            top, _, below = path.partition("/")
            fits.update(name for name in PLATFORMS if PATTERNS[name].fullmatch(path))
            within.update(name for name in PLATFORMS if PATTERNS[name].fullmatch(below))
            tops |= {top} if len(tops) < 2 else set()
    except ArchiveError:
        pass
    around = ""
    if not fits and within and len(tops) == 1:
        around, fits = re.escape(f"{tops.pop()}/"), within
    most = max(fits.values(), default=0)
    likely = [(name, re.compile(around + PATTERNS[name].pattern, re.DOTALL)) for name in fits if fits[name] == most]
    return likely or [("folders", PATTERNS["folders"])]


def _assigned(
    download: Path,
    file: BinaryIO,
    chosen: Sequence[tuple[str, re.Pattern[str]]],
    zone: tzinfo,
    told: Told,
) -> list[Sent]:
    kept: list[Sent] = []
    counts: Counter[tuple[str, str, str]] = Counter()
    try:
        for member in members(file):
            path = member.name
            if is_junk(path) or ONLINE_TEXT.search(path):
                continue
            source = student_text(f"{download.name}:{path}")
            matches = [(name, match) for name, pattern in chosen if (match := pattern.fullmatch(path))]
            who, rest, late = _whose(*matches[0]) if matches else (None, path, False)
            whose = student_text(f"{download.name}: {who}") if who else download.name
            if is_junk(rest):
                continue
            if problem := name_problem(path):
                told.add(source, problem, f"look at it with care; {ASK}", whose)
            elif len(matches) > 1:
                told.add(source, "it may be Moodle's or Canvas's", "say which: --pattern moodle, or canvas", whose)
            elif who is None:
                told.add(source, "its path fits no pattern", "say how paths read with --pattern", whose)
            elif len(kept) == MAX_KEPT:
                told.add(
                    source, f"the download has more than {MAX_KEPT} files", "make two downloads of it", download.name
                )
            else:
                counts[who.identity] += 1
                if counts[who.identity] > MAX_FILES:
                    told.add(source, f"more than {MAX_FILES} files of one student", ASK, whose)
                else:
                    kept.append(Sent(source, who, rest, late, _time(member, zone), download, member))
    except ArchiveError as error:
        told.add(str(download), f"{error} after {len(kept)} files; those are taken", "download it again")
    return _alone(kept, _inside(file, kept), told)


def _whose(platform: str, match: re.Match[str]) -> tuple[Person | None, str, bool]:
    groups = {name: value or "" for name, value in match.groupdict().items()}
    if groups.get("number") and not NUMBER.fullmatch(groups["number"]):
        return None, groups["file"], False
    who = person(platform, groups.get("number", ""), groups.get("name", ""))
    return who, groups["file"], bool(groups.get("late"))


def _inside(file: BinaryIO, kept: Sequence[Sent]) -> set[int]:
    """Which files begin inside another's bytes; those whose own header contradicts the list count for nothing here."""
    places = sorted((one.member.start, one.member.end, at, one.member) for at, one in enumerate(kept) if one.member)
    if all(before[1] <= after[0] for before, after in pairwise(places)):
        return set()
    inside: set[int] = set()
    reached = 0
    for start, end, at, member in places:
        if is_sound(file, member):
            if start < reached:
                inside.add(at)
            reached = max(reached, end)
    return inside


def _alone(kept: Sequence[Sent], inside: Collection[int], told: Told) -> list[Sent]:
    """All files but those whose name is in the download twice, and those that lie inside others."""
    names = Counter(one.member.raw for one in kept if one.member)
    alone = []
    for at, one in enumerate(kept):
        whose = student_text(f"{one.download.name}: {one.person}")
        if one.member and names[one.member.raw] > 1:
            told.add(one.source, "the download has two files of this name", ASK, whose)
        elif at in inside:
            told.add(one.source, "it lies inside another file of the zip", f"look at it with care; {ASK}", whose)
        else:
            alone.append(one)
    return alone


def _time(member: Member, zone: tzinfo) -> datetime | None:
    """When the platform got a file; a clock that was not set, that is ahead, or a day that is none says nothing."""
    year, month, day = (member.date >> 9) + 1980, member.date >> 5 & 15, member.date & 31
    if year == NO_CLOCK:
        return None
    try:
        clock = member.clock >> 11, member.clock >> 5 & 63, (member.clock & 31) * 2
        time = datetime(year, month, day, *clock, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return time if time <= datetime.now(UTC) + AHEAD else None
