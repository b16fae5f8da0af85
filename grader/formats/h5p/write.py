"""H5P: a question set of multiple choice, fill in the blanks and drag the words, for sites with these libraries."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grader.formats.h5p import words
from grader.formats.h5p.text import LOOK_ALIKE_HTML, alike, as_text, draggable, kept_html, one_line, without_first_image
from grader.formats.model.figures import Figure, Figures, drawing
from grader.formats.model.fragments import is_text, unwrapped
from grader.formats.model.packages import pack
from grader.formats.model.places import PLACES
from grader.formats.model.pools import Question, numbered, shown_order
from grader.formats.model.registry import Losses, exporter, nothing_carried
from grader.formats.model.richtext import figures_of
from grader.formats.model.richtext import plain as plain_text
from grader.formats.model.typed import listed, right_answers, spellings
from grader.quizzes.pixels import measured
from grader.quizzes.rendered import NOTHING_CHOSEN, RenderedBank, RenderedPart
from labkit.quiz.pages import HOW

SPACE = uuid.UUID("b7a3f1c2-54d8-4c55-9c53-0e6f3b0d7a11")  # for ids that names decide
LIBRARIES = {  # machine name → the version whose fields are written here, and its title
    "H5P.QuestionSet": ((1, 20), "Question Set"),
    "H5P.MultiChoice": ((1, 16), "Multiple Choice"),
    "H5P.Blanks": ((1, 14), "Fill in the Blanks"),
    "H5P.DragText": ((1, 10), "Drag the Words"),
    "H5P.Image": ((1, 1), "Image"),
}
SPELLINGS = 100  # of a number, in a blank
SIGNS = re.compile(r"[*/:\n]")  # that no answer in a blank can have
FIGURE = re.compile(r'<p class="figure">.*?</p>', re.DOTALL)
START, END = "\ue000", "\ue001"  # around the name of a blank, while the text around it is made
HOLE = re.compile(f"{START}([a-z][a-z0-9]*){END}")
Params = dict[str, Any]


@exporter(
    "h5p",
    title="H5P question set",
    suffix=".h5p",
    features=("feedback", "option feedback", "partial credit", "maths", "code", "figures", "shuffle"),
    in_words=PLACES,
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """A package without libraries: the site must have H5P.QuestionSet and those of its questions, as most have.

    Maths is TeX in `\\(…\\)`, which H5P.MathDisplay shows.
    """
    figures = Figures("images/", "png")
    made = []
    for question in numbered(bank, losses):
        asked = _Asked(bank, question, figures, losses)
        found = asked.made()
        if found is not None:
            made.append(asked.packed(*found))
    if not made:
        raise nothing_carried(bank, "H5P", losses)
    content = _set(bank, made)
    used = ["H5P.QuestionSet", *sorted({one["library"].split()[0] for one in made})]
    used += ["H5P.Image"] if figures.files else []
    about = {
        "title": bank.title,
        "language": "en",
        "mainLibrary": "H5P.QuestionSet",
        "embedTypes": ["div"],
        "license": "U",
        "defaultLanguage": "en",
        "preloadedDependencies": [
            {"machineName": name, "majorVersion": LIBRARIES[name][0][0], "minorVersion": LIBRARIES[name][0][1]}
            for name in used
        ],
    }
    files = {"h5p.json": _json(about), "content/content.json": _json(content)}
    return pack(files | {f"content/{path}": data for path, data in figures.files.items()}, first=["h5p.json"])


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _set(bank: RenderedBank, questions: list[Params]) -> Params:
    note = kept_html(bank.note) if bank.note else ""
    return {
        "introPage": {
            "showIntroPage": bool(note),
            "title": as_text(bank.title),
            "introduction": note,
            "startButtonText": "Start",
        },
        "progressType": "textual",
        "passPercentage": round(100 * bank.pass_mark),
        "questions": questions,
        "texts": words.SET,
        "disableBackwardsNavigation": False,
        "randomQuestions": False,
        "endGame": words.END | {"overallFeedback": [{"from": 0, "to": 100}]},
        "override": {"checkButton": True},
    }


@dataclass(frozen=True)
class _Asked:
    """One question on its way to H5P."""

    bank: RenderedBank
    question: Question
    figures: Figures
    losses: Losses

    def made(self) -> tuple[str, Params] | None:
        """The library and its parameters; None, and a loss, where no library can take the question."""
        item, parts = self.question.item, self.question.variant.parts
        if item.type in ("order", "match"):
            return self.drag(self.lines(parts), self.distractors(parts))
        if item.type == "cloze":
            if all(part.options and all(is_text(o.html) for o in part.options) for part in parts):
                return self.drag(self.cloze(self.gap, html=False), self.distractors(parts), stem="")
            return self.blanks(self.cloze(self.blank, html=True), "")
        (part,) = parts
        if part.options:
            return self.choice(part)
        label = plain_text(part.label) or "Answer"
        unit = f" {part.unit}" if part.unit else ""
        rounded = f" (rounded to {part.decimals} decimals)" if part.decimals else ""
        blank = self.blank(part)
        line = None if blank is None else f"<p>{as_text(alike(label))}: {blank}{as_text(alike(unit + rounded))}</p>"
        return self.blanks(line, self.stem())

    def packed(self, name: str, params: Params) -> Params:
        """A question of the set."""
        (major, minor), title = LIBRARIES[name]
        place = f"{self.bank.bank} {self.question.id}"
        return {
            "library": f"{name} {major}.{minor}",
            "params": params,
            "subContentId": str(uuid.uuid5(SPACE, place)),
            "metadata": {"contentType": title, "license": "U", "title": self.question.title},
        }

    def left_out(self, said: str) -> None:
        """Note that the question is not in the set."""
        self.losses.add(self.question.item.id, self.question.item.type, f"{said}; it is left out")

    # Texts ------------------------------------------------------------------------------------------------------------

    def stem(self) -> str:
        """The question without its figure, which H5P shows above it."""
        item = self.question.item
        how = HOW.get((item.type, item.credit))
        said = f"<p><em>{as_text(how)}</em></p>" if how else ""
        return kept_html(self.text(), listings=True) + said

    def figure(self) -> tuple[Figure, str] | None:
        """What H5P shows above the question: the figure that was drawn for it, else the first picture of its text."""
        variant = self.question.variant
        found = figures_of(variant.stem)
        if len(found) > 1:
            said = "one figure is shown above a question; of the others its text has the words"
            self.losses.add(self.question.item.id, "figures", said)
        if variant.figure:
            return drawing(variant.figure), variant.alt
        return found[0] if found else None

    def text(self) -> str:
        """The stem without what is shown above it."""
        variant = self.question.variant
        return FIGURE.sub("", variant.stem) if variant.figure else without_first_image(variant.stem)

    def media(self) -> Params:
        """The figure of the question."""
        shown = self.figure()
        if shown is None:
            return {}
        figure, alt = shown
        path = self.figures.add(figure)
        known = measured(self.figures.files[path])
        size = {"width": known.width, "height": known.height}
        file = {"path": path, "mime": known.mime, "copyright": {"license": "U"}, **size}
        image = {
            "library": "H5P.Image 1.1",
            "params": {"contentName": "Image", "alt": alt, "decorative": False, "file": file},
            "subContentId": str(uuid.uuid5(SPACE, f"figure {self.bank.bank} {self.question.id}")),
            "metadata": {"contentType": "Image", "license": "U", "title": "Figure"},
        }
        return {"type": image}

    def heard(self) -> list[Params]:
        """What those hear who have everything right, and the others."""
        parts = self.question.variant.parts
        right = [option.feedback for part in parts for option in part.options if option.true]
        right += [right_answers(part)[0].feedback for part in parts if not part.options]
        other = [part.other for part in parts if part.other != NOTHING_CHOSEN]
        said = [" ".join(dict.fromkeys(as_text(one_line(one)) for one in several)) for several in (other, right)]
        return [{"from": 0, "to": 99, "feedback": said[0]}, {"from": 100, "to": 100, "feedback": said[1]}]

    # Multiple choice --------------------------------------------------------------------------------------------------

    def choice(self, part: RenderedPart) -> tuple[str, Params]:
        """Radio buttons or boxes. H5P counts right less wrong ticks, as we do, or gives one point for all."""
        item = self.question.item
        boxes = part.kind == "boxes"
        if boxes and item.credit == "per-part":
            self.losses.add(item.id, "partial credit", "boxes that are rightly left alone do not count")
        if any(option.fixed for option in part.options):
            self.losses.add(item.id, "fixed options", "H5P mixes all options; here it mixes none")
        mixed = self.bank.shuffle and not any(option.fixed for option in part.options)
        answers = []
        for number in shown_order(self.question.id, part.options, self.bank.shuffle):
            option = part.options[number]
            said = kept_html(option.feedback)
            heard = {"tip": "", "chosenFeedback": said, "notChosenFeedback": said if boxes else ""}
            text = kept_html(unwrapped(option.html))
            answers.append({"text": f"<div>{text}</div>", "correct": option.true, "tipsAndFeedback": heard})
        return "H5P.MultiChoice", {
            "media": self.media(),
            "question": self.stem(),
            "answers": answers,
            "overallFeedback": [{"from": 0, "to": 100}],
            "UI": words.CHOICE,
            "behaviour": {
                "enableRetry": True,
                "enableSolutionsButton": True,
                "enableCheckButton": True,
                "type": "multi" if boxes else "single",
                "singlePoint": item.credit == "all-or-nothing",
                "randomAnswers": mixed,
                "showSolutionsRequiresInput": True,
                "confirmCheckDialog": False,
                "confirmRetryDialog": False,
                "autoCheck": False,
                "passPercentage": 100,
                "showScorePoints": True,
            },
            **words.CONFIRM,
        }

    # Fill in the blanks -----------------------------------------------------------------------------------------------

    def blanks(self, line: str | None, stem: str) -> tuple[str, Params] | None:
        """Fields in a line; `line` is None where an answer cannot be written between H5P's asterisks."""
        parts = self.question.variant.parts
        if line is None:
            self.left_out("H5P cannot take answers of several lines, or with * / or : in them")
            return None
        if any(answer.credit < 1 for part in parts for answer in part.answers):
            self.losses.add(self.question.item.id, "option feedback", "typed answers that are wrong all hear the same")
        for part in parts:
            if part.kind == "number":
                self.losses.add(self.question.item.id, "tolerance", listed(part, spelt(part)))
        return "H5P.Blanks", {
            "media": self.media(),
            "text": stem or "<p>Fill in the blanks.</p>",
            "questions": [line],
            "overallFeedback": self.heard(),
            **words.BLANKS,
            "behaviour": {
                "enableRetry": True,
                "enableSolutionsButton": True,
                "enableCheckButton": True,
                "autoCheck": False,
                "caseSensitive": any(part.case for part in parts),
                "showSolutionsRequiresInput": True,
                "separateLines": False,
                "confirmCheckDialog": False,
                "confirmRetryDialog": False,
                "acceptSpellingErrors": False,
            },
            **words.CONFIRM,
        }

    def blank(self, part: RenderedPart) -> str | None:
        """A blank with its answers between asterisks; options to choose from are named behind it."""
        if part.options:
            order = shown_order(f"{self.question.id} {part.pool}", part.options, self.bank.shuffle)
            shown = [plain_text(part.options[number].html) for number in order]
            answers = [plain_text(option.html) for option in part.options if option.true]
            more = f" ({as_text(alike(' | '.join(shown)))})"
        else:
            answers = [answer.answer for answer in right_answers(part)]
            more = ""
        if part.kind == "number":
            answers = spelt(part)
        if any(SIGNS.search(answer) for answer in answers):
            return None
        return f"*{as_text('/'.join(answers))}*{more}"

    # Drag the words ---------------------------------------------------------------------------------------------------

    def drag(self, text: str | None, distractors: str, stem: str | None = None) -> tuple[str, Params] | None:
        """Words to drag into gaps; each gap counts by itself."""
        if text is None:
            self.left_out("H5P cannot take a listing or formula around its gaps")
            return None
        if self.question.item.credit == "all-or-nothing":
            self.losses.add(self.question.item.id, "partial credit", "each gap counts by itself, not all or nothing")
        return "H5P.DragText", {
            "media": self.media(),
            "taskDescription": (self.stem() if stem is None else stem) or "<p>Drag the words into the gaps.</p>",
            "textField": text,
            "distractors": distractors,
            "overallFeedback": self.heard(),
            **words.DRAG,
            "behaviour": {
                "enableRetry": True,
                "enableSolutionsButton": True,
                "enableCheckButton": True,
                "instantFeedback": False,
            },
        }

    def lines(self, parts: tuple[RenderedPart, ...]) -> str:
        """A line for each place or left side, with a gap at its end."""
        return "\n".join(f"{as_text(alike(one_line(part.label)))}: {self.gap(part)}" for part in parts)

    def gap(self, part: RenderedPart) -> str:
        """A gap with the word that belongs into it."""
        return next(draggable(option.html) for option in part.options if option.true)

    def distractors(self, parts: tuple[RenderedPart, ...]) -> str:
        """Words that belong into no gap."""
        right = {draggable(option.html) for part in parts for option in part.options if option.true}
        every = dict.fromkeys(draggable(option.html) for part in parts for option in part.options)
        return "\n".join(word for word in every if word not in right)

    def cloze(self, filled: Callable[[RenderedPart], str | None], html: bool) -> str | None:
        """The stem with its blanks filled in, as HTML or as text; None where one of them cannot be."""
        found = {part.id: filled(part) for part in self.question.variant.parts}
        if None in found.values():
            return None
        stem = self.text()
        for name in found:
            stem = stem.replace(f'<span data-part="{name}"></span>', f"{START}{name}{END}")
        made = alike(kept_html(stem), LOOK_ALIKE_HTML) if html else as_text(alike(one_line(stem)))
        return HOLE.sub(lambda match: found[match[1]] or "", made)


def spelt(part: RenderedPart) -> list[str]:
    """The spellings of a number that a blank can list."""
    return [text for text in spellings(part, SPELLINGS) if not SIGNS.search(text)]
