"""H5P's own server takes our question sets in, as a site does that has the libraries."""

from __future__ import annotations

import io
import json
import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from grader.formats.h5p.write import LIBRARIES
from grader.formats.model.packages import pack
from grader.formats.model.registry import TYPES, export_bank
from grader.quizzes.rendered import RenderedBank
from tests.formats.conftest import BANKS, SAMPLE, rendered
from tests.formats.making import banks
from tests.formats.placed import carried, placed
from tests.tools.needed import needed
from tests.tools.node import node, package

SCRIPT = Path(__file__).with_name("accept_h5p.cjs")
KEPT = {
    "p",
    "div",
    "span",
    "br",
    "strong",
    "em",
    "sub",
    "sup",
    "code",
    "pre",
    "a",
}  # elements that H5P leaves in a question


def content(data: bytes) -> tuple[dict[str, Any], dict[str, Any], set[str]]:
    """`h5p.json`, `content.json`, and the paths of a package."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        names = set(package.namelist())
        return json.loads(package.read("h5p.json")), json.loads(package.read("content/content.json")), names


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site that has the libraries: their descriptions, without their programs."""
    for name, ((major, minor), title) in LIBRARIES.items():
        folder = tmp_path / "libraries" / f"{name}-{major}.{minor}"
        folder.mkdir(parents=True)
        about = {"machineName": name, "title": title, "majorVersion": major, "minorVersion": minor, "patchVersion": 0}
        (folder / "library.json").write_text(json.dumps(about | {"runnable": 1}))
        (folder / "semantics.json").write_text("[]")
    return tmp_path


def accept(site: Path, *packages: bytes) -> subprocess.CompletedProcess[str]:
    program, server = needed(node).path, needed(lambda: package("@lumieducation/h5p-server"))
    files = []
    for number, data in enumerate(packages):
        files.append(site / f"{number}.h5p")
        files[-1].write_bytes(data)
    return subprocess.run([program, SCRIPT, server, site, *files], capture_output=True, text=True, timeout=120)


def test_a_site_takes_every_bank_in(site: Path) -> None:
    made = [export_bank(rendered(path), "h5p") for path in BANKS]
    done = accept(site, *[one.data for one in made])
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["title"] for one in found] == [rendered(path).title for path in BANKS]
    for one, export in zip(found, made, strict=True):
        _, wanted, names = content(export.data)
        assert one["mainLibrary"] == "H5P.QuestionSet"
        assert one["parameters"] == wanted
        assert {f"content/{path}" for path in one["files"]} >= {n for n in names if n.startswith("content/images/")}


def test_what_the_site_hands_out_again_is_what_it_took_in(site: Path) -> None:
    bank = placed("single").bank
    made = [export_bank(one, "h5p").data for one in (bank, rendered(SAMPLE))]
    done = accept(site, *made)
    assert done.returncode == 0, done.stderr
    for number, data in enumerate(made):
        about, wanted, names = content(data)
        about_again, found, names_again = content((site / f"{number}.h5p.again").read_bytes())
        assert found == wanted
        assert {n for n in names_again if n.startswith("content/")} == {n for n in names if n.startswith("content/")}
        assert about_again["title"] == about["title"]
        assert about_again["preloadedDependencies"] == about["preloadedDependencies"]
    assert carried((site / "0.h5p.again").read_bytes(), placed("single").pictures["stem"])


def test_the_site_refuses_what_is_broken(site: Path, sample: RenderedBank) -> None:
    with zipfile.ZipFile(io.BytesIO(export_bank(sample, "h5p").data)) as package:
        files = {name: package.read(name) for name in package.namelist()}
    about = json.loads(files["h5p.json"])
    missing = [{"machineName": "H5P.No", "majorVersion": 1, "minorVersion": 0}]
    untitled = {key: value for key, value in about.items() if key != "title"}
    for name, broken in (("a missing library", about | {"preloadedDependencies": missing}), ("no title", untitled)):
        done = accept(site, pack(files | {"h5p.json": json.dumps(broken).encode()}))
        assert done.returncode != 0, name


def test_every_question_says_its_library_and_its_answers(bank: RenderedBank) -> None:
    about, made, names = content(export_bank(bank, "h5p").data)
    used = {one["machineName"] for one in about["preloadedDependencies"]}
    assert {one["library"].split()[0] for one in made["questions"]} | {"H5P.QuestionSet"} <= used
    assert len({one["subContentId"] for one in made["questions"]}) == len(made["questions"])
    for question in made["questions"]:
        params = question["params"]
        if "answers" in params:
            assert sum(answer["correct"] for answer in params["answers"]) >= 1
        if params["media"]:
            assert f"content/{params['media']['type']['params']['file']['path']}" in names
            assert params["media"]["type"]["params"]["alt"]
            assert params["media"]["type"]["params"]["file"]["width"] > 100


def texts(params: dict[str, Any]) -> list[str]:
    """Every text of a question that is shown as HTML."""
    shown = [params.get(name, "") for name in ("question", "text", "taskDescription")] + params.get("questions", [])
    for answer in params.get("answers", []):
        shown += [answer["text"], answer["tipsAndFeedback"]["chosenFeedback"]]
    return shown


@settings(max_examples=25, deadline=None)
@given(banks(TYPES))
def test_whatever_a_bank_says_keeps_to_what_h5p_reads(bank: RenderedBank) -> None:
    try:
        made = export_bank(bank, "h5p")
    except ValueError:  # not one of its questions can be an H5P
        return
    _, found, _ = content(made.data)
    for question in found["questions"]:
        params = question["params"]
        for text in texts(params):
            assert set(re.findall(r"</?([a-z][a-z0-9]*)", text)) <= KEPT
        if question["library"].startswith("H5P.DragText"):
            gaps = re.findall(r"\*(.*?)\*", params["textField"])
            assert params["textField"].count("*") == 2 * len(gaps)
            assert not any(":" in gap or not gap for gap in gaps)
        if question["library"].startswith("H5P.Blanks"):
            (line,) = params["questions"]
            assert line.count("*") % 2 == 0
            assert "*" in line
