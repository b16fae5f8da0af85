"""The second environment: its pins, what it has of the first one, and its kernel, which graders find too."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from grader.build.notebooks import read_source
from grader.course.paths import Course
from grader.course.settings import load_settings
from grader.kernels.environments import Environment, kernel_of
from labkit.errors import LabError
from rlhf import today

ASKED = """
import importlib.metadata as m, json, grader, labkit, rlhf, torch, transformers, trl
from rlhf import today
names = {name: m.version(name) for name in today.pins()}
places = {one.__name__: one.__file__ for one in (grader, labkit, rlhf, torch, transformers, trl)}
print(json.dumps([names, places, str(today.today_folder()), today.is_ready()]))
"""


def test_every_package_is_pinned() -> None:
    lines = [line for line in today.PINS.read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in lines)
    assert lines == sorted(lines)
    assert {"trl": "1.16.0", "transformers": "5.24.0"}.items() <= today.pins().items()


def test_it_has_its_pins_and_everything_else_of_the_first() -> None:
    done = subprocess.run(
        [str(today.python_of(today.today_folder())), "-c", ASKED], capture_output=True, text=True, check=True, cwd="/"
    )
    versions, places, folder, ready = json.loads(done.stdout)
    assert versions == today.pins()
    assert (Path(folder), ready) == (today.today_folder(), True)
    assert all(Path(places[name]).is_relative_to(folder) for name in ("transformers", "trl"))
    assert not any(Path(places[name]).is_relative_to(folder) for name in ("grader", "labkit", "rlhf", "torch"))
    assert done.stderr == ""


def test_the_first_environment_is_as_it_was() -> None:
    import transformers
    import trl

    assert (transformers.__version__, trl.__version__) == ("4.45.2", "0.11.4")


def test_graders_find_its_kernel(repo: Course) -> None:
    found = kernel_of(today.KERNEL)
    assert isinstance(found, Environment)
    assert not found.own
    assert {f"{name}=={version}" for name, version in today.pins().items()} <= set(found.packages)
    assert load_settings(repo.root).kernels == {today.KERNEL: today.DISPLAY_NAME}


def test_it_is_in_what_students_are_told_to_run(repo: Course) -> None:
    assert any("-m rlhf.today" in line for line in load_settings(repo.root).prepare)
    assert "rlhf.today" in (repo.root / "Makefile").read_text()


@pytest.mark.parametrize(
    ("asked", "named", "display"),
    [
        ("rlhf-today", "rlhf-today", "Python 3 (RLHF today)"),
        ("python3", "python3", "Python 3 (RLHF labs)"),
        ("my-conda-env", "python3", "Python 3 (RLHF labs)"),
    ],
)
def test_a_source_asks_for_one_of_the_courses_kernels(
    tmp_path: Path, repo: Course, asked: str, named: str, display: str
) -> None:
    folder = tmp_path / "solutions" / "07-x"
    folder.mkdir(parents=True)
    (tmp_path / "nbgrader_config.py").write_text((repo.root / "nbgrader_config.py").read_text())
    header = f"# ---\n# jupyter:\n#   kernelspec:\n#     display_name: Mine\n#     name: {asked}\n# ---\n\n# %%\n1\n"
    (folder / "lab.py").write_text(header)
    spec = read_source(folder / "lab.py").metadata["kernelspec"]
    assert (spec["name"], spec["display_name"]) == (named, display)


def test_what_is_there_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(today, "_run", lambda *command, **_: pytest.fail(f"ran {command}"))
    assert today.make() == today.today_folder()


def test_a_failure_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(today, "today_folder", lambda: tmp_path / "today")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(LabError, match="could not be made") as caught:
        today.make()
    assert "python -m rlhf.today" in str(caught.value)
    assert not today.is_ready(tmp_path / "today")
