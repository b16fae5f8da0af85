"""Texts as H5P takes them: HTML that it keeps, a line with TeX, and no sign that its blanks have for themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping

from grader.formats.model.fragments import put_text
from grader.formats.model.richtext import Style, inner, tree

STYLE = Style(maths="tex-parens", code="plain", xml=False)
IMAGE = re.compile(r"<p[^>]*><img [^>]*></p>|<img [^>]*>")
PRE = re.compile(r"<pre[^>]*>(.*?)</pre>", re.DOTALL)
MATHS = re.compile(r"\\\(.*?\\\)|\\\[.*?\\\]", re.DOTALL)
LOOK_ALIKE_HTML = str.maketrans({"*": "∗"})  # outside of blanks only asterisks matter, and colons style elements
LOOK_ALIKE = str.maketrans({"*": "∗", ":": "∶", "/": "∕"})  # the signs of H5P's blanks, and others that look the same


def without_first_image(html: str) -> str:
    """A fragment without the first image that it shows."""
    return IMAGE.sub("", html, count=1)


def kept_html(html: str, listings: bool = False) -> str:
    """HTML with the elements that H5P keeps. It takes lists and tables away, and in most places `pre` too."""
    root = tree(html, STYLE, lambda _figure, _alt: "")
    for row in list(root.iter("tr")):
        row.tag = "p"
        for cell in row[:-1]:
            put_text(cell, " | ")
    for entry in list(root.iter("li")):
        entry.tag = "p"
        entry.text = "• " + (entry.text or "")
    for heading in list(root.iter("h1", "h2", "h3", "h4", "h5", "h6")):
        heading.tag = "p"
    for rule in list(root.iter("hr")):
        rule.tag, rule.text = "p", "———"
    for made in list(root.iter("table", "thead", "tbody", "td", "th", "ul", "ol", "blockquote")):
        made.drop_tag()
    for made in list(root.iter()):
        made.attrib.pop("class", None)
    text = inner(root, xml=False)
    return text if listings else PRE.sub(lambda match: f"<code>{_kept(match[1])}</code>", text)


def _kept(code: str) -> str:
    """A listing with line breaks and spaces that stay."""
    inside = re.sub(r"</?code>", "", code).strip("\n")
    return inside.replace("  ", "\u00a0 ").replace("\n ", "\n\u00a0").replace("\n", "<br>")


def one_line(html: str) -> str:
    """A fragment as one line of text with TeX."""
    return " ".join("".join(tree(html, STYLE, lambda _figure, _alt: "").itertext()).split())


def draggable(html: str) -> str:
    """A word to drag, as its gap says it."""
    return f"*{as_text(alike(one_line(html)))}*"


def alike(text: str, table: Mapping[int, str] = LOOK_ALIKE) -> str:
    """Text in which signs of H5P's blanks are others that look the same; in formulas commands stand for them."""
    made, last = "", 0
    for match in MATHS.finditer(text):
        made += text[last : match.start()].translate(table)
        made += match[0].replace("*", r"\ast ").replace(":", r"\colon ")
        last = match.end()
    return made + text[last:].translate(table)


def as_text(text: str) -> str:
    """Text inside of HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
