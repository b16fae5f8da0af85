"""Open edX: a content library of problems in OLX, as Studio imports it."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from collections.abc import Mapping

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.model.figures import Figure, Figures
from grader.formats.model.fragments import is_text, short_listing, unwrapped
from grader.formats.model.pools import Question, numbered, shown_order
from grader.formats.model.registry import Losses, exporter
from grader.formats.model.richtext import Style, plain, tree
from grader.formats.model.typed import accepted, right_answers, say_point_only
from grader.formats.model.xmltext import clean, dump_xml
from grader.quizzes.rendered import NOTHING_CHOSEN, RenderedBank, RenderedItem, RenderedOption, RenderedPart
from labkit.quiz.pages import HOW

STYLE = Style(maths="tex-parens", code="inline")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
STATIC = "library/static/"


@exporter(
    "olx",
    title="Open edX library (OLX)",
    suffix=".olx.tar.gz",
    features=(
        "feedback",
        "option feedback",
        "partial credit",
        "maths",
        "code",
        "figures",
        "shuffle",
        "fixed options",
        "tolerance",
        "points",
    ),
    in_words=("menus",),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """A `.tar.gz` with `library/library.xml`, a problem for each question, and the figures in `static`.

    A course draws from such a library with its own block, from all problems alike, so pools become numbered problems.
    """
    say_point_only(bank, losses, "Open edX")
    figures = Figures(STATIC, "png")
    files: dict[str, bytes] = {}
    library = etree.Element("library", {"xblock-family": "xblock.v1", "display_name": clean(bank.title)})
    library.set("org", re.sub(r"[^a-z0-9]+", "-", bank.course.lower()).strip("-") or "quizzes")
    library.set("library", bank.bank)
    for question in numbered(bank, losses):
        problem = _Problem(question, bank.shuffle, figures, losses).element()
        if problem is not None:
            etree.SubElement(library, "problem", {"url_name": question.id})
            files[f"library/problem/{question.id}.xml"] = dump_xml(problem)
    files["library/library.xml"] = dump_xml(library)
    files["library/policies/assets.json"] = (json.dumps({}) + "\n").encode()
    return _tar(files | figures.files)


class _Problem:
    """One problem on its way to OLX."""

    def __init__(self, question: Question, shuffle: bool, figures: Figures, losses: Losses) -> None:
        self.question = question
        self.item: RenderedItem = question.item
        self.shuffle = shuffle
        self.figures = figures
        self.losses = losses
        self.blanks = {part.id: f"({n}) ______" for n, part in enumerate(question.variant.parts, start=1)}
        self.root = etree.Element("problem", {"display_name": clean(question.title), "weight": f"{self.item.points:g}"})

    def element(self) -> Element | None:
        """The problem; None, and a loss, for output of several lines, which a text line cannot take."""
        parts = self.question.variant.parts
        if any("\n" in answer.answer for part in parts for answer in right_answers(part)):
            said = "its fields have one line, the output has several; it is left out"
            self.losses.add(self.item.id, self.item.type, said)
            return None
        self.stem()
        if self.item.type in ("order", "match"):
            self.picks()
        else:
            for number, part in enumerate(parts, start=1):
                self.part(part, f"({number}) " if self.item.type == "cloze" else "")
        if len(parts) > 1 and self.item.credit == "all-or-nothing":
            self.losses.add(self.item.id, "partial credit", "each part counts by itself, not all or nothing")
        others = dict.fromkeys(part.other for part in parts if part.other != NOTHING_CHOSEN)
        if others:
            solution = etree.SubElement(self.root, "solution")
            detailed = etree.SubElement(solution, "div", {"class": "detailed-solution"})
            etree.SubElement(detailed, "p").text = "Explanation"
            for other in others:
                detailed.append(self.html(other, "div"))
            self.losses.add(self.item.id, "feedback", "what all other answers hear stands in the explanation")
        return self.root

    def html(self, html: str, tag: str) -> Element:
        """A fragment as the content of a new element."""
        made = tree(html, STYLE, self.image, lambda name: self.blanks[name])
        made.tag = tag
        return made

    def image(self, figure: Figure, alt: str) -> str:
        """The address of a figure in a library."""
        return "/static/" + self.figures.add(figure, alt).removeprefix(STATIC)

    def stem(self) -> None:
        """The question, and how it is answered."""
        self.root.append(self.html(self.question.variant.stem, "div"))
        how = HOW.get((self.item.type, self.item.credit))
        if how and self.item.credit != "right-minus-wrong":
            etree.SubElement(self.root, "p").text = how

    def part(self, part: RenderedPart, before: str) -> None:
        """One response, chosen or typed."""
        if part.kind == "boxes":
            self.boxes(part)
        elif part.options and self.item.type == "cloze":
            self.menu(part, before, plain(part.label))
        elif part.options:
            self.radios(part)
        elif part.kind == "number":
            self.number(part, before)
        else:
            self.text(part, before)

    def radios(self, part: RenderedPart) -> None:
        """One choice; fixed options keep their places."""
        response = etree.SubElement(self.root, "multiplechoiceresponse")
        group = etree.SubElement(response, "choicegroup", {"type": "MultipleChoice", "label": self.said()})
        if self.shuffle:
            group.set("shuffle", "true")
        for number in shown_order(self.question.id, part.options, self.shuffle):
            option = part.options[number]
            choice = self.choice(group, option)
            if option.fixed and self.shuffle:
                choice.set("fixed", "true")
            choice.append(self.hint("choicehint", option.feedback))

    def boxes(self, part: RenderedPart) -> None:
        """Boxes to tick. Each decision counts under the rule per-part; other rules are all or nothing here."""
        response = etree.SubElement(self.root, "choiceresponse")
        if self.item.credit == "per-part":
            response.set("partial_credit", "EDC")
        elif self.item.credit == "right-minus-wrong":
            said = "Open edX cannot count right minus wrong ticks; the point is for exactly the true boxes"
            self.losses.add(self.item.id, "partial credit", said)
        if self.shuffle:
            self.losses.add(self.item.id, "shuffle", "boxes are not shuffled; they stand in one mixed order")
        group = etree.SubElement(response, "checkboxgroup", {"label": self.said()})
        for number in shown_order(self.question.id, part.options, self.shuffle):
            option = part.options[number]
            choice = self.choice(group, option)
            for state in ("true", "false"):
                hint = self.hint("choicehint", option.feedback)
                hint.set("selected", state)
                choice.append(hint)

    def choice(self, group: Element, option: RenderedOption) -> Element:
        """A choice in a group, with its text."""
        made = self.html(unwrapped(short_listing(option.html)), "choice")
        made.set("correct", str(option.true).lower())
        group.append(made)
        return made

    def picks(self) -> None:
        """A menu for each place or left side; what a menu cannot show stands in a lettered list above."""
        parts = self.question.variant.parts
        options = parts[0].options
        order = shown_order(f"{self.question.id} {parts[0].pool}", options)
        lettered = not all(is_text(option.html) for option in options)
        if lettered:
            listed = etree.SubElement(self.root, "ol", {"type": "A"})
            for number in order:
                listed.append(self.html(unwrapped(options[number].html), "li"))
        for part in parts:
            self.menu(part, "", plain(part.label), order, lettered)

    def menu(
        self, part: RenderedPart, before: str, name: str, order: tuple[int, ...] | None = None, lettered: bool = False
    ) -> None:
        """A menu. Its entries are plain text."""
        if order is None:
            order = shown_order(f"{self.question.id} {part.pool}", part.options, self.shuffle)
            if not all(is_text(option.html) for option in part.options):
                self.losses.add(self.item.id, "maths", "menus of Open edX show formulas as TeX")
        self.label(part, before)
        response = etree.SubElement(self.root, "optionresponse")
        menu = etree.SubElement(response, "optioninput", {"label": clean(name or self.said())})
        for place, number in enumerate(order):
            option = part.options[number]
            shown = LETTERS[place] if lettered else " ".join(plain(option.html).split())
            made = etree.SubElement(menu, "option", {"correct": str(option.true)})
            made.text = shown
            made.append(self.hint("optionhint", option.feedback))

    def number(self, part: RenderedPart, before: str) -> None:
        """A number, right within a distance that takes in all that rounds to an accepted one."""
        span = accepted(part)
        self.label(part, before, self.expected(part))
        response = etree.SubElement(self.root, "numericalresponse", {"answer": str(span.middle)})
        etree.SubElement(response, "responseparam", {"type": "tolerance", "default": str(span.reach)})
        line = {"label": clean(plain(part.label) or self.said())}
        etree.SubElement(response, "formulaequationinput", line)
        response.append(self.hint("correcthint", span.feedback))
        if any(answer.credit < 1 for answer in part.answers):
            said = "wrong numbers have no feedback of their own"
            self.losses.add(self.item.id, "option feedback", said)

    def text(self, part: RenderedPart, before: str) -> None:
        """A line of text, with hints for known mistakes."""
        first, *more = right_answers(part)
        self.label(part, before)
        response = etree.SubElement(self.root, "stringresponse", {"answer": clean(first.answer)})
        response.set("type", "cs" if part.case else "ci")
        response.append(self.hint("correcthint", first.feedback))
        for answer in more:
            other = etree.SubElement(response, "additional_answer", {"answer": clean(answer.answer)})
            other.append(self.hint("correcthint", answer.feedback))
        for answer in part.answers:
            if answer.credit < 1:
                hint = self.hint("stringequalhint", answer.feedback)
                hint.set("answer", clean(answer.answer))
                response.append(hint)
        etree.SubElement(response, "textline", {"size": "30", "label": clean(plain(part.label) or self.said())})

    def label(self, part: RenderedPart, before: str, after: str = "") -> None:
        """What stands before a field."""
        if part.label or before:
            line = self.html(unwrapped(part.label), "p")
            line.text = clean(before) + (line.text or "")
            if after:
                etree.SubElement(line, "span").text = clean(after)
            self.root.append(line)

    def expected(self, part: RenderedPart) -> str:
        """What is expected of a number."""
        unit = f" in {part.unit}" if part.unit else ""
        decimals = f"rounded to {part.decimals} decimal{'s' if part.decimals > 1 else ''}"
        return f"{unit} ({decimals if part.decimals else 'a whole number'})"

    def said(self) -> str:
        """The question as a screen reader says it where the field has no label of its own."""
        return clean(self.question.title)

    def hint(self, tag: str, html: str) -> Element:
        """Feedback; Open edX takes HTML in it."""
        return self.html(unwrapped(html), tag)


def _tar(files: Mapping[str, bytes]) -> bytes:
    """A `.tar.gz` of these files; equal files give equal bytes."""
    made = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=made, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.size = len(files[path])
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(files[path]))
    return made.getvalue()
