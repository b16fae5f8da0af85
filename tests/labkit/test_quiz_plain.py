"""Where widgets do not run, a quiz is text with letters, and Python answers it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

import labkit
from labkit import LabError
from labkit.quiz.plain import as_html, to_text
from labkit.quiz.session import Quiz
from labkit.quiz.standing import percent

FILES = Path(__file__).resolve().parent.parent / "files" / "quiz"


@pytest.fixture
def quiz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Quiz:
    shutil.copyfile(FILES / "sample.quiz.json", tmp_path / "sample.quiz.json")
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    return labkit.quiz("sample", tmp_path)


def test_html_becomes_text() -> None:
    assert to_text("<p>a  <b>b</b></p><p>c &lt; d</p>") == "a b\n\nc < d"
    assert to_text('<math alttext="\\beta^2"><mi>β</mi></math> is small') == "$\\beta^2$ is small"
    assert to_text("<math><mi>β</mi></math>") == "β"
    assert to_text('<img alt="A curve" src="data:x">') == "[figure: A curve]"
    assert to_text("<pre>for i in x:\n    print(i)\n</pre>") == "for i in x:\n    print(i)"
    assert to_text('to the power <span data-part="b1"></span>.') == "to the power [b1]."


def test_the_text_shows_every_question_and_how_to_answer(quiz: Quiz) -> None:
    text = repr(quiz)
    assert "To pass you need at least 70%." in text
    for number in range(1, 9):
        assert f"Question {number} · " in text
    assert "[figure: A curve that falls from left to right]" in text
    assert "a) The loss" in text or "b) The loss" in text
    assert 'quiz.answer(1, "a")' in text


def test_without_widgets_the_text_is_what_is_shown(quiz: Quiz, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "labkit.quiz.widget", raising=False)
    assert quiz.outputs() == [({"text/plain": repr(quiz)}, {})]


def test_with_widgets_the_text_goes_along(quiz: Quiz) -> None:
    (text, _), (player, _) = quiz.outputs()
    assert text["text/plain"] == repr(quiz)
    assert "Question 1 · " in text["text/html"]
    assert list(player) == ["application/vnd.jupyter.widget-view+json"]


def test_the_text_of_a_bank_is_no_markup_in_the_saved_notebook() -> None:
    shown = as_html('"><img src=x>', "<script>alert(1)</script> & so on")
    assert "<script>alert" not in shown
    assert "<img" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; so on" in shown


def test_letters_numbers_and_texts_are_taken(quiz: Quiz, capsys: pytest.CaptureFixture[str]) -> None:
    quiz.answer(1, "b")
    assert quiz.answers["loss-falls"]["p1"] == quiz.drawn[0].orders["p1"][1]
    quiz.answer(2, "a, c")
    boxes = quiz.drawn[1].parts
    assert quiz.answers["what-beta-does"] == {part: "1" if part in (boxes[0], boxes[2]) else "0" for part in boxes}
    quiz.answer(3, 0.69)
    assert quiz.answers["ln-two"] == {"p1": "0.69"}
    quiz.answer(4, "c", "a", "b")
    assert quiz.answers["ppo-steps"]["p1"] == quiz.drawn[3].orders["p1"][2]
    quiz.answer(6, 3, "partition function", "a")
    assert quiz.answers["fill-in"]["b2"] == "partition function"
    assert capsys.readouterr().out.splitlines()[-1] == "3 unanswered: questions 5, 7, 8."


@pytest.mark.parametrize(
    ("number", "values", "said"),
    [
        (9, ["a"], "no question 9"),
        (0, ["a"], "no question 0"),
        (1, ["z"], "not among the options"),
        (1, ["ab"], "One letter was expected"),
        (1, [""], "One letter was expected"),
        (2, ["az"], "not among the options"),
        (4, ["a"], "takes 3 answers, found 1"),
        (1, [], "takes 1 answer, found 0"),
    ],
)
def test_what_cannot_be_taken_is_told(quiz: Quiz, number: int, values: list[str], said: str) -> None:
    with pytest.raises(LabError, match=said):
        quiz.answer(number, *values)
    assert quiz.answers == {}


def test_a_number_that_cannot_be_read_is_told(quiz: Quiz, capsys: pytest.CaptureFixture[str]) -> None:
    quiz.answer(3, "a lot")
    assert "is no number" in capsys.readouterr().out


def test_a_number_with_two_meanings_is_asked_about(quiz: Quiz, capsys: pytest.CaptureFixture[str]) -> None:
    quiz.answer(3, "4,480")
    asked = "'4,480' may be two numbers: 4480 or 4.48? Write the one that you mean, without the comma."
    assert asked in capsys.readouterr().out
    assert asked in repr(quiz)
    with pytest.raises(LabError, match=r"4480 or 4\.48\?"):
        quiz.submit()
    quiz.answer(3, 4480)
    assert "may be two numbers" not in repr(quiz)


def test_submitting_says_what_is_open_first(quiz: Quiz, capsys: pytest.CaptureFixture[str]) -> None:
    texts = [option["text"] for option in quiz.page()["items"][0]["parts"][0]["options"]]
    quiz.answer(1, "abcd"[texts.index("The loss rises.")])
    quiz.answer(8, "a")
    with pytest.raises(LabError, match="6 unanswered: questions 2, 3, 4, 5, 6, 7"):
        quiz.submit()
    assert not quiz.submitted
    quiz.submit(anyway=True)
    said = capsys.readouterr().out
    assert "Your grade: " in said
    assert "✗ Incorrect" in said
    assert "Review: The section on KL" in said
    assert "quiz.retake() starts a new attempt." in said


def test_scores_are_rounded_down() -> None:
    assert [percent(share) for share in (0.7, 0.699999, 2 / 3, 1.0, 0.0, 7 * 0.1, 0.29)] == [
        "70%",
        "69%",
        "66%",
        "100%",
        "0%",
        "70%",
        "29%",
    ]
