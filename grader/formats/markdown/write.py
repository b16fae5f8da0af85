"""Markdown to read, print or paste: the questions, then the key with all feedback. Figures stand at the end as data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from grader.formats.model.figures import Figure, content_name
from grader.formats.model.fragments import short_listing
from grader.formats.model.markdown import markdown
from grader.formats.model.pools import Question, numbered, shown_order
from grader.formats.model.registry import Losses, exporter
from grader.formats.model.typed import right_answers
from grader.quizzes.rendered import RenderedBank, RenderedPart
from labkit.quiz.pages import HOW

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
INDENT = "    "


@exporter(
    "markdown",
    title="Markdown sheet with its key",
    suffix=".md",
    features=("feedback", "option feedback", "maths", "code", "figures", "shuffle", "fixed options", "points"),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """CommonMark with `$maths$`; figures are in data URIs, named at the end so that the text stays readable."""
    questions = numbered(bank, losses)
    figures = _Figures()
    blocks = [f"# {_line(bank.title)}"]
    blocks += [markdown(bank.note)] if bank.note else []
    orders = {question.id: _orders(question, bank.shuffle) for question in questions}
    for number, question in enumerate(questions, start=1):
        blocks.append(_asked(number, question, orders[question.id], figures))
    blocks.append("# Key")
    for number, question in enumerate(questions, start=1):
        blocks.append(_keyed(number, question, orders[question.id], figures))
    blocks += [f"[{name}]: <{source}>" for name, source in figures.sources.items()]
    return ("\n\n".join(blocks) + "\n").encode()


@dataclass
class _Figures:
    """Figures by the name under which the text shows them."""

    sources: dict[str, str] = field(default_factory=dict)

    def text(self, html: str) -> str:
        """A fragment as Markdown, its images by name."""
        found: list[str] = []

        def named(figure: Figure, _alt: str) -> str:
            name = content_name(figure.svg).rpartition(".")[0]
            self.sources[name] = figure.svg.uri
            found.append(name)
            return name

        made = markdown(html, named)
        for name in found:
            made = made.replace(f"](<{name}>)", f"][{name}]")
        return made


def _orders(question: Question, shuffle: bool) -> dict[str, tuple[int, ...]]:
    """An order of the options of each part; entries to sort are always mixed."""
    mixed = shuffle or question.item.type in ("order", "match")
    return {part.id: shown_order(f"{question.id} {part.pool}", part.options, mixed) for part in question.variant.parts}


def _asked(number: int, question: Question, orders: dict[str, tuple[int, ...]], figures: _Figures) -> str:
    item, parts = question.item, question.variant.parts
    points = f"{item.points:g} point{'' if item.points == 1 else 's'}"
    blanks = {part.id: f"…… ({place})" for place, part in enumerate(parts, start=1)}
    stem = question.variant.stem
    if item.type == "cloze":
        for name, said in blanks.items():
            stem = stem.replace(f'<span data-part="{name}"></span>', said)
    blocks = [f"## {number}. {_line(question.title)} ({points})", figures.text(stem)]
    how = HOW.get((item.type, item.credit))
    blocks += [f"*{how}*"] if how else []
    if item.type in ("order", "match"):
        blocks.append(_lettered(parts[0], orders[parts[0].id], figures))
        blocks.append("\n".join(f"- {_one_line(figures.text(part.label))}: ____" for part in parts))
        return "\n\n".join(blocks)
    for place, part in enumerate(parts, start=1):
        before = f"({place}) " if item.type == "cloze" else ""
        label = _one_line(figures.text(part.label))
        if part.options:
            blocks += [f"{before}{label}:"] if label else []
            blocks.append(_lettered(part, orders[part.id], figures))
        else:
            unit = f" {_line(part.unit)}" if part.unit else ""
            rounded = f" (to {part.decimals} decimals)" if part.kind == "number" and part.decimals else ""
            blocks.append(f"{before}{label or 'Answer'}: ____{unit}{rounded}")
    return "\n\n".join(blocks)


def _keyed(number: int, question: Question, orders: dict[str, tuple[int, ...]], figures: _Figures) -> str:
    """The right answers of a question in bold, and what each answer hears."""
    lines = [f"## {number}. {_line(question.title)}"]
    several = len(question.variant.parts) > 1
    for place, part in enumerate(question.variant.parts, start=1):
        label = _one_line(figures.text(part.label))
        if several:
            lines.append(f"({place}) {label}".rstrip() + ":")
        said = []
        for letter, option in zip(LETTERS, (part.options[n] for n in orders[part.id]), strict=False):
            if question.item.type in ("order", "match") and not option.true:
                continue
            shown = f"**{letter}**" if option.true else letter
            said.append(f"{shown}: {figures.text(option.feedback)}")
        said += [f"**{_code(answer.answer)}**: {figures.text(answer.feedback)}" for answer in right_answers(part)]
        said += [f"{_code(a.answer)}: {figures.text(a.feedback)}" for a in part.answers if a.credit < 1]
        if not part.options or question.item.type in ("order", "match"):
            said.append(f"Other answers: {figures.text(part.other)}")
        lines.append("\n".join(_item("-", text) for text in said))
    return "\n\n".join(lines)


def _lettered(part: RenderedPart, order: tuple[int, ...], figures: _Figures) -> str:
    shown = [figures.text(short_listing(part.options[number].html)) for number in order]
    return "\n".join(_item("-", f"{letter}. {text}") for letter, text in zip(LETTERS, shown, strict=False))


def _item(sign: str, text: str) -> str:
    """An entry of a list; a listing goes onto lines of its own, deep enough to belong to the entry."""
    head, fence, rest = text.partition("```")
    if fence and not head.endswith("\n"):
        text = f"{head.rstrip()}\n\n{fence}{rest}"
    return f"{sign} " + re.sub(r"\n(?=.)", "\n  ", text)


def _code(text: str) -> str:
    """A typed answer as it is typed; of several lines, with signs for their ends."""
    made: str = markdown(f"<code>{_escaped(text)}</code>".replace("\n", " ⏎ "))
    return made


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _line(text: str) -> str:
    return _one_line(markdown(_escaped(text)))


def _one_line(text: str) -> str:
    return " ".join(text.split())
