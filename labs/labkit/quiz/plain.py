"""A bank's HTML as plain text, and a quiz as text with letters: what is shown where widgets do not run."""

from __future__ import annotations

import html
import re
import string
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

from labkit.errors import LabError
from labkit.quiz.bank import Part
from labkit.quiz.draw import Drawn

BLOCKS = {"p", "div", "li", "ul", "ol", "table", "tr", "figure", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6"}
LETTERS = string.ascii_lowercase
AS_TEXT = "Run this cell to answer; what you have answered is kept. These are its questions:"
NO_WIDGET = (
    ".jp-OutputArea-child:has(.labkit-quiz-text:not([hidden])) + .jp-OutputArea-child:not(:has(.labkit-quiz))"
    " { display: none }"
)
MARKS = {"right": "✓", "partly": "◐", "wrong": "✗"}


class _Text(HTMLParser):
    """Collects text: MathML as its LaTeX where that is given, figures as their description, code with its lines."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.pre = 0
        self.hidden = 0  # inside of <math> that has been said already

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "math":
            said = given.get("alttext")
            self.parts.append(f"${said}$" if said else "")
            self.hidden += bool(said)
        elif tag == "img":
            self.parts.append(f"[figure: {given.get('alt') or 'without description'}]")
        elif given.get("data-part"):
            self.parts.append(f"[{given['data-part']}]")
        elif tag == "br":
            self.parts.append("\n")
        elif tag == "pre":
            self.pre += 1
            self.parts.append("\n\n")
        elif tag in BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "math":
            self.hidden = 0
        elif tag == "pre":
            self.pre = max(self.pre - 1, 0)
            self.parts.append("\n\n")
        elif tag in BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data if self.pre else re.sub(r"\s+", " ", data))


def to_text(markup: str) -> str:
    """HTML as plain text: `a <b>b</b>` → `a b`; a figure becomes `[figure: …]`, a blank its name in brackets."""
    parser = _Text()
    parser.feed(markup)
    parser.close()
    text = "".join(parser.parts)
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def page_text(page: dict[str, Any], live: dict[str, Any], call: str = "quiz") -> str:
    """What the player shows, as text; `page` and `live` are those of `labkit.quiz.pages`."""
    lines = [page["title"], page["standing"], page["left"], to_text(page["note"]), *page["problems"]]
    if page["phase"] == "results":
        lines.append(page["headline"])
    blocks = ["\n".join(line for line in lines if line)]
    problems = live["problems"] if page["phase"] == "answering" else {}
    for question in page["items"]:
        blocks.append(_question(question, live["answers"].get(question["id"], {}), problems.get(question["id"], {})))
    if page["phase"] == "answering":
        blocks.append(
            f'Answer with {call}.answer(1, "a"), in question 1, and so on; then {call}.submit().\n'
            f'Several letters: "ac". Several blanks: {call}.answer(1, "0.5", "merge").'
        )
    elif page["retake"]:
        blocks.append(f"{call}.retake() starts a new attempt.")
    return "\n\n".join(blocks)


def as_html(title: str, text: str) -> str:
    """A quiz as text, for a notebook that is open without a kernel: JupyterLab says "Error displaying widget" there.

    The player hides it. The style hides that error, which has no content of its own; a notebook that is not trusted
    has no style.
    """
    return (
        f'<div class="labkit-quiz-text" data-quiz="{html.escape(title)}"><style>{NO_WIDGET}</style>'
        f"<p><strong>The quiz is not running.</strong> {AS_TEXT}</p>"
        f'<pre style="white-space: pre-wrap">{html.escape(text)}</pre></div>'
    )


def _question(question: dict[str, Any], answers: dict[str, str], problems: dict[str, str]) -> str:
    result = question["result"]
    head = f"Question {question['number']} · {question['title']} ({question['points']})"
    if result:
        head += f"  {MARKS[result['mark']]} {result['word']}, {result['points']}"
    lines = [head, to_text(question["stem"])]
    many = question["layout"] != "boxes" and len(question["parts"]) > 1
    picks = question["layout"] == "picks"
    if picks:
        lines += _options(question["parts"][0], "")
    for place, part in enumerate(question["parts"]):
        given = answers.get(part["id"], "")
        if part["kind"] == "check":
            tick = {True: " ✓", False: " ✗", None: ""}[part["right"]]
            lines.append(f"  {LETTERS[place % 26]}) [{'x' if given == '1' else ' '}]{tick} {to_text(part['label'])}")
        else:
            label = to_text(part["label"]) or (f"Blank {place + 1} [{part['id']}]" if many else "")
            lines += [f"  {label}: {_letter(part, given)}"] if picks else _field(part, given, label)
        if part["id"] in problems:
            lines.append("     " + problems[part["id"]])
        if part["feedback"]:
            lines.append("     " + to_text(part["feedback"]))
    if result and question["review"] and result["mark"] != "right":
        lines.append(f"Review: {question['review']['label']} ({question['review']['href']})")
    return "\n".join(line for line in lines if line)


def _field(part: dict[str, Any], given: str, label: str) -> list[str]:
    if part["kind"] != "choice":
        unit = f" {part['unit']}" if part["unit"] else ""
        return [f"  {label + ': ' if label else ''}{given or '____'}{unit}"]
    return [*([f"  {label}:"] if label else []), *_options(part, given)]


def _options(part: dict[str, Any], given: str) -> list[str]:
    """Each option on its line; the one given is marked where something is given."""
    return [
        f"  {LETTERS[place % 26]}) {'→ ' if given == option['id'] else ''}{to_text(option['html'])}"
        for place, option in enumerate(part["options"])
    ]


def _letter(part: dict[str, Any], given: str) -> str:
    """The letter of the option given, among the options as they are shown."""
    found = [place for place, option in enumerate(part["options"]) if option["id"] == given]
    return LETTERS[found[0] % 26] if found else "____"


def unanswered(numbers: Sequence[int]) -> str:
    """`3 unanswered: questions 2, 5, 9.`"""
    if not numbers:
        return "All questions are answered."
    return f"{len(numbers)} unanswered: question{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}."


def unclear(page: dict[str, Any], live: dict[str, Any]) -> list[str]:
    """What is wrong with answers that were typed, a sentence each: `Question 3: '4,480' may be two numbers: …`"""
    return [
        f"Question {question['number']}: {problem}"
        for question in page["items"]
        for problem in live["problems"].get(question["id"], {}).values()
    ]


def answers_from_letters(parts: Sequence[Part], drawn: Drawn, values: Sequence[object]) -> dict[str, str]:
    """What a student gave for one question, by part: letters become option ids, letters of boxes become 1 and 0.

    Args:
        parts: the question's parts in the order in which they are shown.
        drawn: the order of their options.
        values: one for each part; for boxes all letters in any number of them.

    Raises:
        LabError: a letter is not among the options, or there are too few or too many values.
    """
    if all(part.kind == "check" for part in parts):
        ticked = set(_letters("".join(map(str, values)), len(parts)))
        return {part.id: "1" if place in ticked else "0" for place, part in enumerate(parts)}
    if len(values) != len(parts):
        what = f"This question takes {len(parts)} answer{'s' if len(parts) > 1 else ''}, found {len(values)}."
        raise LabError(what, "Give one value for each, in order.")
    return {
        part.id: _option(drawn.orders[part.id], value) if part.kind == "choice" else str(value)
        for part, value in zip(parts, values, strict=True)
    }


def _option(order: Sequence[str], value: object) -> str:
    places = _letters(str(value), len(order))
    if len(places) != 1:
        raise LabError(f"One letter was expected, found {value!r}.", "Choose one option.")
    return order[places[0]]


def _letters(text: str, count: int) -> list[int]:
    places = [LETTERS.find(letter) for letter in text.lower() if letter not in " ,;"]
    if any(not 0 <= place < count for place in places):
        raise LabError(f"{text!r} is not among the options.", f"Give letters from a to {LETTERS[count - 1]}.")
    return places
