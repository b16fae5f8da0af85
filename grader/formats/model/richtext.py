"""The kit's HTML as other systems take it: with their maths, their code, their images; as Markdown; as plain text.

What comes in is what `grader.quizzes.markup` makes: HTML with MathML that keeps its TeX in `alttext`, listings with
Pygments classes, figures as SVG in data URIs, blanks as empty spans with `data-part`.
"""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from lxml import etree
from lxml import html as lxml_html
from lxml.etree import _Element as Element
from pygments.formatters import HtmlFormatter

from grader.formats.model.xmltext import clean

MATHML = "http://www.w3.org/1998/Math/MathML"
SVG_DATA = "data:image/svg+xml;base64,"
DELIMITER = re.compile(r"(?<=\\)(?=[()\[\]])|(?<=\$)(?=\$)")
SVG_WIDTH = re.compile(r"<svg\b[^>]*?\swidth=\"([0-9.]+)(pt|px)?\"")
INLINE_PRE = "white-space: pre; font-family: monospace; overflow-x: auto"
BLOCKS = ("p", "pre", "div", "ul", "ol", "li", "table", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "hr")

Image = Callable[[str, str], str]
"""From a figure (SVG, alternative text) to what its `src` says; empty to show the alternative text instead."""
Blank = Callable[[str], Element | str]
"""From a blank's name to what stands in its place: an element, or text."""


@dataclass(frozen=True)
class Style:
    """How a target takes maths and code, and whether it reads XML or HTML.

    maths: `mathml`, in its namespace; `tex-parens`, as `\\(…\\)` and `\\[…\\]`; `tex-dollars`, as `$…$` and `$$…$$`;
    `tex-double`, always as `$$…$$`; `plain`, as TeX without signs around it.
    code: `classes` of Pygments, for targets with a style sheet; `inline` styles; `plain`, without colour.
    """

    maths: Literal["mathml", "tex-parens", "tex-dollars", "tex-double", "plain"] = "mathml"
    code: Literal["classes", "inline", "plain"] = "classes"
    xml: bool = True


def rich(html: str, style: Style, image: Image | None = None, blank: Blank | None = None) -> str:
    """A fragment of the kit's HTML in a target's style, as text. Without `image`, figures stay in their data URIs."""
    return inner(tree(html, style, image, blank), style.xml)


def tree(html: str, style: Style, image: Image | None = None, blank: Blank | None = None) -> Element:
    """The same as the content of a new `div`, to be put into a larger document."""
    root = copy.deepcopy(_parsed(html))
    for element in list(root.iter("span", "div")):
        classes = (element.get("class") or "").split()
        if "math" in classes:
            _strip_around(element)
            if element.tag == "span":
                element.drop_tag()
    if style.maths in ("tex-parens", "tex-double"):
        _guard(root)
    for element in list(root.iter("math")):
        _put_maths(element, style.maths)
    for element in list(root.iter("pre")):
        _put_code(element, style.code)
    for element in list(root.iter("img")):
        _put_image(element, image)
    if blank is not None:
        for element in [span for span in root.iter("span") if span.get("data-part")]:
            _replace(element, blank(element.get("data-part") or ""))
    return root


def inner(root: Element, xml: bool = True) -> str:
    """The content of an element as text."""
    method: Literal["xml", "html"] = "xml" if xml else "html"
    first = etree.Element("t")
    first.text = root.text
    whole: str = etree.tostring(first, encoding="unicode", method="xml")
    start = "" if root.text is None else whole[len("<t>") : -len("</t>")]
    made: list[str] = [etree.tostring(child, encoding="unicode", method=method) for child in root]
    return "".join([start, *made])


def is_block(html: str) -> bool:
    """Whether a fragment has block elements such as paragraphs."""
    return any(True for _ in _parsed(html).iter(*BLOCKS))


def plain(html: str) -> str:
    """A fragment as plain text of several lines: formulas as TeX, listings as they are, figures as [words]."""
    root = tree(html, Style(maths="plain", code="plain"), lambda _svg, _alt: "", lambda name: f"[[{name}]]")
    parts: list[str] = []
    _plain(root, parts, False)
    lines = [line.rstrip() for line in "".join(parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def markdown(html: str, image: Image | None = None) -> str:
    """A fragment in the Markdown of our banks: `$maths$`, fenced listings, blanks as `[[name]]`."""
    root = tree(html, Style(code="plain"), image, lambda name: _verbatim(f"[[{name}]]"))
    coloured = any(span.get("class") for pre in _parsed(html).iter("pre") for span in pre.iter("span"))
    return _blocks(root, "python" if coloured else "text").strip("\n")


@lru_cache(maxsize=4096)
def _parsed(html: str) -> Element:
    text = clean(html).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        return lxml_html.Element("div")
    return lxml_html.fragment_fromstring(text, create_parent="div")


def _strip_around(element: Element) -> None:
    """Take away white space around the only child, a formula."""
    if len(element) == 1:
        element.text = (element.text or "").strip() or None
        element[0].tail = (element[0].tail or "").strip() or None


def _guard(element: Element, listing: bool = False) -> None:
    """Put an empty span into what reads like TeX's signs in a text, so that nothing takes it for a formula."""
    if element.tag == "math":
        return
    listing = listing or element.tag in ("pre", "code")
    for child in list(element):
        _guard(child, listing)
        if child.tail and not listing:
            pieces = DELIMITER.split(child.tail)
            child.tail, place = pieces[0], element.index(child)
            for number, piece in enumerate(pieces[1:], start=1):
                element.insert(place + number, _empty_span(piece))
    if element.text and not listing:
        pieces = DELIMITER.split(element.text)
        element.text = pieces[0]
        for number, piece in enumerate(pieces[1:]):
            element.insert(number, _empty_span(piece))


def _empty_span(tail: str) -> Element:
    made = lxml_html.Element("span")
    made.tail = tail
    return made


def _put_maths(element: Element, maths: str) -> None:
    tex = element.get("alttext") or " ".join("".join(element.itertext()).split())
    block = element.get("display") == "block"
    if maths == "mathml":
        _replace(element, _namespaced(element))
    elif maths == "tex-parens":
        _replace(element, f"\\[{tex}\\]" if block else f"\\({tex}\\)")
    elif maths == "tex-double":
        _replace(element, f"$${tex}$$")
    elif maths == "tex-dollars":
        _replace(element, f"$${tex}$$" if block else f"${tex}$")
    else:
        _replace(element, tex)


def _namespaced(element: Element) -> Element:
    made = etree.Element(f"{{{MATHML}}}{element.tag}", nsmap={None: MATHML})
    for name, value in element.attrib.items():
        if name != "xmlns":
            made.set(name, value)
    made.text = element.text
    for child in element:
        inside = _namespaced(child)
        inside.tail = child.tail
        made.append(inside)
    return made


def _put_code(element: Element, code: str) -> None:
    if code == "classes":
        return
    if code == "inline":
        element.set("style", INLINE_PRE)
    element.attrib.pop("class", None)
    for span in [span for span in element.iter("span") if span.get("class")]:
        look = _looks().get((span.get("class") or "").split()[0], "") if code == "inline" else ""
        span.attrib.pop("class")
        if look:
            span.set("style", look)
        else:
            span.drop_tag()


@lru_cache(maxsize=1)
def _looks() -> dict[str, str]:
    """Pygments class → CSS."""
    known: dict[str, tuple[str, str, int]] = vars(HtmlFormatter(style="default"))["class2style"]
    return {name: look[0] for name, look in known.items() if name and look[0]}


def _put_image(element: Element, image: Image | None) -> None:
    source, alt = element.get("src") or "", element.get("alt") or ""
    if image is None or not source.startswith(SVG_DATA):
        return
    svg = base64.b64decode(source[len(SVG_DATA) :]).decode()
    found = image(svg, alt)
    if found:
        element.set("src", found)
        if width := _width(svg):
            element.set("width", str(width))
    else:
        _replace(element, f"[{alt}]")


def _width(svg: str) -> int:
    """The width of a figure in pixels of CSS; 0 where it names none."""
    named = SVG_WIDTH.search(svg)
    if named is None:
        return 0
    return round(float(named[1]) * (4 / 3 if named[2] == "pt" else 1))


def _replace(element: Element, new: Element | str) -> None:
    """Put an element or text where an element is; what follows it stays."""
    parent = element.getparent()
    assert parent is not None
    tail = element.tail or ""
    if not isinstance(new, str):
        new.tail = element.tail
        parent.replace(element, new)
        return
    before = element.getprevious()
    if before is None:
        parent.text = (parent.text or "") + new + tail
    else:
        before.tail = (before.tail or "") + new + tail
    element.tail = None
    parent.remove(element)


def _name(element: Element) -> str:
    return str(etree.QName(element).localname)


def _plain(element: Element, parts: list[str], listing: bool) -> None:
    name = _name(element)
    listing = listing or name == "pre"
    block = name in BLOCKS
    if block and parts and not parts[-1].endswith("\n"):
        parts.append("\n")
    if name == "li":
        parts.append("- ")
    elif name == "br":
        parts.append("\n")
    texts = [element.text] if name != "table" else [None]
    if texts[0]:
        parts.append(texts[0] if listing else re.sub(r"\s+", " ", texts[0]))
    for child in element:
        _plain(child, parts, listing)
        if child.tail:
            said = child.tail if listing else re.sub(r"\s+", " ", child.tail)
            if listing or said.strip() or not parts or not parts[-1].endswith("\n"):
                parts.append(said)
    if name in ("td", "th"):
        parts.append(" | ")
    if block:
        parts.append("\n" if name in ("li", "tr", "ul", "ol") else "\n\n")


# Markdown ---------------------------------------------------------------------------------------------------------

SPECIAL = re.compile(r"([\\`*_\[\]<>$|~&])")
LINE_START = re.compile(r"^(\s*)(?:([-+#=:])|(\d+)([.)]))", re.MULTILINE)


def _verbatim(text: str) -> Element:
    made = lxml_html.Element("span")
    made.set("data-verbatim", text)
    return made


def _escape(text: str) -> str:
    return SPECIAL.sub(r"\\\1", re.sub(r"[ \t]*\n[ \t]*", "\n", text))


def _line_starts(text: str) -> str:
    return LINE_START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[2] else f"{m[1]}{m[3]}\\{m[4]}", text)


def _blocks(element: Element, language: str) -> str:
    """The blocks of an element, an empty line between them; inline content between blocks is a paragraph."""
    made: list[str] = []
    loose: list[str] = [_escape(element.text or "")]

    def end_paragraph() -> None:
        text = "".join(loose).strip()
        if text:
            made.append(_line_starts(text))
        loose.clear()

    for child in element:
        if _name(child) in BLOCKS:
            end_paragraph()
            made.append(_block(child, language))
        else:
            loose.append(_inline(child))
        loose.append(_escape(child.tail or ""))
    end_paragraph()
    return "\n\n".join(part for part in made if part)


def _block(element: Element, language: str) -> str:
    name = _name(element)
    if name == "pre":
        text = "".join(element.itertext()).strip("\n")
        longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
        fence = "`" * (longest + 1)
        return f"{fence}{language}\n{text}\n{fence}"
    if name in ("ul", "ol"):
        start = int(element.get("start") or 1)
        before = element.getprevious()
        other = before is not None and _name(before) == name and not (before.get("data-other") or "")
        if other:  # another sign, else two lists one after the other would be one
            element.set("data-other", "1")
        point, bullet = (")", "*") if other else (".", "-")
        signs = [f"{start + n}{point} " if name == "ol" else f"{bullet} " for n in range(len(element))]
        lines = [
            sign + _blocks(item, language).replace("\n", "\n" + " " * len(sign))
            for sign, item in zip(signs, element, strict=True)
        ]
        loose = any(True for _ in element.iterfind("li/p"))
        return ("\n\n" if loose else "\n").join(re.sub(r"(?m)^\s+$", "", line) for line in lines)
    if name == "table":
        return _table(element)
    if name == "blockquote":
        return "\n".join(f"> {line}".rstrip() for line in _blocks(element, language).split("\n"))
    if name == "hr":
        return "---"
    if name[0] == "h" and name[1:].isdigit():
        return "#" * int(name[1:]) + " " + _content(element).strip()
    if name == "p":
        return _line_starts(_content(element).strip())
    return _blocks(element, language)


def _table(element: Element) -> str:
    rows = [[_content(cell).strip() for cell in row.iter("td", "th")] for row in element.iter("tr")]
    if not rows:
        return ""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines)


def _content(element: Element) -> str:
    made = _escape(element.text or "")
    for child in element:
        made += _inline(child) + _escape(child.tail or "")
    return made


def _inline(element: Element) -> str:
    name = _name(element)
    if name == "math":
        tex = element.get("alttext") or "".join(element.itertext())
        return f"$${tex}$$" if element.get("display") == "block" else f"${tex}$"
    if element.get("data-verbatim") is not None:
        return element.get("data-verbatim") or ""
    if name == "code":
        text = "".join(element.itertext())
        longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
        pad = " " if text[:1] == "`" or text[-1:] == "`" or (text[:1] == text[-1:] == " " and text.strip()) else ""
        tick = "`" * (longest + 1)
        return f"{tick}{pad}{text}{pad}{tick}"
    if name in ("em", "i"):
        return f"*{_content(element)}*"
    if name in ("strong", "b"):
        return f"**{_content(element)}**"
    if name == "br":
        return "\\\n"
    if name == "a":
        return f"[{_content(element)}](<{element.get('href') or ''}>)"
    if name == "img":
        return f"![{_escape(element.get('alt') or '')}](<{element.get('src') or ''}>)"
    return _content(element)
