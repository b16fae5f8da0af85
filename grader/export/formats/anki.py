"""Anki: a deck with a card for each question. The front asks, the back shows the key and what each answer hears."""

from __future__ import annotations

import hashlib
import re
import tempfile
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import genanki

from grader.export.figures import Figures
from grader.export.packages import pack, unpack
from grader.export.pools import Question, numbered
from grader.export.registry import Losses, exporter
from grader.export.richtext import Style, inner
from grader.export.sheet import Sheet, orders
from grader.quizzes.rendered import RenderedBank

MODEL_ID = 1_609_417_203  # made up once; Anki knows the note type by it
CLOCK = 1_767_225_600.0  # 2026-01-01: a fixed time, so that the same bank gives the same file
FIELDS = ("Id", "Title", "Question", "Options", "Answer", "Where")
FRONT = """<div class="title">{{Title}}</div>
<div class="question">{{Question}}</div>
<div id="options">{{Options}}</div>
"""
BACK = """<div class="title">{{Title}}</div>
<div class="question">{{Question}}</div>
<hr id="answer">
<div id="options">{{Answer}}</div>
<div class="where">{{Where}}</div>
"""
PAGE = files("grader.export") / "page"


@exporter(
    "anki",
    title="Anki deck",
    suffix=".apkg",
    features=("feedback", "option feedback", "maths", "code", "figures", "shuffle", "fixed options", "tags"),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """A package that Anki 2.1 and later import. Ids come from names, so that importing again updates the cards.

    Anki takes changed notes from a file whose clock stands still when its import says "Update notes: Always".
    """
    figures = Figures("", "png")
    deck = genanki.Deck(
        _number("deck", bank.bank), "::".join(part.replace("::", ":") for part in (bank.course, bank.title) if part)
    )
    for question in numbered(bank, losses):
        deck.add_note(_note(bank, question, figures))
    with tempfile.TemporaryDirectory() as folder:
        media = []
        for name, data in sorted(figures.files.items()):
            (Path(folder) / name).write_bytes(data)
            media.append(str(Path(folder) / name))
        goal = Path(folder) / "deck.apkg"
        genanki.Package(deck, media).write_to_file(goal, timestamp=CLOCK)
        return pack(unpack(goal.read_bytes()))  # without the times at which its files were made


def _note(bank: RenderedBank, question: Question, figures: Figures) -> genanki.Note:
    item = question.item
    sheet = Sheet(Style(maths="tex-parens", code="classes", xml=False), figures.add)
    order = orders(question.id, question, bank.shuffle)
    asked, answered = sheet.asked(question, order), sheet.answered(question, order)
    stem = asked[0]
    asked.remove(stem)
    if bank.shuffle and item.type in ("single", "multiple", "code-output"):
        for made in (asked, answered):
            for options in made.iter("ol"):
                options.set("class", "options shuffled")
    fields = (
        f"{bank.bank} {question.id}",
        _text(question.title),
        inner(stem, xml=False),
        inner(asked, xml=False),
        inner(answered, xml=False),
        _text(f"{item.lab} · {item.objective}"),
    )
    tags = [bank.bank, item.lab, item.type, item.bloom, *item.families]
    return genanki.Note(
        model=_model(),
        fields=[field.strip() for field in fields],
        guid=genanki.guid_for(bank.bank, question.id),
        tags=[re.sub(r"\s+", "-", tag) for tag in tags if tag],
    )


@lru_cache(maxsize=1)
def _model() -> genanki.Model:
    shuffle = f"<script>\n{(PAGE / 'anki.js').read_text('utf-8')}</script>"
    return genanki.Model(
        MODEL_ID,
        "Quiz question",
        fields=[{"name": name} for name in FIELDS],
        templates=[{"name": "Question", "qfmt": FRONT + shuffle, "afmt": BACK + shuffle}],
        css=(PAGE / "anki.css").read_text("utf-8"),
        sort_field_index=0,
    )


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _number(*names: str) -> int:
    """A number of 31 bits that names decide, in the range in which Anki's own ids lie."""
    found = int.from_bytes(hashlib.sha256("\0".join(names).encode()).digest()[:4], "big")
    return 2**30 + found % 2**30
