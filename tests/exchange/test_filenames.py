"""Names of files as browsers, systems, platforms and Jupyter make them: copies are taken, junk is passed over."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.course.filenames import copies, is_attempts, is_junk, is_notebook, lab_of, name_problem
from grader.course.paths import Course
from grader.exchange.collect import collect

LAB = "01-toy"
LABS = ["01-decoding", "02-decoding", "lab", "lab-2", "lab (3)", "my copy"]

COPIES = [
    "{}-Copy1",
    "Copy of {}",
    "{} (1)",
    "{}(12)",
    "{}-1",
    "{}_2",
    "{} 2",
    "{} copy",
    "{} copy 3",
    "{} - Copy",
    "{} - Copy (2)",
    "{} - Kopie",
    "{} – Kopie (4)",
    "Kopie von {}",
    "Copie de {}",
    "Copia di {}",
    "Copy (2) of {}",
    "Copy_of_{}",
    "Copy+of+{}",
    "{}+%281%29",
    "{}-checkpoint",
    " {} ",
]


@pytest.mark.parametrize("form", COPIES)
def test_copies_mean_the_lab(form: str) -> None:
    for name in (form.format("01-decoding"), form.format("01-Decoding").upper()):
        assert lab_of(f"{name}.ipynb", LABS) == "01-decoding"
        assert lab_of(f"some folder/{name}.IPYNB", LABS) == "01-decoding"
        assert lab_of(f"{name}.ipynb.txt", LABS) == "01-decoding"


def test_copies_of_copies_do_too() -> None:
    for inner, outer in itertools.product(COPIES, COPIES):
        assert lab_of(f"{outer.format(inner.format('02-decoding'))}.ipynb", LABS) == "02-decoding"


@pytest.mark.parametrize(
    ("name", "lab"),
    [
        ("lab", "lab"),
        ("lab-2", "lab-2"),
        ("lab-3", "lab"),
        ("lab-2 (1)", "lab-2"),
        ("lab (3)", "lab (3)"),
        ("lab (4)", "lab"),
        ("my copy", "my copy"),
        ("01-decoding-final", None),
        ("Untitled", None),
        ("decoding", None),
        ("Copy of ", None),
        ("", None),
        ("(1)", None),
    ],
)
def test_a_lab_of_the_whole_name_comes_first(name: str, lab: str | None) -> None:
    assert lab_of(f"{name}.ipynb", LABS) == lab


def test_attempts_and_notebooks_are_told_by_their_names() -> None:
    for name in (
        "attempts.jsonl",
        "attempts (1).jsonl",
        "attempts-Copy1.jsonl",
        "Copy of attempts.jsonl.txt",
        "a/Attempts-2.JSONL",
    ):
        assert is_attempts(name)
    assert not any(map(is_attempts, ("attempts.json", "my attempts.jsonl", "attempts.jsonl.ipynb", "")))
    assert all(map(is_notebook, ("a.ipynb", "a.IPYNB", "a.ipynb.txt", "a.ipynb.json")))
    assert not any(map(is_notebook, ("a.txt", "ipynb", "a.ipynb.zip", "a.ipynb/x")))
    assert copies("x.ipynb") < copies("x-1.ipynb") < copies("x (2).ipynb") < copies("x-10.ipynb")


@given(st.text(max_size=60))
def test_any_name_is_judged(name: str) -> None:
    assert lab_of(name, LABS) in {None, *LABS}
    assert isinstance(copies(name), tuple)
    assert name_problem(name) or not set("\\:\0\x1b\n") & set(name)
    is_junk(name), is_attempts(name), is_notebook(name)


def packed(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 20, 12, 0, 0)), content)
    return made.getvalue()


JUNK = {
    f"__MACOSX/._{LAB}.ipynb": b"\0\5",
    f"__MACOSX/{LAB}/._{LAB}.ipynb": b"\0\5",
    f"._{LAB}.ipynb": b"\0\5",
    f"{LAB}/.DS_Store": b"",
    "Thumbs.db": b"",
    f"{LAB}/Desktop.ini": b"",
    f"{LAB}/.ipynb_checkpoints/{LAB}-checkpoint.ipynb": b"{}",
    f".ipynb_checkpoints/{LAB}-checkpoint.ipynb": b"{}",
    f"{LAB}/__pycache__/x.pyc": b"",
    "Icon\r": b"",
    ".thumbnails/x.png": b"",
}


@pytest.mark.parametrize("inner", [f"{LAB}/{LAB}.ipynb", f"{LAB}.ipynb", f"my folder/Copy of {LAB}-Copy1 (2).ipynb"])
def test_junk_is_passed_over_at_each_level(toy: Course, tmp_path: Path, inner: str) -> None:
    hand_in = packed({**JUNK, inner: b"the notebook", f"{LAB}/": b""})
    moodle = "Ada_1_assignsubmission_file"
    for top in (f"{moodle}/", f"{moodle}_", f"submissions/{moodle}/"):
        bulk = packed(
            {**JUNK, f"{top}{LAB} copy.zip": hand_in, **{f"{top}{name}": content for name, content in JUNK.items()}}
        )
        (tmp_path / "m.zip").write_bytes(bulk)
        found, left = collect(toy, [tmp_path / "m.zip"])
        assert [(one.student, one.files) for one in found] == [("ada", (f"{LAB}.ipynb", "timestamp.txt"))]
        assert left == []
    assert (toy.submitted / "ada" / LAB / f"{LAB}.ipynb").read_bytes() == b"the notebook"
    by_itself = tmp_path / "grace" / "hand-in.zip"
    by_itself.parent.mkdir()
    by_itself.write_bytes(packed({**JUNK, f"{LAB}/{LAB}.ipynb": b"hers"}))
    assert collect(toy, [by_itself])[1] == []
    assert (toy.submitted / "grace" / LAB / f"{LAB}.ipynb").read_bytes() == b"hers"


def test_a_notebook_of_any_of_these_names_is_taken(toy: Course, tmp_path: Path) -> None:
    files = {
        f"{at}x_{at}_assignsubmission_file/{form.format(LAB)}.ipynb": form.encode() for at, form in enumerate(COPIES)
    }
    (tmp_path / "m.zip").write_bytes(packed(files))
    found, left = collect(toy, [tmp_path / "m.zip"])
    assert (len(found), left) == (len(COPIES), [])
    taken = {path.read_text() for path in toy.submitted.glob(f"*/{LAB}/{LAB}.ipynb")}
    assert taken == set(COPIES)


def test_the_later_copy_counts_where_the_clock_does_not_tell(toy: Course, tmp_path: Path) -> None:
    names = (f"{LAB}.ipynb", f"{LAB}-10.ipynb", f"{LAB}-2.ipynb")
    (tmp_path / "c.zip").write_bytes(packed({f"ada_1_{at}_{name}": name.encode() for at, name in enumerate(names)}))
    assert collect(toy, [tmp_path / "c.zip"])[1] == []
    assert (toy.submitted / "ada" / LAB / f"{LAB}.ipynb").read_bytes() == names[1].encode()


def test_attempts_that_come_alone_join_the_notebook_that_is_there(toy: Course, tmp_path: Path) -> None:
    moodle = "Ada_1_assignsubmission_file/"
    (tmp_path / "m.zip").write_bytes(packed({f"{moodle}{LAB}.ipynb": b"the notebook"}))
    collect(toy, [tmp_path / "m.zip"])
    (tmp_path / "m.zip").write_bytes(packed({f"{moodle}{LAB}/attempts.jsonl": b"{}\n"}))
    assert collect(toy, [tmp_path / "m.zip"])[1] == []
    folder = toy.submitted / "ada" / LAB
    assert (folder / f"{LAB}.ipynb").read_bytes() == b"the notebook"
    assert (folder / "attempts.jsonl").read_bytes() == b"{}\n"
