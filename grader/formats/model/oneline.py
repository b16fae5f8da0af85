"""HTML on one line, for formats in which a line is a question: white space that counts becomes elements."""

from __future__ import annotations

import re

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.model.richtext import Blank, Image, Style, inner, tree
from grader.formats.model.xmltext import clean

TAB = 4  # spaces in a listing
VOID = ("br", "hr", "img")  # elements of HTML that have no end


def html_line(html: str, style: Style, image: Image | None = None, blank: Blank | None = None) -> str:
    """A fragment as HTML without line ends and tabs; the lines of listings end with `<br>`.

    Where the style says XML, it reads the same as XML and as HTML: `<br/>`, but never `<span/>`.
    """
    root = tree(html, style, image, blank)
    broken(root)
    if style.xml:
        for element in root.iter():
            if not len(element) and element.text is None and element.tag not in VOID:
                element.text = ""
    return inner(root, style.xml).strip()


def ascii_html(html: str) -> str:
    """HTML whose letters no wrong guess at a file's encoding can change: others than ASCII's are entities."""
    return html.encode("ascii", "xmlcharrefreplace").decode()


def broken(root: Element, listing: bool = False) -> None:
    """Make white space single spaces, in place; in listings, line ends become `<br>` and spaces stay."""
    listing = listing or root.tag == "pre"
    for child in list(root):
        broken(child, listing)
        if child.tail:
            _set_tail(child, child.tail, listing)
    if root.text:
        pieces = _pieces(root.text, listing)
        root.text = pieces[0]
        for place, piece in enumerate(pieces[1:]):
            made = etree.Element("br")
            made.tail = piece
            root.insert(place, made)


def _set_tail(child: Element, tail: str, listing: bool) -> None:
    pieces = _pieces(tail, listing)
    child.tail = pieces[0]
    parent = child.getparent()
    assert parent is not None
    place = parent.index(child)
    for number, piece in enumerate(pieces[1:], start=1):
        made = etree.Element("br")
        made.tail = piece
        parent.insert(place + number, made)


def _pieces(text: str, listing: bool) -> list[str]:
    if listing:
        return clean(text).replace("\t", " " * TAB).replace("\r", "").split("\n")
    return [re.sub(r"[ \t\r\n\f\v\u0085\u2028\u2029]+", " ", clean(text))]
