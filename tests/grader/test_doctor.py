"""`grader doctor`: it finds what is broken, and says what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader import doctor
from grader.cli import app
from grader.course.paths import Course
from grader.doctor import LOOKS, Finding, examine, looks_of
from grader.kernels.system_calls import may_be_called
from tests.tools.chromium import chromium
from tests.tools.needed import needed


@pytest.fixture(scope="module")
def here(repo: Course) -> dict[str, Finding]:
    return {one.what: one for one in examine(repo)}


def test_this_machine_can_do_everything_that_the_tests_need(here: dict[str, Finding]) -> None:
    assert list(here) == [*LOOKS, "reviews", "ratings", "model", "second environment", "larger model"]
    works = ("python", "versions", "reviews", "ratings", "model", "second environment", "sandbox", "database", "disk")
    assert {name: here[name].verdict for name in works} == dict.fromkeys(works, "works")


def test_the_browser_is_the_one_that_prints_exams(toy: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    program = str(needed(chromium).path)
    monkeypatch.setenv("CHROMIUM", program)
    assert LOOKS["browser"](toy) == Finding("browser", "works", program)


def test_every_wall_is_run_against_from_inside_a_kernel(here: dict[str, Finding]) -> None:
    for name in ("namespaces", "system calls", "/proc", "rights", "pidfd"):
        assert here[name].verdict == "works", here[name]
    assert here["system calls"].found.startswith(f"a list of {may_be_called()}; AF_VSOCK, msgget, unshare")
    assert re.search(r"11 files beside one's own processes; \d+ covered", here["/proc"].found)
    group = here["control group"]
    assert (group.verdict, "ended at a limit" in group.found) in {("works", True), ("missing", False)}


def test_what_does_not_work_says_what_to_do(here: dict[str, Finding]) -> None:
    assert [one for one in here.values() if one.verdict != "works" and not one.remedy] == []


def test_a_version_that_is_not_pinned_is_named(toy: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    real = doctor.importlib.metadata.version
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda n: "0.12.0" if n == "trl" else real(n))
    found = LOOKS["versions"](toy)
    assert found.verdict == "broken"
    assert "trl 0.11.4 (found 0.12.0)" in found.found


def test_missing_data_browser_and_labs_are_found(toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    for file in (toy.labs / "01-toy").iterdir():
        file.unlink()
    assert looks_of(toy)["ratings"](toy).verdict == "broken"
    assert LOOKS["browser"](toy).verdict == "missing"
    assert (LOOKS["labs"](toy).verdict, LOOKS["labs"](toy).remedy) == ("broken", "grader build")


def test_a_look_that_fails_is_a_finding(toy: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Course) -> Finding:
        raise OSError("no such device")

    monkeypatch.setitem(LOOKS, "disk", fails)
    [found] = [one for one in examine(toy) if one.what == "disk"]
    assert (found.verdict, found.found) == ("broken", "OSError: no such device")


def test_a_course_without_a_library_is_looked_at_all_the_same(toy: Course) -> None:
    config = toy.root / "nbgrader_config.py"
    text = config.read_text()
    config.write_text(text.replace("rlhf.looks:LOOKS", ""))
    assert list(looks_of(toy)) == list(LOOKS)
    config.write_text(text.replace("rlhf.looks:LOOKS", "nowhere.looks:LOOKS"))
    found = looks_of(toy)["course"](toy)
    assert (found.verdict, found.found) == (
        "broken",
        "nowhere.looks:LOOKS: ModuleNotFoundError: No module named 'nowhere'",
    )


def test_scripts_get_json_and_an_exit_code(toy: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Finding("disk", "broken", "0.1 GB free", "free some")
    monkeypatch.setattr(doctor, "looks_of", lambda _: {"disk": lambda _: broken})
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout) == [vars(broken)]
    assert "disk: 0.1 GB free; free some" in result.stderr
