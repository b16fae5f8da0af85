"""The copy that a student works in: complete, and never written over."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from labkit.workspace import copy_labs, trust


def trusted(page: nbformat.NotebookNode) -> bool:
    with NotebookNotary() as signed:
        return signed.check_signature(page)


@pytest.fixture
def labs(tmp_path: Path) -> Path:
    for name in (
        "README.md",
        "nbgrader_config.py",
        "01-a/01-a.ipynb",
        "01-a/data/x.csv",
        "labkit/models.py",
        "pyproject.toml",
    ):
        file = tmp_path / "labs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"first {name}")
    return tmp_path / "labs"


def files(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_labs_and_the_configuration_are_copied_and_the_library_is_not(labs: Path, tmp_path: Path) -> None:
    new = copy_labs(labs, tmp_path / "work")
    copied = ["01-a/01-a.ipynb", "01-a/data/x.csv", "README.md", "nbgrader_config.py"]
    assert sorted(files(tmp_path / "work")) == copied
    assert len(new) == 4


def test_a_course_without_a_readme_has_none_in_the_copy(labs: Path, tmp_path: Path) -> None:
    (labs / "README.md").unlink()
    assert len(copy_labs(labs, tmp_path / "work")) == 3


def test_what_a_student_wrote_stays_and_new_labs_are_added(labs: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    copy_labs(labs, work)
    (work / "01-a" / "01-a.ipynb").write_text("mine")
    (labs / "01-a" / "01-a.ipynb").write_text("second")
    (labs / "02-b").mkdir()
    (labs / "02-b" / "02-b.ipynb").write_text("new")
    assert copy_labs(labs, work) == [work / "02-b" / "02-b.ipynb"]
    assert files(work)["01-a/01-a.ipynb"] == "mine"
    assert files(work)["02-b/02-b.ipynb"] == "new"
    assert not list(work.rglob("*.part"))


def test_a_signed_notebook_is_trusted_until_somebody_else_changes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="one")])
    nbformat.write(made, tmp_path / "lab.ipynb")
    trust([tmp_path / "lab.ipynb"])
    assert trusted(nbformat.read(tmp_path / "lab.ipynb", as_version=4))
    made.cells[0].source = "2"
    assert not trusted(made)


def test_where_no_signature_can_be_kept_nothing_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jupyter").write_text("a file where the folder would be")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "lab.ipynb")
    trust([tmp_path / "lab.ipynb"])
