"""Where a course is, as nbgrader itself would find it, and what its configuration says; never another course."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbgrader.coursedir import CourseDirectory

from grader.course.config import read_config
from grader.course.paths import ROOT_VARIABLE, Course, Layout, find_course
from grader.course.settings import load_settings


@pytest.fixture(autouse=True)
def nobody_says_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable names a course, and this user has no configuration but what a test writes."""
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "config").mkdir()


def configured(folder: Path, text: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nbgrader_config.py").write_text(f"c = get_config()\n{text}")
    return folder


def test_the_folder_of_the_configuration_is_the_course_from_anywhere_below(tmp_path: Path) -> None:
    root = configured(tmp_path / "course")
    (root / "source" / "ps1").mkdir(parents=True)
    assert find_course(root).root == find_course(root / "source" / "ps1").root == root


def test_the_configuration_may_name_another_root(tmp_path: Path) -> None:
    root = configured(tmp_path / "here", f'c.CourseDirectory.root = "{tmp_path / "there"}"\n')
    assert find_course(root).root == tmp_path / "there"


def test_the_users_configuration_names_the_course_of_any_folder_without_one(tmp_path: Path) -> None:
    configured(tmp_path / "config", f'c.CourseDirectory.root = "{tmp_path / "course"}"\n')
    (tmp_path / "elsewhere").mkdir()
    assert find_course(tmp_path / "elsewhere").root == tmp_path / "course"


def test_a_folder_that_looks_like_a_course_needs_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "course" / "submitted").mkdir(parents=True)
    assert find_course(tmp_path / "course").root == tmp_path / "course"


def test_no_other_course_is_taken_where_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(LookupError, match="No course found"):
        find_course(tmp_path / "empty")


def test_later_files_win_and_all_are_read(tmp_path: Path) -> None:
    configured(tmp_path / "config", 'c.Execute.timeout = 7\nc.CourseDirectory.course_id = "of the user"\n')
    root = configured(tmp_path / "course", 'c.CourseDirectory.course_id = "of the course"\n')
    config = read_config(root)
    assert (config.Execute.timeout, config.CourseDirectory.course_id) == (7, "of the course")


def test_a_configuration_that_does_not_run_is_named(tmp_path: Path) -> None:
    root = configured(tmp_path / "course", "1 / 0\n")
    with pytest.raises(LookupError, match=r"nbgrader_config.py cannot be read: ZeroDivisionError"):
        Course(root).layout.source  # noqa: B018


def test_the_layouts_defaults_are_nbgraders(tmp_path: Path) -> None:
    nbgraders = CourseDirectory(root=str(tmp_path))
    ours = Layout()
    for step in ("source", "release", "submitted", "autograded", "feedback"):
        assert getattr(ours, step) == getattr(nbgraders, f"{step}_directory")
    assert ours.structure == nbgraders.directory_structure


@pytest.mark.parametrize(
    "structure",
    [
        "{nbgrader_step}/{student_id}/{assignment_id}",
        "{nbgrader_step}/{assignment_id}/{student_id}",
        "{assignment_id}/{nbgrader_step}/of-{student_id}",
    ],
)
def test_folders_lie_where_nbgrader_puts_them_and_students_are_found_there(tmp_path: Path, structure: str) -> None:
    said = {"directory_structure": structure, "student_id_exclude": "eve, mallory", "submitted_directory": "in"}
    root = configured(tmp_path / "course", "".join(f"c.CourseDirectory.{a} = {b!r}\n" for a, b in said.items()))
    course, nbgraders = Course(root), CourseDirectory(config=read_config(root), root=str(root))
    for student in ("ada", "eve", ".hidden"):
        folder = course.folder("submitted", student, "ps1")
        assert str(folder) == nbgraders.format_path("in", student, "ps1")
        folder.mkdir(parents=True)
    assert course.students("submitted", "ps1") == ["ada"]
    assert Course.from_json(course.to_json()).folder("submitted", "ada", "ps1") == course.folder(
        "submitted", "ada", "ps1"
    )


def test_the_graders_own_folder_is_the_courses_choice(tmp_path: Path) -> None:
    root = configured(
        tmp_path / "course", 'c.Grader.class_directory = "records"\nc.Grader.limits = {"memory_mb": 512}\n'
    )
    assert Course(root).cache == root / "records" / "cache"
    assert load_settings(root).limits == {"memory_mb": 512}


def test_the_secret_is_the_owners_and_in_a_folder_of_a_group_the_groups(tmp_path: Path) -> None:
    """All graders of a hub grade; see the guide's rights on `class/`. It is made once, whoever needs it first."""
    rights = {}
    for name, mode in (("own", 0o755), ("open", 0o775), ("shared", 0o2770), ("read", 0o2750)):
        course = Course(configured(tmp_path / name))
        course.class_dir.mkdir(parents=True)
        course.class_dir.chmod(mode)
        assert course.secret() == course.secret()
        rights[name] = f"{(course.class_dir / 'secret').stat().st_mode & 0o777:o}"
    assert rights == {"own": "600", "open": "600", "shared": "640", "read": "600"}
