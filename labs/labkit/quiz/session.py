"""One quiz as a student has it open: the attempt in progress or the last result, its draft, answering, submitting."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from labkit.quiz import pages
from labkit.quiz.answers import MAX_ANSWER
from labkit.quiz.attempts import ATTEMPTS_FILE, Attempt, append_attempt, read_attempts
from labkit.quiz.bank import Bank, BankError, load_bank
from labkit.quiz.drafts import Draft, draft_path, drop_draft, load_draft, save_draft
from labkit.quiz.draw import draw
from labkit.quiz.marking import Result, recorded, shown
from labkit.quiz.marks import marks_of
from labkit.quiz.plain import answers_from_letters, as_html, page_text, unanswered, unclear
from labkit.quiz.service import ServiceError
from labkit.quiz.standing import Standing

if TYPE_CHECKING:
    from labkit.quiz.widget import Player

RENEWED = "This quiz was renewed since: the questions are new, your earlier scores stay."
DAMAGED = "Take the file of the quiz from the handed-out labs again. Your attempts are in another file and stay."
EARLIER = "This attempt had reached the grader before; what is shown is what was taken then."
NOT_SAVED = "Your answers cannot be saved here as you go ({}); they are kept while this notebook's kernel runs."


def open_quiz(name: str, folder: str | Path = ".") -> Quiz:
    """Open the quiz of the bank `<name>.quiz.json` in `folder`, where the attempts are written too.

    In a notebook, end a cell with it to see the player; elsewhere it prints as text. An unsubmitted attempt goes on
    where it stood, also after the kernel was restarted.

    Raises:
        LabError: there is no such bank, or its file is damaged.
    """
    place = Path(folder).resolve()
    path = place / f"{name}.quiz.json"
    try:
        return Quiz(load_bank(path), place)
    except FileNotFoundError:
        found = ", ".join(sorted(other.name.removesuffix(".quiz.json") for other in place.glob("*.quiz.json")))
        what = f"There is no quiz {name!r} in {place}: {path.name} was expected, found {found or 'no quiz at all'}."
        raise LabError(what, "Check the name, and open the notebook from its own folder.") from None
    except (BankError, OSError) as error:
        raise LabError(str(error), DAMAGED) from None


class Quiz:
    """A quiz in progress: `answer`, `submit`, `retake`; shown as player in a notebook, as text elsewhere.

    Everything that the player does goes through these methods, so that both ways may be mixed.
    """

    def __init__(self, bank: Bank, folder: Path) -> None:
        self.bank = bank
        self.folder = folder
        self.problems: list[str] = []
        self.answers: dict[str, dict[str, str]] = {}
        self.result: Result | None = None
        self.submitted = False
        self.listeners: list[Callable[[], None]] = []
        self.marks = marks_of(bank)
        self._player: Player | None = None
        self._open()

    def _open(self) -> None:
        """Go on with the draft; without one show the last attempt; without any attempt begin the first."""
        attempts = self._read()
        draft, problem = load_draft(self._draft_path)
        self.problems += [problem] if problem else []
        is_next = draft is None or self.marks.is_next(draft.seed)
        if draft is not None and draft.hash == self.bank.hash and (self.standing.left != 0 or not is_next):
            self._begin(draft.seed)
            self.answers = draft.answers_to(self.drawn)
            if is_next or self._was_taken():
                return
        last = attempts[-1] if attempts else None
        if last is not None and (self._show(last) or self.standing.left == 0):
            return
        if draft is not None or last is not None:
            self.problems.append(RENEWED)
        self._begin(self.marks.next_seed(last))

    def _was_taken(self) -> bool:
        """Whether the service took this draft before, and only its answer got lost: then that is shown."""
        try:
            self.hand_over()
        except LabError:
            self._read()
        return self.submitted

    @property
    def _draft_path(self) -> Path:
        return draft_path(self.folder, self.bank.bank)

    def _read(self) -> list[Attempt]:
        found, problems = read_attempts(self.folder / ATTEMPTS_FILE)
        self.standing: Standing = self.marks.standing(found)
        self.problems = [*problems, *self.marks.problems]
        return [attempt for attempt in found if attempt.bank == self.bank.bank]

    def _begin(self, seed: int) -> None:
        self.seed, self.drawn = seed, draw(self.bank, seed)
        self.answers, self.result, self.submitted = {}, None, False

    def _show(self, last: Attempt) -> bool:
        """Show a submitted attempt again; False if it does not belong to this release of the bank."""
        self.seed, self.drawn = last.seed, draw(self.bank, last.seed)
        self.answers, self.submitted = {item: dict(parts) for item, parts in last.responses.items()}, True
        same = tuple((question.item, question.variant) for question in self.drawn) == last.draw
        if last.hash != self.bank.hash or not same:
            self.drawn, self.answers = (), {}
            return False
        try:
            marked = self.marks.mark(last, self.drawn)
            self.answers = {item: dict(parts) for item, parts in marked.responses.items()}
            self.result = marked.result
        except ServiceError as error:
            if error.status:  # it does not know the attempt; else it cannot be reached now, and may know it
                self._read()
                self._begin(self.marks.next_seed(last))
            self.problems.append(f"{error.what} {error.remedy}")
        return True

    # Answering -------------------------------------------------------------------------------------------------------

    def answer(self, question: int, *values: object) -> None:
        """Answer a question by its number, as the text shows it, and print how many are still open.

        A choice is a letter (`"b"`), several boxes are letters together (`"ac"`, `""` for none), a number or a text is
        itself. Where a question has several blanks, give one value for each.

        Raises:
            LabError: there is no such question or letter, or the attempt was submitted.
        """
        if not 1 <= question <= len(self.drawn):
            raise LabError(f"There is no question {question}.", f"The questions are numbered 1 to {len(self.drawn)}.")
        drawn = self.drawn[question - 1]
        _, _, parts = shown(self.bank, drawn)
        for part, text in answers_from_letters(parts, drawn, values).items():
            self.put(drawn.item, part, text)
        live = self.live()
        for problem in live["problems"].get(drawn.item, {}).values():
            print(problem)
        print(unanswered(live["unanswered"]))

    def put(self, item: str, part: str, answer: str) -> None:
        """Take one answer as typed, and save the draft.

        Raises:
            LabError: the attempt shows no such part, the answer is too long, or the attempt was submitted.
        """
        if self.submitted:
            raise LabError("This attempt was submitted.", "Begin a new one: retake().")
        if not any(question.item == item and part in question.parts for question in self.drawn):
            raise LabError(f"This attempt shows no part {part!r} of {item!r}.", "Run the cell again.")
        if len(answer) > MAX_ANSWER:
            raise LabError(f"An answer has at most {MAX_ANSWER} characters.", "Shorten it.")
        self.answers.setdefault(item, {})[part] = answer
        self._save()
        self._changed()

    def submit(self, anyway: bool = False) -> None:
        """Submit, record and mark the attempt, and print the result. With questions still open, `anyway` must be True.

        Raises:
            LabError: questions are open, no attempt is left, or the attempt cannot be written.
        """
        waiting = self.open_questions()
        if waiting and not anyway:
            what = " ".join([unanswered(waiting), *unclear(self.page(), self.live())])
            raise LabError(what, "Answer them, or submit all the same: submit(anyway=True).")
        self.hand_over()
        print(self)

    def open_questions(self) -> list[int]:
        """The numbers of the questions of this attempt that are not answered yet; none once it was submitted."""
        return [] if self.submitted else self.live()["unanswered"]

    def hand_over(self) -> None:
        """Submit what is answered: the record reaches the disk before any verdict is shown.

        Raises:
            LabError: it was submitted already, no attempt is left, or the attempt cannot be written.
        """
        if self.submitted:
            raise LabError("This attempt was submitted already.", "Begin a new one: retake().")
        self._read()  # another window may have submitted meanwhile
        if self.standing.left == 0 and self.marks.is_next(self.seed):
            raise LabError("No attempts are left.", "Your highest score is kept.")
        responses: dict[str, dict[str, str]] = {}
        for question in self.drawn:
            item, _, parts = shown(self.bank, question)
            given = recorded(parts, self.answers.get(item.id, {}))
            responses |= {item.id: given} if given else {}
        attempt = Attempt(
            bank=self.bank.bank,
            hash=self.bank.hash,
            attempt=self.marks.name(self.seed),
            time=datetime.now(UTC),
            seed=self.seed,
            draw=tuple((question.item, question.variant) for question in self.drawn),
            responses=responses,
            score=None,
        )
        try:
            marked = self.marks.mark(attempt, self.drawn)
        except BankError as error:
            raise LabError(f"Nothing was submitted: {error}", DAMAGED) from None
        attempt = replace(attempt, responses=marked.responses, score=marked.recorded)
        try:
            append_attempt(self.folder / ATTEMPTS_FILE, attempt)
        except OSError as error:
            what = f"{self.folder / ATTEMPTS_FILE} could not be written: {error.strerror or error}."
            raise LabError(what, self.marks.unwritten) from None
        self._read()
        self.answers = {item: dict(parts) for item, parts in marked.responses.items()}
        self.result, self.submitted = marked.result, True
        self.problems += [EARLIER] if self.answers != responses else []
        try:
            drop_draft(self._draft_path)
        except OSError as error:
            self.problems.append(f"{self._draft_path.name} could not be removed: {error.strerror or error}.")
        self._changed()

    def retake(self) -> None:
        """Begin a new attempt, with other variants wherever the bank has them.

        Raises:
            LabError: the attempt in progress was not submitted, or no attempt is left.
        """
        if not self.submitted:
            raise LabError("This attempt is not submitted yet.", "Submit it first.")
        attempts = self._read()
        if self.standing.left == 0:
            raise LabError("No attempts are left.", "Your highest score is kept.")
        self._begin(self.marks.next_seed(attempts[-1] if attempts else None))
        self._save()
        self._changed()

    def _save(self) -> None:
        if os.environ.get("NBGRADER_EXECUTION"):
            return
        try:
            save_draft(self._draft_path, Draft(self.bank.hash, self.seed, self.answers))
        except OSError as error:
            said = NOT_SAVED.format(error.strerror or error)
            self.problems += [] if said in self.problems else [said]

    def _changed(self) -> None:
        for listener in self.listeners:
            listener()

    # Showing ---------------------------------------------------------------------------------------------------------

    def page(self) -> dict[str, Any]:
        """What the screen shows; see `labkit.quiz.pages`."""
        return pages.page(
            self.bank,
            self.drawn,
            self.standing,
            folder=self.folder,
            key=f"{self.seed} {self.standing.taken} {self.submitted}",
            submitted=self.submitted,
            result=self.result,
            problems=self.problems,
        )

    def live(self) -> dict[str, Any]:
        """What changes while answering; see `labkit.quiz.pages`."""
        return pages.live(self.bank, self.drawn, self.answers)

    def player(self) -> Player:
        """The player for this quiz, made when it is first asked for. Raises ImportError where there are no widgets."""
        if self._player is None:
            from labkit.quiz.widget import Player

            self._player = Player(self)
        return self._player

    def __repr__(self) -> str:
        return page_text(self.page(), self.live())

    def outputs(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """What stands below the cell, as (data, metadata) of each output: the quiz as text, and the player if it can.

        The player hides the text; a notebook that was saved and is open without a kernel has the text alone.
        """
        as_text = {"text/plain": repr(self)}
        try:
            bundle = self.player()._repr_mimebundle_()
        except ImportError:
            return [(as_text, {})]
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        data = {mime: content for mime, content in data.items() if mime != "text/plain"}
        return [({**as_text, "text/html": as_html(self.bank.title, repr(self))}, {}), (data, metadata)]

    def _ipython_display_(self) -> None:
        """Show the quiz, and keep which questions it asks."""
        from IPython.display import display

        self._save() if not self.submitted else None
        for data, metadata in self.outputs():
            display(data, metadata=metadata, raw=True)
