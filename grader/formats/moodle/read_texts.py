"""Texts of Moodle's questions, each in a format of its own and with the files that it brings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from lxml.etree import _Element as Element

from grader.formats.reading import prose
from grader.formats.reading.drafts import Drafts
from grader.formats.reading.pictures import NOT_THERE, Picture, decoded
from grader.quizzes.pixels import PictureError

PLUGIN_FILE = "@@PLUGINFILE@@"


@dataclass(frozen=True)
class Texts:
    """Texts of one question as Markdown, with the pictures that each of them brings."""

    drafts: Drafts
    name: str
    line: int | None

    def note(self, said: str) -> None:
        """Something of a text was not read."""
        self.drafts.note(self.name, "texts", said, self.line)

    def markdown(self, element: Element | None, inline: bool = False) -> str:
        """The text of an element in its format."""
        if element is None:
            return ""
        text = text_of(element)
        kind = element.get("format") or "html"
        if kind == "markdown":
            return prose.of_markdown(text, self.note, self.picture(element))
        if kind in ("plain_text", "moodle_auto_format") and not (
            kind[0] == "m" and re.search(r"<[a-zA-Z/!]|&[a-zA-Z#]", text)
        ):
            return prose.plain_text(text, self.note, inline=inline)
        return self.html(text, element, inline)

    def html(self, html: str, element: Element | None, inline: bool = False) -> str:
        """HTML that stands in an element."""
        return prose.to_markdown(html, self.note, self.picture(element), inline=inline)

    def picture(self, element: Element | None) -> Picture:
        """Takes over what an element brings: `@@PLUGINFILE@@/path/name` is one of the files beside its text."""
        files = {
            f"{PLUGIN_FILE}{file.get('path') or '/'}{file.get('name') or ''}": file
            for file in ([] if element is None else element.iterfind("file"))
        }

        def find(address: str) -> bytes:
            for name in (address, unquote(address), unquote(address.partition("?")[0])):
                if name in files:
                    if (files[name].get("encoding") or "base64") != "base64":
                        raise PictureError("it is not written in base64: export it anew")
                    return decoded(files[name].text or "")
            raise PictureError(NOT_THERE)

        return self.drafts.pictures.of(find)

    def old_picture(self, question: Element) -> str:
        """The picture of a question that a Moodle before 2.0 wrote."""
        coded = question.findtext("image_base64") or ""
        if not coded.strip():
            return ""
        picture = self.drafts.pictures.of(lambda _: decoded(coded))
        return prose.shown_picture(question.findtext("image") or "image", "", self.note, picture)


def text_of(element: Element | None) -> str:
    """What stands in an element's `text`, or in the element itself, as old files have it."""
    if element is None:
        return ""
    inside = element.find("text")
    found = element if inside is None else inside
    return "".join(found.itertext()) if inside is not None else (found.text or "")
