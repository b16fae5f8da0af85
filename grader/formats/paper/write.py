"""Exam sheets on paper: a PDF of several versions, mixed differently, with an answer key for each at the end."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.model.figures import Figure, drawing
from grader.formats.model.fragments import element
from grader.formats.model.pools import Question
from grader.formats.model.registry import Losses, exporter
from grader.formats.model.richtext import Style
from grader.formats.model.sheet import LETTERS, Sheet, orders
from grader.formats.model.xmltext import clean
from grader.formats.paper.browser import pdf_of
from grader.formats.paper.greys import without_colour
from grader.quizzes.rendered import RenderedBank
from labkit.quiz.bank import Choice
from labkit.quiz.draw import draw_items
from labkit.quiz.pages import points_text

FEWEST = 2  # versions, also where no item has a second variant: their options and questions are mixed
HOW = "Circle letters; write on lines and into boxes."
STYLE = Style(maths="mathml", code="classes", xml=False)


@exporter(
    "print",
    title="PDF exam sheets with keys",
    suffix=".print.pdf",
    features=("pools", "feedback", "maths", "code", "figures", "shuffle", "fixed options", "points"),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """As many versions as the item with most variants has, two at least; each draws its own questions and orders.

    Raises:
        LookupError: there is no Chromium, which makes the PDF.
        ValueError: Chromium made none.
    """
    del losses
    return pdf_of(exam_page(bank))


@dataclass(frozen=True)
class Version:
    """One version of the exam: its letter, and its questions in order."""

    letter: str
    questions: tuple[Question, ...]


def versions(bank: RenderedBank) -> tuple[Version, ...]:
    """The versions of an exam. The first keeps the order of the bank; the others mix the questions if it shuffles."""
    items = {item.id: item for item in bank.items}
    counts = {item.id: len(item.variants) for item in bank.items}
    groups = [[Choice(name, counts[name], items[name].difficulty) for name in group] for group in bank.groups]
    made = []
    for number in range(min(max(FEWEST, *counts.values()), len(LETTERS))):
        drawn = draw_items(bank.bank, groups, number)
        questions = [Question(name, items[name].title, items[name], items[name].variants[k]) for name, k in drawn]
        if number and bank.shuffle:
            questions.sort(key=lambda question: hashlib.sha256(f"{number}\0{question.id}".encode()).digest())
        made.append(Version(LETTERS[number], tuple(questions)))
    return tuple(made)


def exam_page(bank: RenderedBank) -> str:
    """The whole exam as one HTML page with everything in it."""
    made = versions(bank)
    style = (files("grader.formats.paper") / "print.css").read_text("utf-8")
    pages = "\n".join(_footer(f"{kind}-{v.letter}", kind, v.letter) for v in made for kind in ("exam", "key"))
    head = element(
        "head",
        "",
        element("meta", charset="utf-8"),
        element("title", "", clean(bank.title)),
        element("style", "", f"{style}\n{pages}"),
    )
    body = element("body", "", *[_sheet(bank, version) for version in made], *[_key(bank, v) for v in made])
    text: str = etree.tostring(element("html", "", head, body, lang="en"), encoding="unicode", method="html")
    return f"<!doctype html>\n{text}"


def _footer(page: str, kind: str, letter: str) -> str:
    """The feet of the pages of one version or key. A counter that the page itself moves begins anew with each."""
    said = f"Version {letter}" if kind == "exam" else f"Key to version {letter}"
    number = f'@bottom-right {{ content: "page " counter({page}); }}'
    rules = f'counter-increment: {page}; @bottom-left {{ content: "{said}"; }} {number}'
    return f".{page} {{ page: {page}; }}\n@page {page} {{ {rules} }}"


def _sheet(bank: RenderedBank, version: Version) -> Element:
    total = sum(question.item.points for question in version.questions)
    questions = "1 question" if len(version.questions) == 1 else f"{len(version.questions)} questions"
    made = element(
        "section",
        f"version exam-{version.letter}",
        element("h1", "", clean(bank.title), element("span", "letter", f"Version {version.letter}")),
        element("div", "who", _blank("Name"), _blank("Number"), _blank("Date")),
        element("p", "about", f"{questions}, {points_text(total)} in all. {HOW}"),
    )
    sheet = Sheet(STYLE, _figure)
    for number, question in enumerate(version.questions, start=1):
        asked = sheet.asked(question, orders(f"{version.letter} {question.id}", question, bank.shuffle))
        made.append(element("article", "question", _heading(number, question), asked))
    made.append(element("p", "end", f"End of version {version.letter}"))
    return made


def _key(bank: RenderedBank, version: Version) -> Element:
    made = element(
        "section",
        f"version key key-{version.letter}",
        element("h1", "", clean(bank.title), element("span", "letter", f"Key to version {version.letter}")),
    )
    sheet = Sheet(STYLE, _figure, brief=True)
    columns = element("div", "columns")
    made.append(columns)
    for number, question in enumerate(version.questions, start=1):
        answered = sheet.answered(question, orders(f"{version.letter} {question.id}", question, bank.shuffle))
        columns.append(element("article", "question", _heading(number, question), answered))
    return made


def _heading(number: int, question: Question) -> Element:
    title = element("span", "title", clean(question.title))
    return element("h2", "", f"{number}. ", title, element("span", "points", points_text(question.item.points)))


def _blank(label: str) -> Element:
    return element("span", "field", f"{label}:", element("span", "line"))


def _figure(figure: Figure, _alt: str) -> str:
    """A drawing in greys; pictures keep their colours, as printers make them grey."""
    return drawing(without_colour(figure.data.decode())).svg.uri if figure.drawn else figure.uri
