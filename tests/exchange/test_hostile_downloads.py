"""Downloads with hostile and broken members: each is left out and listed, everybody else is collected."""

from __future__ import annotations

import io
import json
import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from grader.cli import app
from grader.course.paths import Course
from grader.exchange import downloads, handins, place
from grader.exchange.archive import ArchiveError, contents, members
from grader.exchange.collect import collect
from grader.exchange.told import MOST_OF_A_KIND

LAB = "01-toy"
NOON = (2026, 11, 20, 12, 0, 0)
ADA, BOB, EVE = (f"{name}_{at}_assignsubmission_file/" for at, name in enumerate(("Ada", "Bob", "Eve"), start=1))
NOTEBOOK = f"{LAB}.ipynb"
HONEST = {"ada": b"ada's notebook", "bob": b"bob's notebook"}


def packed(files: Mapping[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name if isinstance(name, zipfile.ZipInfo) else entry(name), content, method)
    return made.getvalue()


def entry(name: str, mode: int = 0, time: tuple[int, ...] = NOON) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo("x", time)
    made.filename = name  # as it is: the constructor cuts at NUL
    made.external_attr = mode << 16
    return made


def bulk(hostile: Mapping[str | zipfile.ZipInfo, bytes]) -> bytes:
    """A download of Moodle: Ada and Bob, and among them what Eve handed in."""
    return packed({f"{ADA}{NOTEBOOK}": HONEST["ada"], **hostile, f"{BOB}{NOTEBOOK}": HONEST["bob"]})


def there(course: Course) -> dict[str, bytes]:
    return {path.parent.parent.name: path.read_bytes() for path in course.submitted.glob(f"*/{LAB}/{NOTEBOOK}")}


def rewritten(data: bytes, name: str, where: str, form: str, offset: int, value: int) -> bytes:
    """A zip with one field of one member changed: in its own header (`local`) or in the list (`list`)."""
    changed, sign = bytearray(data), b"PK\x03\x04" if where == "local" else b"PK\x01\x02"
    at = changed.index(sign)
    head = 30 if where == "local" else 46
    while bytes(changed[at + head : at + head + len(name)]) != name.encode():
        at = changed.index(sign, at + 1)
    struct.pack_into(form, changed, at + offset, value)
    return bytes(changed)


EVIL = f"{EVE}{NOTEBOOK}"
BLANKS = b" " * (65 * 2**20)
LINK = stat.S_IFLNK | 0o777


def eves(content: bytes = b"eve's notebook" * 20) -> bytes:
    return bulk({EVIL: content})


def encrypted() -> bytes:
    return rewritten(rewritten(eves(), EVIL, "list", "<H", 8, 1), EVIL, "local", "<H", 6, 1)


def overlapping() -> bytes:
    """Two members in the list that share bytes: the second is quoted in the first."""
    quoted = packed({f"{EVE}attempts.jsonl": b"{}"}, zipfile.ZIP_STORED)
    inner = quoted[: quoted.index(b"PK\x01\x02")]
    made = bytearray(packed({f"{ADA}{NOTEBOOK}": HONEST["ada"], EVIL: inner, f"{BOB}{NOTEBOOK}": HONEST["bob"]}, 0))
    listed = bytearray(quoted[quoted.index(b"PK\x01\x02") : quoted.rindex(b"PK\x05\x06")])
    struct.pack_into("<I", listed, 42, made.index(inner))
    end = made.rindex(b"PK\x05\x06")
    size = struct.unpack_from("<I", made, end + 12)[0]
    struct.pack_into("<I", made, end + 12, size + len(listed))
    return bytes(made[:end] + listed + made[end:])


def twice() -> bytes:
    made = bulk({EVIL: b"one", EVIL.replace("01-toy", "01-tox"): b"two"})
    return made.replace(b"01-tox", b"01-toy")


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "dots": (lambda: bulk({f"{EVE}../../{NOTEBOOK}": b"{}"}), "leads out of the zip"),
    "dots and a backslash": (lambda: bulk({f"{EVE}..\\{NOTEBOOK}": b"{}"}), "holds a backslash"),
    "colon": (lambda: bulk({f"{EVE}a:b.ipynb": b"{}"}), "holds a colon"),
    "absolute": (lambda: bulk({f"/etc/{NOTEBOOK}": b"{}"}), "an absolute path"),
    "drive": (lambda: bulk({f"C:/{NOTEBOOK}": b"{}"}), "an absolute path"),
    "NUL": (lambda: bulk({f"{EVE}01\0.ipynb": b"{}"}), "holds control characters"),
    "colour": (lambda: bulk({f"{EVE}\x1b[31m.ipynb": b"{}"}), "holds control characters"),
    "long": (lambda: bulk({f"{EVE}{'x' * 300}.ipynb": b"{}"}), "is too long"),
    "deep": (lambda: bulk({f"{EVE}{'x/' * 600}{NOTEBOOK}": b"{}"}), "is too long"),
    "device": (lambda: bulk({f"{EVE}nul.ipynb": b"{}"}), "is a device on Windows"),
    "no UTF-8": (lambda: eves().replace(EVIL.encode(), EVIL.encode()[:-7] + b"\xff.ipynb"), "is the name of no lab"),
    "blanks": (lambda: bulk({EVIL: BLANKS}), "unpacks to more than 64 MB"),
    "blanks that say 10 bytes": (
        lambda: rewritten(bulk({EVIL: BLANKS}), EVIL, "list", "<I", 24, 10),
        "says two things",
    ),
    "blanks that say 10 bytes twice": (
        lambda: rewritten(rewritten(bulk({EVIL: BLANKS}), EVIL, "list", "<I", 24, 10), EVIL, "local", "<I", 22, 10),
        "unpacks to more than 64 MB",
    ),
    "5 bytes less": (
        lambda: rewritten(rewritten(eves(), EVIL, "list", "<I", 24, 275), EVIL, "local", "<I", 22, 275),
        "not the one that the zip claims",
    ),
    "link": (lambda: bulk({entry(EVIL, LINK): b"/etc/passwd"}), "it is a link"),
    "pipe": (lambda: bulk({entry(EVIL, stat.S_IFIFO | 0o666): b""}), "it is no plain file"),
    "encrypted": (encrypted, "it is encrypted"),
    "Zstandard": (lambda: rewritten(eves(), EVIL, "list", "<H", 10, 93), "packed by Zstandard"),
    "two methods": (lambda: rewritten(eves(), EVIL, "list", "<H", 10, 0), "says two things"),
    "checksum": (
        lambda: rewritten(rewritten(eves(), EVIL, "list", "<I", 16, 7), EVIL, "local", "<I", 14, 7),
        "its checksum is wrong",
    ),
    "two names": (lambda: eves().replace(EVIL.encode(), EVIL.replace("Eve", "Ewe").encode(), 1), "by two names"),
    "elsewhere": (lambda: rewritten(eves(), EVIL, "list", "<I", 42, 1), "not where the zip claims"),
    "past the end": (lambda: rewritten(eves(), EVIL, "list", "<I", 42, 2**31), "it is cut off"),
    "zip64 without its field": (lambda: rewritten(eves(), EVIL, "list", "<I", 24, 0xFFFFFFFF), "unpacks to more"),
    "4 GB packed": (lambda: rewritten(eves(), EVIL, "list", "<I", 20, 2**32 - 2), "it is cut off"),
    "overlapping": (overlapping, "lies inside another file"),
    "twice": (twice, "two files of this name"),
    "many": (lambda: bulk({f"{EVE}{at}": b"" for at in range(5001)}), "more than 100 files"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_member_is_left_out_and_listed_and_the_others_are_collected(
    toy: Course, tmp_path: Path, kind: str
) -> None:
    make, why = HOSTILE[kind]
    (tmp_path / "moodle.zip").write_bytes(make())
    before = {path for path in tmp_path.rglob("*") if toy.class_dir not in path.parents}
    result = CliRunner().invoke(app, ["collect", str(tmp_path / "moodle.zip"), "--json"])
    assert result.exit_code == 1, result.output
    told = json.loads(result.stdout)
    found = there(toy)
    assert {student: found.get(student) for student in HONEST} == HONEST
    assert [one for one in told["left"] if why in one["why"] and one["remedy"]], told["left"]
    assert len(told["left"]) <= 3 * (MOST_OF_A_KIND + 1)
    assert result.stderr.replace("\n", "").isprintable()
    assert {path for path in tmp_path.rglob("*") if toy.class_dir not in path.parents} == before
    assert set(found) <= {"ada", "bob", "eve"}


def test_a_name_that_only_claims_to_be_utf8_is_left_out(toy: Course, tmp_path: Path) -> None:
    data = bulk({f"{EVE}ä.ipynb": b"{}"})
    (tmp_path / "m.zip").write_bytes(data.replace("ä".encode(), b"\xff\xfe"))
    found, left = collect(toy, [tmp_path / "m.zip"])
    assert (len(found), [one.why for one in left]) == (2, ["its name is no UTF-8"])


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_hand_in_zip_has_the_same_rules(toy: Course, tmp_path: Path, kind: str) -> None:
    """Any hostile zip may be what Eve hands in: it is listed, and nobody else is touched."""
    (tmp_path / "m.zip").write_bytes(bulk({f"{EVE}hand-in.zip": HOSTILE[kind][0]()}))
    found, left = collect(toy, [tmp_path / "m.zip"])
    assert {student: there(toy)[student] for student in HONEST} == HONEST
    assert {one.student for one in found} <= {"ada", "bob", "eve"}
    assert left


def test_what_is_wrong_beside_a_notebook_does_not_cost_the_notebook(toy: Course, tmp_path: Path) -> None:
    inner = packed(
        {NOTEBOOK: b"eve's", "../x": b"", "attempts.jsonl": BLANKS, "ab:c.ipynb": b"{}", "working.html": b""}
    )
    (tmp_path / "m.zip").write_bytes(bulk({f"{EVE}hand-in.zip": inner}))
    _, left = collect(toy, [tmp_path / "m.zip"])
    assert there(toy)["eve"] == b"eve's"
    assert sorted(one.why for one in left) == [
        "it is no part of a hand-in",
        "its name holds a colon",
        "its name leads out of the zip (`..`)",
        "refused: it unpacks to more than 64 MB",
    ]


def test_zips_in_zips(toy: Course, tmp_path: Path) -> None:
    once = packed({f"{LAB}/{NOTEBOOK}": b"eve's", f"{LAB}/attempts.jsonl": b"{}\n"})
    twice_packed = packed({"hand-in/my hand-in.zip": once, "__MACOSX/._hand-in.zip": b"x"})
    (tmp_path / "m.zip").write_bytes(bulk({f"{EVE}w.zip": twice_packed}))
    assert collect(toy, [tmp_path / "m.zip"])[1] == []
    assert there(toy)["eve"] == b"eve's"
    assert (toy.submitted / "eve" / LAB / "attempts.jsonl").read_bytes() == b"{}\n"
    (tmp_path / "m.zip").write_bytes(bulk({f"{EVE}w.zip": packed({"w.zip": twice_packed})}))
    _, left = collect(toy, [tmp_path / "m.zip"])
    assert [one.why for one in left] == ["it holds 0 notebooks, one was expected"]


def test_what_one_student_unpacks_is_counted(toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.exchange.collect.Budget", lambda place: handins.Budget(place, left=10**6))
    files = {f"{EVE}{at}/{NOTEBOOK}": b"\0" * 400_000 for at in range(5)}
    (tmp_path / "m.zip").write_bytes(bulk(files))
    _, left = collect(toy, [tmp_path / "m.zip"])
    assert [one.why for one in left] == ["the student's files unpack to more than 256 MB"] * 3
    assert {student: there(toy)[student] for student in HONEST} == HONEST


def test_a_full_disk_is_said_and_leaves_what_was_there(
    toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.zip").write_bytes(bulk({}))
    collect(toy, [tmp_path / "m.zip"])
    (tmp_path / "m.zip").write_bytes(packed({f"{ADA}{NOTEBOOK}": b"newer", f"{BOB}{NOTEBOOK}": b"newer"}))
    monkeypatch.setattr(handins, "free_bytes", lambda place: 160 * 2**20)
    found, left = collect(toy, [tmp_path / "m.zip"])
    assert found == []
    assert {one.why for one in left} == {"the disk is full: at least 100 MB are missing (256 MB stay free)"}
    assert there(toy) == HONEST


@pytest.mark.parametrize("broken", ["open", "mkdir", "rename", "rmtree", "copyfileobj"])
def test_one_student_who_makes_it_raise_is_a_line(
    toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Whatever fails while Eve's files are put in place: she keeps what she had, the others are collected."""
    (tmp_path / "m.zip").write_bytes(bulk({EVIL: b"old"}))
    collect(toy, [tmp_path / "m.zip"])
    old = {"attempts.jsonl": b"keep", NOTEBOOK: b"old"}
    (toy.submitted / "eve" / LAB / "attempts.jsonl").write_bytes(b"keep")
    owner = place.shutil if broken in ("rmtree", "copyfileobj") else Path
    real = getattr(owner, broken)

    def fails(first: object, *more: object, **named: object) -> object:
        about = [first, *more, getattr(more[0], "name", "") if more else ""]
        if any(f"eve/.{LAB}" in str(one) for one in about):
            raise PermissionError(13, "Permission denied")
        return real(first, *more, **named)

    (tmp_path / "m.zip").write_bytes(packed({f"{ADA}{NOTEBOOK}": b"newer", EVIL: b"new", f"{BOB}{NOTEBOOK}": b"newer"}))
    monkeypatch.setattr(owner, broken, fails)
    _, left = collect(toy, [tmp_path / "m.zip"])
    monkeypatch.undo()
    assert (there(toy)["ada"], there(toy)["bob"]) == (b"newer", b"newer")
    if broken == "rmtree":  # only the old one could not be taken away
        assert there(toy)["eve"] == b"new"
    else:
        assert [one.source for one in left] == [f"eve, {LAB}"]
        assert "Permission denied" in left[0].why
        for name, content in old.items():
            assert (toy.submitted / "eve" / LAB / name).read_bytes() == content
    assert collect(toy, [tmp_path / "m.zip"])[1] == []
    assert there(toy)["eve"] == b"new"
    assert sorted(path.name for path in (toy.submitted / "eve").iterdir()) == [LAB]


def test_an_error_of_any_kind_is_a_line(toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = handins.contents

    def fails(file: io.BufferedReader, member: downloads.Member, most: int) -> object:
        if "Eve" in member.name:
            raise RecursionError("\x1b[31mdeep")
        return real(file, member, most)

    monkeypatch.setattr(handins, "contents", fails)
    (tmp_path / "m.zip").write_bytes(bulk({EVIL: b"new"}))
    _, left = collect(toy, [tmp_path / "m.zip"])
    assert there(toy) == HONEST
    assert "RecursionError" in left[0].why
    assert left[0].why.isprintable()


def test_students_folders_that_are_links_are_not_followed(toy: Course, tmp_path: Path) -> None:
    (tmp_path / "m.zip").write_bytes(bulk({EVIL: b"new"}))
    outside = tmp_path / "outside"
    outside.mkdir()
    toy.submitted.mkdir(parents=True)
    (toy.submitted / "eve").symlink_to(outside)
    toy.roster.write_text("platform,number,name,student\nmoodle,3,Eve,eve\n")
    found, left = collect(toy, [tmp_path / "m.zip"])
    assert [one.student for one in found] == ["ada", "bob"]
    assert left[0].why == "class/submitted/eve is no folder but a link or a file"
    assert list(outside.iterdir()) == []


def test_a_stopped_run_is_mended(toy: Course, tmp_path: Path) -> None:
    """A run that ended between the two renames left the old submission beside its place."""
    folder = toy.submitted / "eve"
    (folder / f".{LAB}.old").mkdir(parents=True)
    (folder / f".{LAB}.old" / NOTEBOOK).write_bytes(b"old")
    (folder / f".{LAB}.part").mkdir()
    place.put_submission(folder, LAB, {"attempts.jsonl": b"{}\n"})
    assert {path.name: path.read_bytes() for path in (folder / LAB).iterdir()} == {
        NOTEBOOK: b"old",
        "attempts.jsonl": b"{}\n",
    }
    assert [path.name for path in folder.iterdir()] == [LAB]


def test_other_zips_of_honest_people_are_read(toy: Course, tmp_path: Path) -> None:
    """Streamed (sizes behind the data), zip64, with a comment, something in front and something behind, in a folder."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.data += bytes(data)  # type: ignore[call-overload]
            return len(bytes(data))  # type: ignore[call-overload]

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for student, content in HONEST.items():
            name = f"submissions/{student}_{len(student) + ord(student[0])}_assignsubmission_file/{NOTEBOOK}"
            with archive.open(entry(name), "w", force_zip64=True) as stream:
                stream.write(content)
        archive.writestr(entry("__MACOSX/submissions/._x"), b"")
        archive.comment = b"PK\x05\x06 is a comment, too"
    for at, data in enumerate((bytes(pipe.data), b"#!/bin/sh\n" + bytes(pipe.data), bytes(pipe.data) + b"\r\n")):
        path = tmp_path / f"{at}.zip"
        path.write_bytes(data)
        assert collect(toy, [path])[1] == []
        assert there(toy) == HONEST


def test_times_that_lie_say_nothing(toy: Course, tmp_path: Path) -> None:
    for date in (0, 0xFFFF, (127 << 9) | (12 << 5) | 31, (46 << 9) | (2 << 5) | 31, (0 << 9) | (1 << 5) | 1):
        data = rewritten(bulk({}), f"{ADA}{NOTEBOOK}", "list", "<H", 14, date)
        (tmp_path / "m.zip").write_bytes(data)
        found, left = collect(toy, [tmp_path / "m.zip"])
        assert ([one.time for one in found], left) == (["", "2026-11-20 12:00"], [])
        assert not (toy.submitted / "ada" / LAB / "timestamp.txt").exists()


def test_a_path_that_two_platforms_could_have_made_is_asked_about(toy: Course, tmp_path: Path) -> None:
    """Alone in a download, a file called like Moodle's would make Canvas's 4711 Moodle's 1."""
    forged = f"eve_4711_815_Ada_1_assignsubmission_file_{NOTEBOOK}"
    (tmp_path / "m.zip").write_bytes(packed({forged: b"eve's"}))
    _, left = collect(toy, [tmp_path / "m.zip"])
    assert (there(toy), left[0].remedy) == ({}, "say which: --pattern moodle, or canvas")
    (tmp_path / "m.zip").write_bytes(packed({forged: b"eve's", f"ada_1_2_{NOTEBOOK}": b"ada's", "odd": b""}))
    collect(toy, [tmp_path / "m.zip"], lab=LAB)
    assert there(toy) == {"ada": b"ada's", "eve": b"eve's"}


NAMES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.sampled_from(
        [EVIL, f"{EVE}a/../b", "\0", "/", f"{EVE}{LAB}-hand-in.zip", "..", f"{EVE}attempts.jsonl", "\ud800"]
    ),
)


@given(files=st.dictionaries(NAMES, st.binary(max_size=60), max_size=6))
@settings(max_examples=60)
def test_any_names_and_contents_beside_honest_people(
    files: dict[str, bytes], toy_template: Course, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No traceback, honest classmates to the byte, in a bulk download and in a hand-in zip."""
    course, files = (
        fresh(toy_template, tmp_path_factory),
        {name: content for name, content in files.items() if not name.startswith((ADA, BOB)) and "\ud800" not in name},
    )
    path = course.root / "m.zip"
    for data in (
        bulk({f"{EVE}{name}": content for name, content in files.items()}),
        bulk({f"{EVE}h.zip": packed(files)}),
    ):
        path.write_bytes(data)
        _, left = collect(course, [path])
        found = there(course)
        assert {student: found[student] for student in HONEST} == HONEST
        assert set(found) <= {"ada", "bob", "eve"}
        assert all(str(one).isprintable() for one in left)


def fresh(template: Course, factory: pytest.TempPathFactory) -> Course:
    """A course of its own that shares what is only read with the template."""
    root = factory.mktemp("collect")
    for name in ("solutions", "labs", "nbgrader_config.py"):
        (root / name).symlink_to(template.root / name)
    return Course(root)


MUTATED = bulk({f"{EVE}{LAB}-hand-in.zip": packed({f"{LAB}/{NOTEBOOK}": b"eve's", f"{LAB}/attempts.jsonl": b"{}\n"})})


@given(
    places=st.lists(st.tuples(st.integers(0, len(MUTATED) - 1), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.one_of(st.none(), st.integers(0, len(MUTATED))),
    repeat=st.booleans(),
)
@settings(max_examples=150)
def test_any_mutation_of_a_download(
    places: list[tuple[int, int]],
    cut: int | None,
    repeat: bool,
    toy_template: Course,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """No traceback; whoever is collected has the content of a real member, or nothing; the next download is honest."""
    course = fresh(toy_template, tmp_path_factory)
    data = bytearray(MUTATED)
    for at, value in places:
        data[at] = value
    broken = bytes(data[:cut]) + (MUTATED[cut or 0 :] if repeat else b"")
    path, honest = course.root / "m.zip", course.root / "honest.zip"
    path.write_bytes(broken)
    honest.write_bytes(packed({f"{ADA}{NOTEBOOK}": HONEST["ada"], f"{BOB}{NOTEBOOK}": HONEST["bob"]}))
    collect(course, [honest])
    found, _ = collect(course, [path])
    for content in there(course).values():
        assert content in {*HONEST.values(), b"eve's"}
    collect(course, [honest])
    assert {student: there(course)[student] for student in HONEST} == HONEST
    assert all(one.student for one in found)


@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x05\x06", b"PK\x01\x02", b"PK\x06\x07", b"PK\x06\x06"]))
@settings(max_examples=200)
def test_any_bytes_are_an_archive_or_none(data: bytes, sign: bytes) -> None:
    for whole in (data, sign + data, MUTATED[:-40] + sign + data):
        file = io.BytesIO(whole)
        try:
            for member in members(file):
                assert len(b"".join(contents(file, member, 1000))) == member.size
        except ArchiveError:
            continue


MEMORY = """
import random, resource, sys, zipfile
from pathlib import Path
from grader.exchange.collect import collect
from grader.course.paths import Course
course, path, kind = Course(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3]
noise = random.Random(1).randbytes(2_100_000)
with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
    if kind == "many":
        for at in range(30_000):
            archive.writestr(f"Person{at // 300}_{at // 300}_assignsubmission_file/{at}.txt", b"")
    for at in range(45):
        archive.writestr(f"Honest{at}_9{at:02}_assignsubmission_file/01-toy.ipynb", noise if kind == "large" else b"{}")
    if kind == "bomb":
        with archive.open("Eve_1_assignsubmission_file/01-toy.ipynb", "w") as stream:
            for _ in range(70):
                stream.write(noise[: 2**20])
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[4]) * 2**20,) * 2)
found, left = collect(course, [path])
print(len([one for one in found if one.student.startswith("honest")]), len(left))
"""


@pytest.mark.parametrize(("kind", "megabytes", "lines"), [("large", 24, 0), ("bomb", 24, 1), ("many", 24, None)])
def test_memory_stays_flat(toy: Course, tmp_path: Path, kind: str, megabytes: int, lines: int | None) -> None:
    """A class of 45 with notebooks of 2.1 MB needs no more than 24 MB on top of Python, whatever else is in the zip."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(toy.root), str(tmp_path / "m.zip"), kind, str(megabytes)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    honest, left = map(int, done.stdout.split())
    assert honest == 45
    assert lines is None or left == lines
