"""Progress: what the visible checks found last, in every lab, in the order of the notebooks."""

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from labkit import LabError, Progress
from labkit.exercises import Exercise
from labkit.quiz.attempts import Attempt, append_attempt

FILES = Path(__file__).resolve().parent.parent / "files" / "quiz"


def make_lab(root: Path, name: str, *grade_ids: str) -> Path:
    folder = root / name
    folder.mkdir()
    plain: list[dict[str, Any]] = [{"cell_type": "markdown", "metadata": {}, "source": "x"}]
    cells = [{"cell_type": "code", "metadata": {"nbgrader": {"grade_id": g}}, "source": ""} for g in grade_ids]
    (folder / f"{name}.ipynb").write_text(json.dumps({"cells": plain + cells, "metadata": {}, "nbformat": 4}))
    return folder


def say(folder: Path, exercise: str, passed: int, total: int, time: str = "2026-01-02T10:00:00+00:00") -> None:
    line = {"lab": folder.name, "exercise": exercise, "passed": passed, "total": total, "time": time}
    with (folder / "progress.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    say(make_lab(tmp_path, "02-reward", "loss", "loss-checks", "loss-hidden"), "gone", 1, 1)
    first = make_lab(tmp_path, "01-decoding", "b-checks", "a-checks", "c-checks")
    say(first, "b", 1, 2)
    say(first, "b", 2, 2)
    say(first, "a", 3, 3)
    say(first, "a", 2, 3)
    make_lab(tmp_path, "00-start-here")
    (tmp_path / "labkit").mkdir()
    return tmp_path


def outcomes(rows: list[Exercise]) -> list[tuple[str, str, bool | None]]:
    return [(row.lab, row.exercise, row.passed) for row in rows]


def test_the_last_outcome_counts_in_the_order_of_the_notebook(root: Path) -> None:
    assert outcomes(Progress(root).table()) == [
        ("01-decoding", "b", True),
        ("01-decoding", "a", False),
        ("01-decoding", "c", None),
        ("02-reward", "loss", None),
    ]


def test_next_is_the_first_that_is_not_passed(root: Path) -> None:
    assert Progress(root).next() == "Next: go on with a in 01-decoding; its checks do not all pass yet."
    say(root / "01-decoding", "a", 3, 3)
    assert Progress(root).next() == "Next: try c in 01-decoding."
    say(root / "01-decoding", "c", 1, 1)
    say(root / "02-reward", "loss", 1, 1)
    assert Progress(root).next().startswith("All visible checks pass.")


def test_broken_lines_are_skipped(root: Path) -> None:
    with (root / "02-reward" / "progress.jsonl").open("ab") as file:
        file.write(b'\xff\xfe\n[]\nnull\n{"exercise": "loss"}\n{"exercise": "loss", "passed": "x", "total": 1}\n{"half')
    assert Progress(root).table()[-1].passed is None


def test_no_checks_are_no_pass(root: Path) -> None:
    say(root / "02-reward", "loss", 0, 0)
    assert Progress(root).table()[-1].passed is False


@pytest.mark.parametrize("content", [b"no json", b"\xff\xfe", b"[]", b'{"cells": 1}'])
def test_a_broken_notebook_is_named_and_the_others_are_read(root: Path, content: bytes) -> None:
    (root / "02-reward" / "02-reward.ipynb").write_bytes(content)
    progress = Progress(root)
    assert len(progress.table()) == 3
    assert len(progress.problems) == 1
    assert "02-reward.ipynb is no valid notebook" in progress.problems[0]
    assert "02-reward.ipynb is no valid notebook" in progress._repr_html_()


def test_odd_cells_do_no_harm(root: Path) -> None:
    cells = [None, 3, {"metadata": None}, {"metadata": {"nbgrader": [1]}}, {"metadata": {"nbgrader": {"grade_id": 7}}}]
    (root / "02-reward" / "02-reward.ipynb").write_text(json.dumps({"cells": cells}))
    assert len(Progress(root).table()) == 3


def test_the_page_is_a_table_with_headers_and_words(root: Path) -> None:
    make_lab(root, "03-<b>", "<i>-checks")
    page = Progress(root)._repr_html_()
    assert page.count('scope="col"') == 3 + 5
    assert page.count('scope="row"') == 3 + 5
    assert "passed" in page
    assert "not tried yet" in page
    assert "&lt;i&gt;" in page
    assert "<i>" not in page
    assert page.startswith("<p><strong>Next: go on with a in 01-decoding;")
    assert re.findall(r"<caption>(.+?)</caption>", page) == ["Labs", "Visible checks"]


def test_titles_open_the_notebooks_from_where_the_page_is_shown(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = root / "02-reward" / "02-reward.ipynb"
    cells = [*json.loads(notebook.read_text())["cells"], {"cell_type": "markdown", "source": ["x\n", "# Lab 02 <x>\n"]}]
    notebook.write_text(json.dumps({"cells": cells}))
    add_quiz(root / "02-reward")
    monkeypatch.chdir(root / "00-start-here")
    page = Progress("..")._repr_html_()
    links = re.findall(r'<a href="(.+?)">(.+?)</a>', page)
    first, second = (f"../{lab}/{lab}.ipynb" for lab in ("01-decoding", "02-reward"))
    assert links == [(first, "01-decoding"), (second, "Lab 02 &lt;x&gt;"), (second, "A sample of every item type")]
    assert re.findall(r"<td>(. \d of \d exercises pass)</td>", page) == [
        "– 1 of 3 exercises pass",
        "– 0 of 1 exercises pass",
    ]


def test_the_chart_says_in_words_what_it_shows(root: Path) -> None:
    picture = Progress(root).plot()
    assert picture.png.startswith(b"\x89PNG")
    assert picture.alt == (
        "Your progress. 01-decoding: 1 passed, 1 not all pass yet, 1 not tried yet; "
        "02-reward: 0 passed, 0 not all pass yet, 1 not tried yet."
    )


def test_an_empty_root_says_so(tmp_path: Path) -> None:
    progress = Progress(tmp_path)
    assert progress.table() == []
    assert "No exercises" in progress.next()
    assert progress.plot().png


def test_a_root_that_is_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="There is no folder"):
        Progress(tmp_path / "nowhere")


def test_the_current_folder_may_be_a_lab(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "01-decoding")
    assert len(Progress("..").table()) == 4


def add_quiz(folder: Path, *scores: float) -> None:
    shutil.copyfile(FILES / "sample.quiz.json", folder / "sample.quiz.json")
    (folder / "attempts.jsonl").unlink(missing_ok=True)
    for place, score in enumerate(scores):
        when = datetime(2026, 1, 2, tzinfo=UTC)
        append_attempt(folder / "attempts.jsonl", Attempt("sample", "h", str(place), when, 1, (), {}, score))


def test_a_quiz_comes_after_the_exercises_of_its_lab(root: Path) -> None:
    add_quiz(root / "01-decoding")
    assert Progress(root).next().startswith("Next: go on with a")
    say(root / "01-decoding", "a", 3, 3)
    say(root / "01-decoding", "c", 1, 1)
    assert Progress(root).next() == "Next: take the quiz of 01-decoding."
    add_quiz(root / "01-decoding", 0.6, 0.5)
    said = "Next: take the quiz of 01-decoding again; your highest is 60%, to pass you need 70%."
    assert Progress(root).next() == said
    add_quiz(root / "01-decoding", 0.1, 0.2, 0.7)
    assert Progress(root).next() == "Next: try loss in 02-reward."
    say(root / "02-reward", "loss", 1, 1)
    assert Progress(root).next().startswith("All visible checks pass, and all quizzes are done.")


def test_a_lab_may_have_a_quiz_and_no_exercise(root: Path) -> None:
    add_quiz(make_lab(root, "06-assessment"), 0.7, 0.4)
    (quiz,) = Progress(root).quizzes()
    assert (quiz.lab, quiz.done, quiz.outcome()) == ("06-assessment", True, "passed")
    assert (quiz.standing.latest, quiz.standing.highest, quiz.standing.taken) == (0.4, 0.7, 2)


def test_the_page_tells_how_the_quizzes_went(root: Path) -> None:
    add_quiz(root / "01-decoding", 0.7, 0.4)
    add_quiz(root / "02-reward")
    page = Progress(root)._repr_html_()
    row = re.search(
        r"<tr><td>01-decoding</td><th scope=\"row\"[^>]*><a [^>]+>A sample of every item type</a></th>(.*?)</tr>", page
    )
    assert row is not None
    assert re.findall(r"<td>(.*?)</td>", row[1]) == ["✓ passed", "40%", "70%", "70%", "2"]
    assert "<td>– not tried yet</td><td>–</td><td>–</td>" in page
    assert "quiz of 01-decoding: passed, highest 70%; quiz of 02-reward: not tried yet." in page


def test_a_damaged_bank_or_attempt_is_named(root: Path) -> None:
    add_quiz(root / "01-decoding")
    (root / "01-decoding" / "attempts.jsonl").write_text("{")
    (root / "02-reward" / "x.quiz.json").write_text("{")
    progress = Progress(root)
    assert len(progress.quizzes()) == 1
    assert ["line 1: no attempt" in progress.problems[0], "x.quiz.json" in progress.problems[1]] == [True, True]
