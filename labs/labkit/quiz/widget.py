"""The player as a widget: it sends the browser what to show, and takes from it answers, submissions and retakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import anywidget
from traitlets import Bool, Dict, Int

from labkit.errors import LabError


class Played(Protocol):
    """The quiz behind a player: what is to be shown, and what is done with it; see `labkit.quiz.session.Quiz`."""

    listeners: list[Callable[[], None]]

    def page(self) -> dict[str, Any]:
        """What the screen shows."""

    def live(self) -> dict[str, Any]:
        """What changes while answering."""

    def put(self, item: str, part: str, answer: str) -> None:
        """Take one answer as typed."""

    def open_questions(self) -> list[int]:
        """The numbers of the questions that are not answered yet."""

    def hand_over(self) -> None:
        """Submit what is answered."""

    def retake(self) -> None:
        """Begin a new attempt."""


class Player(anywidget.AnyWidget):
    """A quiz on the screen: `page` and `live` go to the browser; `paged` and `here` (the question shown) both ways."""

    _esm = "\n".join(Path(__file__).with_name(name).read_text("utf-8") for name in ("question.js", "player.js"))
    _css = Path(__file__).with_name("player.css")
    page = Dict().tag(sync=True)
    live = Dict().tag(sync=True)
    paged = Bool(False).tag(sync=True)
    here = Int(1).tag(sync=True)

    def __init__(self, quiz: Played) -> None:
        super().__init__(page=quiz.page(), live=quiz.live())
        self._quiz = quiz
        quiz.listeners.append(self.refresh)
        self.on_msg(self._receive)

    def refresh(self) -> None:
        """Bring the browser up to date; what did not change is not sent."""
        page = self._quiz.page()
        with self.hold_sync():
            if page["key"] != self.page.get("key"):
                self.here = 1
            self.live = self._quiz.live()
            self.page = page

    def _receive(self, widget: object, content: object, buffers: object) -> None:
        """One message of the browser, which is confirmed. What is wrong with it is shown there, and nowhere else."""
        del widget, buffers
        if not isinstance(content, Mapping):
            return
        said: dict[str, Any] = {"done": content["n"]} if type(content.get("n")) is int else {}
        try:
            known, answer = self._do(content)
            if not known:
                raise LabError("The page asked for something unknown.", "Run the cell again.")
            said |= answer
        except LabError as error:
            self.refresh()
            said |= {"problem": f"{error.what} {error.remedy}"}
        if said:
            self.send(said)

    def _do(self, content: Mapping[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Do what is asked; whether it was something known, and what to tell the browser beside what it sees."""
        match content:
            case {"do": "answer", "item": str(item), "part": str(part), "answer": str(answer)}:
                self._quiz.put(item, part, answer)
            case {"do": "submit", "anyway": False} if self._quiz.open_questions():
                return True, {"open": True}
            case {"do": "submit"}:
                self._quiz.hand_over()
            case {"do": "retake"}:
                self._quiz.retake()
            case _:
                return False, {}
        return True, {}
