"""A quiz in progress: drafts outlive it, submitting records, then tells, a retake draws anew, the highest is kept."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import labkit
from labkit import LabError
from labkit.quiz.answers import MAX_ANSWER
from labkit.quiz.bank import packed, unpacked
from labkit.quiz.session import Quiz

FILES = Path(__file__).resolve().parent.parent / "files" / "quiz"


@pytest.fixture(scope="session")
def kept() -> dict[str, Any]:
    return json.loads((FILES / "sample.kept.json").read_text())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("sample", "sample-exam"):
        shutil.copyfile(FILES / f"{name}.quiz.json", tmp_path / f"{name}.quiz.json")
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fill(kept: dict[str, Any], quiz_keys: Callable[..., dict[str, str]]) -> Callable[..., None]:
    """`fill(quiz)` answers every question rightly; `fill(quiz, but={1, 2})` leaves those alone."""

    def filling(quiz: Quiz, but: frozenset[int] = frozenset()) -> None:
        for number, drawn in enumerate(quiz.drawn, start=1):
            for part, answer in quiz_keys(kept, drawn.item, drawn.variant).items():
                if number not in but:
                    quiz.put(drawn.item, part, answer)

    return filling


def open_sample(name: str = "sample") -> Quiz:
    return labkit.quiz(name)


def drawn(quiz: Quiz) -> list[tuple[str, int]]:
    return [(question.item, question.variant) for question in quiz.drawn]


# Opening


def test_a_name_that_is_no_quiz_is_told(folder: Path) -> None:
    with pytest.raises(LabError, match=r"nope\.quiz\.json was expected, found sample, sample-exam"):
        labkit.quiz("nope")


def test_a_damaged_bank_is_told(folder: Path) -> None:
    (folder / "sample.quiz.json").write_text('{"format": 1}')
    with pytest.raises(LabError, match=r"sample\.quiz\.json: "):
        open_sample()


def test_opening_loads_nothing_heavy(folder: Path) -> None:
    script = (
        "import sys, labkit; quiz = labkit.quiz('sample'); print('anywidget' in sys.modules); quiz.outputs();"
        "print([m for m in ('torch', 'numpy', 'matplotlib', 'pandas', 'grader') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["False", "[]"]


def test_the_quiz_can_be_opened_again_in_the_same_kernel(folder: Path) -> None:
    first = open_sample()
    assert callable(labkit.quiz)
    first.put("ln-two", "p1", "0.69")
    assert open_sample().answers == {"ln-two": {"p1": "0.69"}}


# Answering


def test_a_draft_comes_back_with_its_questions(folder: Path) -> None:
    quiz = open_sample()
    quiz.put("fill-in", "b2", "  partition ")
    again = open_sample()
    assert (again.seed, drawn(again), again.answers) == (quiz.seed, drawn(quiz), {"fill-in": {"b2": "  partition "}})
    assert not again.submitted


def test_a_damaged_draft_begins_anew_and_says_so(folder: Path) -> None:
    open_sample().put("ln-two", "p1", "1")
    (folder / ".quiz-sample.draft.json").write_text("{")
    quiz = open_sample()
    assert quiz.answers == {}
    assert "is damaged" in quiz.page()["problems"][0]


def test_a_draft_of_an_older_bank_is_left_and_told(folder: Path) -> None:
    open_sample().put("ln-two", "p1", "1")
    bank = json.loads(unpacked((folder / "sample.quiz.json").read_bytes()))
    (folder / "sample.quiz.json").write_bytes(packed(json.dumps(bank | {"title": "Renewed"}).encode()))
    quiz = open_sample()
    assert quiz.answers == {}
    assert "was renewed" in quiz.page()["problems"][0]


def test_what_the_attempt_does_not_show_is_not_taken(folder: Path) -> None:
    quiz = open_sample()
    for item, part in (("nope", "p1"), ("ln-two", "nope"), ("ln-two", "")):
        with pytest.raises(LabError, match="shows no part"):
            quiz.put(item, part, "1")
    with pytest.raises(LabError, match="at most"):
        quiz.put("ln-two", "p1", "1" * (MAX_ANSWER + 1))
    assert quiz.answers == {}


def test_unanswered_questions_are_counted(folder: Path, fill: Callable[..., None]) -> None:
    quiz = open_sample()
    assert quiz.live()["unanswered"] == [1, 2, 3, 4, 5, 6, 7, 8]
    fill(quiz, frozenset({2, 5}))
    assert quiz.live()["unanswered"] == [2, 5]
    box = quiz.drawn[1].parts[0]
    quiz.put("what-beta-does", box, "1")
    quiz.put("what-beta-does", box, "0")
    assert quiz.live()["unanswered"] == [5]  # touched: leaving every box empty is an answer
    quiz.put("who-is-who", "p1", quiz.drawn[4].orders["p1"][0])
    assert quiz.live()["unanswered"] == [5]  # two menus are still open


def test_a_number_that_cannot_be_read_is_told_and_counts_as_unanswered(folder: Path) -> None:
    quiz = open_sample()
    quiz.put("ln-two", "p1", "a lot")
    assert "is no number" in quiz.live()["problems"]["ln-two"]["p1"]
    assert 3 in quiz.live()["unanswered"]
    quiz.put("ln-two", "p1", "0,69 nats")
    assert quiz.live()["problems"] == {}
    assert 3 not in quiz.live()["unanswered"]


def test_a_number_with_two_meanings_is_asked_about_before_submitting(folder: Path) -> None:
    quiz = open_sample()
    quiz.put("ln-two", "p1", "4,480")
    assert quiz.live()["meant"] == {"ln-two": {"p1": ["4480", "4.48"]}}
    assert 3 in quiz.live()["unanswered"]
    with pytest.raises(LabError, match=r"Question 3: '4,480' may be two numbers: 4480 or 4\.48\?"):
        quiz.submit()
    quiz.put("ln-two", "p1", "4480")
    assert quiz.live()["meant"] == {}
    assert 3 not in quiz.live()["unanswered"]


def test_what_is_recorded_has_one_meaning(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for typed, kept in (("1,234,567", "1234567"), ("4,480", "4,480 (4480 or 4.48?)"), ("0,69 nats", "0,69 nats")):
        quiz = open_sample()
        quiz.put("ln-two", "p1", typed)
        quiz.submit(anyway=True)
        line = json.loads((folder / "attempts.jsonl").read_text().splitlines()[-1])
        assert line["responses"] == {"ln-two": {"p1": kept}}
        assert (quiz.result.items[2].share > 0) == (typed[0] == "0")
        quiz.retake()


def test_an_attempt_made_before_is_shown_as_it_was_scored(folder: Path) -> None:
    """`0,690` has always been 0.69; so was a record's `1,000` the number 1, which is not asked about again."""
    quiz = open_sample()
    quiz.put("ln-two", "p1", "0,690")
    quiz.hand_over()
    path = folder / "attempts.jsonl"
    score = json.loads(path.read_text())["score"]
    assert score > 0
    path.write_text(path.read_text().replace("0,690", "69,000e-2"))  # as an older player wrote what was typed
    again = open_sample()
    assert again.result.score == score


def test_a_folder_that_cannot_be_written_is_told_and_answers_are_kept_in_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiz = open_sample()
    (folder / ".quiz-sample.draft.json.part").mkdir()
    quiz.put("ln-two", "p1", "1")
    quiz.put("ln-two", "p1", "2")
    assert quiz.answers == {"ln-two": {"p1": "2"}}
    assert ["cannot be saved" in problem for problem in quiz.problems] == [True]


def test_nothing_is_written_while_nbgrader_executes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    before = set(folder.iterdir())
    open_sample()._ipython_display_()
    open_sample().put("ln-two", "p1", "1")
    assert set(folder.iterdir()) == before


# Submitting


def test_everything_right_is_full_marks(folder: Path, fill: Callable[..., None]) -> None:
    quiz = open_sample()
    fill(quiz)
    quiz.hand_over()
    page = quiz.page()
    assert page["headline"] == "Your grade: 100%. You passed."
    assert [question["result"]["mark"] for question in page["items"]] == ["right"] * 8
    assert page["standing"] == (
        "Your latest: 100% · Your highest: 100% · To pass you need at least 70%. We keep your highest score."
    )


def test_the_record_says_what_was_drawn_and_typed(folder: Path, fill: Callable[..., None]) -> None:
    quiz = open_sample()
    fill(quiz, frozenset({1, 2}))
    quiz.put("ln-two", "p1", " 0,69 ")
    touched = quiz.drawn[1].parts[1]
    quiz.put("what-beta-does", touched, "1")
    quiz.hand_over()
    line = json.loads((folder / "attempts.jsonl").read_text())
    assert line["hash"] == quiz.bank.hash
    assert [(one["item"], one["variant"]) for one in line["draw"]] == drawn(quiz)
    assert "loss-falls" not in line["responses"]
    assert line["responses"]["ln-two"] == {"p1": " 0,69 "}
    assert line["responses"]["what-beta-does"] == {
        part: "1" if part == touched else "0" for part in quiz.drawn[1].parts
    }
    assert not (folder / ".quiz-sample.draft.json").exists()


def test_the_highest_of_several_attempts_is_kept(folder: Path, fill: Callable[..., None]) -> None:
    quiz = open_sample()
    seen = [drawn(quiz)]
    for but in ({1}, set(), {1, 2, 3, 4}):
        fill(quiz, frozenset(but))
        quiz.hand_over()
        quiz.retake()
        seen.append(drawn(quiz))
    assert quiz.standing.taken == 3
    assert (quiz.standing.latest, quiz.standing.highest) == (pytest.approx(4.5 / 9.5, abs=1e-6), 1.0)
    assert "Your latest: 47% · Your highest: 100%" in open_sample().page()["standing"]
    for before, after in itertools.pairwise(seen):
        for old, new in zip(before, after, strict=True):
            several = old[0] in ("loss-falls", "ln-two", "which-prints", "which-prints-b")
            assert (old != new) is several


def test_after_a_restart_the_last_result_is_shown(folder: Path, fill: Callable[..., None]) -> None:
    quiz = open_sample()
    fill(quiz, frozenset({8}))
    quiz.hand_over()
    again = open_sample()
    assert again.submitted
    assert again.page() == quiz.page()
    assert again.live() == quiz.live()


def test_submitting_twice_is_refused_and_recorded_once(folder: Path) -> None:
    quiz = open_sample()
    quiz.hand_over()
    with pytest.raises(LabError, match="submitted already"):
        quiz.hand_over()
    with pytest.raises(LabError, match="was submitted"):
        quiz.put("ln-two", "p1", "1")
    assert len((folder / "attempts.jsonl").read_text().splitlines()) == 1


def test_a_retake_before_submitting_is_refused(folder: Path) -> None:
    with pytest.raises(LabError, match="not submitted yet"):
        open_sample().retake()


def test_no_verdict_is_shown_when_the_record_cannot_be_written(folder: Path) -> None:
    quiz = open_sample()
    (folder / "attempts.jsonl").mkdir()
    with pytest.raises(LabError, match="could not be written"):
        quiz.hand_over()
    assert not quiz.submitted
    assert quiz.page()["items"][0]["result"] is None


def test_damaged_attempts_are_told_and_the_others_count(folder: Path, fill: Callable[..., None]) -> None:
    quiz = open_sample()
    fill(quiz)
    quiz.hand_over()
    with (folder / "attempts.jsonl").open("a") as file:
        file.write('{"v": 1, "bank": "sam')
    page = open_sample().page()
    assert "Your highest: 100%" in page["standing"]
    assert "line 2: no attempt" in page["problems"][0]


# What the browser is told


def test_before_submitting_nothing_goes_out_that_tells_a_key(folder: Path, fill: Callable[..., None]) -> None:
    quiz = open_sample()
    told = json.dumps([quiz.page(), quiz.live()])
    fill(quiz)
    after = json.dumps([quiz.page(), quiz.live()])
    for text in (told, after):
        assert "sealed" not in text
        assert "credit" not in text
        assert "kdf" not in text
    assert all(part["feedback"] == "" for question in quiz.page()["items"] for part in question["parts"])
    assert json.loads(told)[0]["items"] == quiz.page()["items"]  # right answers change nothing that is shown


def test_after_submitting_only_what_was_chosen_is_told(folder: Path, kept: dict[str, Any]) -> None:
    quiz = open_sample()
    options = {option["text"]: option["id"] for option in quiz.page()["items"][0]["parts"][0]["options"]}
    wrong = options["The loss rises."]
    quiz.put("loss-falls", "p1", wrong)
    quiz.hand_over()
    shown = quiz.page()["items"][0]
    (part,) = shown["parts"]
    (keys,) = kept["items"][0]["variants"][quiz.drawn[0].variant]["parts"]
    said = {key["answer"]: key["feedback"] for key in keys["answers"]}
    assert part["feedback"] == said.pop(wrong)
    assert part["right"] is False
    assert [feedback for feedback in said.values() if feedback in json.dumps(shown)] == []
    assert {key for option in part["options"] for key in option} == {"id", "html", "text"}


def test_the_same_feedback_is_said_once_in_a_question(folder: Path) -> None:
    quiz = open_sample()
    quiz.hand_over()
    parts = quiz.page()["items"][4]["parts"]
    assert [bool(part["feedback"]) for part in parts] == [True, False, False]


# Exams


def test_an_exam_records_and_leaves_scoring_to_the_grader(folder: Path) -> None:
    quiz = labkit.quiz("sample-exam")
    quiz.put(quiz.drawn[0].item, quiz.drawn[0].parts[0], next(iter(quiz.drawn[0].orders.values()))[0])
    quiz.hand_over()
    page = quiz.page()
    assert page["headline"] == "Your answers are recorded. The grader will score them: this page cannot."
    assert all(question["result"] is None for question in page["items"])
    assert page["left"] == "No attempts are left."
    assert not page["retake"]
    assert "score" not in json.loads((folder / "attempts.jsonl").read_text())
    assert "1 attempt recorded." in page["standing"]
    with pytest.raises(LabError, match="No attempts are left"):
        quiz.retake()
    assert labkit.quiz("sample-exam").page() == page


def test_a_second_window_cannot_go_beyond_the_limit(folder: Path) -> None:
    first, second = labkit.quiz("sample-exam"), labkit.quiz("sample-exam")
    first.hand_over()
    with pytest.raises(LabError, match="No attempts are left"):
        second.hand_over()


def test_after_a_quiz_comes_the_next_lab(folder: Path) -> None:
    for name in ("04-after", "05-later", "03-notes"):
        (folder.parent / name).mkdir(exist_ok=True)
    for name in ("04-after", "05-later"):
        (folder.parent / name / f"{name}.ipynb").write_text("{}")
    lab = folder.parent / "02-here"
    shutil.copytree(folder, lab)
    quiz = labkit.quiz("sample", lab)
    assert quiz.page()["next"] is None
    quiz.hand_over()
    assert quiz.page()["next"] == {"label": "04-after", "href": "../04-after/04-after.ipynb"}


def test_boxes_are_marked_one_by_one(folder: Path, kept: dict[str, Any]) -> None:
    quiz = open_sample()
    boxes = next(item for item in quiz.page()["items"] if item["layout"] == "boxes")
    first = boxes["parts"][0]["id"]
    quiz.put(boxes["id"], first, "1")
    assert {part["right"] for part in boxes["parts"]} == {None}
    quiz.hand_over()
    marked = next(item for item in quiz.page()["items"] if item["id"] == boxes["id"])
    true = {part["id"]: part["right"] == (part["id"] == first) for part in marked["parts"]}
    (drawn,) = [one for one in quiz.drawn if one.item == boxes["id"]]
    (item,) = [one for one in kept["items"] if one["id"] == boxes["id"]]
    ticked = {part["id"]: part["answers"] for part in item["variants"][drawn.variant]["parts"]}
    right = {part: {one["answer"]: one["credit"] == 1 for one in answers} for part, answers in ticked.items()}
    assert true == {part: answers["1"] for part, answers in right.items()}
    assert "[x] ✓" in repr(quiz) or "[x] ✗" in repr(quiz)


def test_boxes_of_a_question_left_alone_are_not_marked(folder: Path) -> None:
    quiz = open_sample()
    quiz.hand_over()
    boxes = next(item for item in quiz.page()["items"] if item["layout"] == "boxes")
    assert {part["right"] for part in boxes["parts"]} == {None}
