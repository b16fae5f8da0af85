"""The widget takes answers, submissions and retakes from the browser, nothing else, and keeps it up to date."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import labkit
from labkit.quiz.widget import Player

FILES = Path(__file__).resolve().parent.parent / "files" / "quiz"


@pytest.fixture
def player(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Player:
    """A player whose messages to the browser are kept in `player.said`."""
    shutil.copyfile(FILES / "sample.quiz.json", tmp_path / "sample.quiz.json")
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    said: list[Any] = []
    monkeypatch.setattr(Player, "send", lambda self, content: said.append(content))
    player = labkit.quiz("sample", tmp_path).player()
    player.said = said
    return player


def tell(player: Player, content: object) -> None:
    player._receive(player, content, [])


def test_answering_updates_what_is_live_and_nothing_else(player: Player) -> None:
    before = player.page
    tell(player, {"do": "answer", "item": "ln-two", "part": "p1", "answer": "0.69"})
    assert player.live["answers"] == {"ln-two": {"p1": "0.69"}}
    assert 3 not in player.live["unanswered"]
    assert player.page == before
    assert player.said == []


def test_every_numbered_message_is_confirmed(player: Player) -> None:
    """Also one that asks for what cannot be done: the page need not wait for it."""
    tell(player, {"do": "answer", "item": "ln-two", "part": "p1", "answer": "0.69", "n": 1})
    tell(player, {"do": "retake", "n": 2})
    tell(player, {"do": "submit", "anyway": False, "n": 3})
    tell(player, {"do": "submit", "anyway": True, "n": 4})
    tell(player, {"do": "nothing known", "n": "5"})
    assert [message.get("done") for message in player.said] == [1, 2, 3, 4, None]
    told = [set(message) - {"done"} for message in player.said]
    assert told == [set(), {"problem"}, {"open"}, set(), {"problem"}]


def test_submitting_and_retaking_bring_other_screens(player: Player) -> None:
    keys = [player.page["key"]]
    player.here = 5
    for step in ("submit", "retake"):
        tell(player, {"do": step})
        keys.append(player.page["key"])
        assert player.here == 1
    assert len(set(keys)) == 3
    assert player.said == []


def test_submitting_with_open_questions_is_asked_about_first(player: Player) -> None:
    """The question comes from Python, which has every answer that the page sent before; the page may lag behind."""
    before = player.page
    tell(player, {"do": "submit", "anyway": False})
    assert player.said == [{"open": True}]
    assert player.page == before
    tell(player, {"do": "submit", "anyway": True})
    assert player.page["phase"] == "results"
    tell(player, {"do": "submit", "anyway": False})
    assert [list(message) for message in player.said] == [["open"], ["problem"]]


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"do": "quit"},
        {"do": ["submit"]},
        {"do": "answer"},
        {"do": "answer", "item": "ln-two", "part": "p1", "answer": 3},
        {"do": "answer", "item": "nope", "part": "p1", "answer": "1"},
        {"do": "answer", "item": "ln-two", "part": "p1", "answer": "1" * 10_000},
        {"do": "answer", "item": "__class__", "part": "__init__", "answer": ""},
        {"do": "retake"},
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(player: Player, content: dict[str, Any]) -> None:
    before = (player.page, player.live)
    tell(player, content)
    assert (player.page, player.live) == before
    assert [list(message) for message in player.said] == [["problem"]]


@pytest.mark.parametrize("content", [None, "submit", ["submit"], 3])
def test_what_is_no_message_is_ignored(player: Player, content: object) -> None:
    tell(player, content)
    assert player.said == []
    assert player.page["phase"] == "answering"


def test_python_and_the_page_are_one_quiz(player: Player) -> None:
    quiz = player._quiz
    quiz.answer(3, "0.5")
    assert player.live["answers"] == {"ln-two": {"p1": "0.5"}}
    quiz.submit(anyway=True)
    assert player.page["phase"] == "results"


def test_scripts_and_styles_are_in_the_package() -> None:
    assert "export default" in str(Player._esm)
    assert "drawQuestion" in str(Player._esm)
    assert ".labkit-quiz" in str(Player._css)
