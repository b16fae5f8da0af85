"""Questions of every type with a picture of its own in each place, and what of them is in a file."""

from __future__ import annotations

import base64
import io
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from grader.quizzes.keyed import Answer
from grader.quizzes.markup import to_plain
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedOption, RenderedPart, RenderedVariant
from tests.formats.pictures import img, png

PLACES = {
    "single": ("stem", "options", "feedback"),
    "multiple": ("stem", "options", "feedback"),
    "numeric": ("stem", "feedback", "other"),
    "order": ("stem", "entries", "feedback", "other"),
    "match": ("stem", "left sides", "right sides", "feedback", "other"),
    "cloze": ("stem", "menus", "feedback"),
}
CREDIT = {"single": "all-or-nothing", "multiple": "right-minus-wrong", "numeric": "all-or-nothing"}


@dataclass(frozen=True)
class Placed:
    """A bank of one question, and the picture that it has in each place."""

    bank: RenderedBank
    pictures: dict[str, bytes]


def placed(kind: str) -> Placed:
    """A question of a type, with a picture in every place."""
    pictures = {place: png(10 * number) for number, place in enumerate(PLACES[kind], start=1)}

    def shown(place: str) -> str:
        return img(pictures[place], f"words of {place}")

    stem = f"<p>What? {shown('stem')}</p>"
    right, other = f"<p>Yes. {shown('feedback')}</p>", f"<p>No. {shown('other')}</p>" if "other" in pictures else ""
    if kind in ("single", "multiple"):
        texts = [f"<p>a {shown('options')}</p>", "<p>b</p>", "<p>c</p>"]
        options = tuple(option(t, n == 0, right if n == 0 else f"<p>No, {n}.</p>") for n, t in enumerate(texts))
        parts = (RenderedPart("p1", "boxes" if kind == "multiple" else "choice", options=options, pool="it"),)
    elif kind == "numeric":
        parts = (number("p1", right, other),)
    elif kind == "cloze":
        menu = (option(f"a {shown('menus')}", True, right), option("b", False, "<p>No.</p>"))
        parts = (number("b1", "<p>Fine.</p>", "<p>No.</p>"), RenderedPart("b2", "choice", "Menu", menu, "it/b2"))
        stem += '<p>x <span data-part="b1"></span> y <span data-part="b2"></span></p>'
    else:
        side = "entries" if kind == "order" else "right sides"
        entries = [f"one {shown(side)}", "two", "three"]
        labels = ["Place 1", "Place 2", "Place 3"] if kind == "order" else [f"left {shown('left sides')}", "second"]
        parts = tuple(
            RenderedPart(
                f"p{place + 1}",
                "choice",
                label,
                tuple(option(e, n == place, right if n == place else other) for n, e in enumerate(entries)),
                "it",
                other=other,
            )
            for place, label in enumerate(labels)
        )
    variant = RenderedVariant(0, stem, to_plain(stem), parts)
    credit = CREDIT.get(kind, "per-part")
    item = RenderedItem("it", "A title", kind, "see pictures", "05-dpo", 1.0, credit, None, (variant,))
    return Placed(RenderedBank("made", "Made", "practice", 0.7, None, True, "", (("it",),), (item,)), pictures)


def option(html: str, true: bool, feedback: str) -> RenderedOption:
    """An option."""
    return RenderedOption(html, to_plain(html), true, feedback)


def number(name: str, right: str, other: str) -> RenderedPart:
    """A number to type."""
    answers = (Answer("1.0", 1, right), Answer("2.0", 0, "<p>Twice.</p>", "doubles"))
    return RenderedPart(name, "number", "Answer", answers=answers, other=other, value=1.0, tolerance=0.05, decimals=1)


def carried(data: bytes, picture: bytes) -> bool:
    """Whether a file has a picture: as a member of a package, or in base64, as the file's own signs have it."""
    coded = base64.b64encode(picture).rstrip(b"=")
    spelt = (coded, coded.replace(b"/", b"\\/"))
    return any(picture in member or any(one in member for one in spelt) for member in _members(data))


def _members(data: bytes) -> Iterator[bytes]:
    yield data
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            for name in package.namelist():
                yield from _members(package.read(name))
    elif data[:2] == b"\x1f\x8b":
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is not None:
                    yield file.read()
