"""The house: one list of pins, arrows that point one way, what lies where, and a command line that starts quickly."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

from tests.speeds import LONGEST, NO_UNIT, UNIT

ROOT = Path(__file__).resolve().parent.parent
TOP = {"labs", "quizzes", "solutions", "grader", "tests", "environment.yml", "README.md", "CHANGELOG.md", "LICENSE"}
LIBRARIES = ("labkit", "rlhf")
FOR_TOOLS = {"Makefile", "pyproject.toml", "nbgrader_config.py", ".ci", ".gitignore"}


def project(path: Path) -> dict[str, list[str]]:
    return tomllib.loads(path.read_text())["project"]


def pins() -> set[str]:
    grader = project(ROOT / "pyproject.toml")
    extras = [pin for extra in grader["optional-dependencies"].values() for pin in extra]  # type: ignore[attr-defined]
    libraries = [project(ROOT / "labs" / name / "pyproject.toml")["dependencies"] for name in LIBRARIES]
    return {*grader["dependencies"], *extras, *(pin for pins in libraries for pin in pins)} - set(LIBRARIES)


def test_every_dependency_is_pinned() -> None:
    assert [pin for pin in pins() if "==" not in pin] == []


def test_the_conda_route_installs_the_same_pins() -> None:
    listed = re.findall(r"^\s+- ([\w.\-]+==\S+)$", (ROOT / "environment.yml").read_text(), re.M)
    assert len(listed) == len(set(listed))
    assert set(listed) == pins()


def test_the_installed_versions_are_the_pinned_ones() -> None:
    from importlib.metadata import version

    wanted = dict(pin.split("==") for pin in pins())
    assert {name: version(name).split("+")[0] for name in wanted} == wanted


def test_arrows_point_one_way() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    assert "4 kept, 0 broken" in done.stdout


def test_no_two_modules_of_the_students_libraries_import_each_other() -> None:
    graph = grimp.build_graph(*LIBRARIES, cache_dir=None)
    arrows = {(one, other) for one in graph.modules for other in graph.find_modules_directly_imported_by(one)}
    assert [arrow for arrow in arrows if arrow[::-1] in arrows] == []
    assert ("labkit.quiz.session", "labkit.quiz.widget") in arrows


def test_nothing_else_stands_at_the_top() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {Path(line).parts[0] for line in tracked.splitlines()} == TOP | FOR_TOOLS


@pytest.mark.parametrize("folder", ["labs", "labs/labkit", "labs/rlhf", "solutions", "grader", "quizzes", "tests"])
def test_each_folder_says_who_works_there(folder: str) -> None:
    assert (ROOT / folder / "README.md").stat().st_size > 0


def test_help_loads_nothing_heavy() -> None:
    script = "import sys, grader.cli; print([m for m in ('torch', 'nbgrader', 'rich.progress') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_links_of_the_readmes_lead_somewhere() -> None:
    for readme in [ROOT / "README.md", *ROOT.glob("*/README.md"), *ROOT.glob("labs/*/README.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", readme.read_text()):
            assert (readme.parent / target).exists(), f"{readme}: {target}"


def test_the_speeds_name_files_that_are_there() -> None:
    named = {*NO_UNIT, *LONGEST, *(name for name in UNIT)}
    assert [name for name in sorted(named) if not (ROOT / "tests" / name).exists()] == []
