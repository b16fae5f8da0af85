"""The kit's HTML as other systems take it: with their maths, their code, their images; as plain text.

What comes in is what `grader.quizzes.markup` makes: HTML with MathML that keeps its TeX in `alttext`, listings with
Pygments classes, figures (drawings as SVG, pictures of pixels) in data URIs, blanks as empty spans with `data-part`.
"""

from __future__ import annotations

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

from grader.formats.model.figures import Figure, figure_of
from grader.formats.model.xmltext import clean, name_of

MATHML = "http://www.w3.org/1998/Math/MathML"
DELIMITER = re.compile(r"(?<=\\)(?=[()\[\]])|(?<=\$)(?=\$)")
INLINE_PRE = "white-space: pre; font-family: monospace; overflow-x: auto"
BLOCKS = ("p", "pre", "div", "ul", "ol", "li", "table", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "hr")

Image = Callable[[Figure, str], str]
"""From a figure and its alternative text to what its `src` says; empty to show the alternative text instead."""
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
    root = copy.deepcopy(parsed(html))
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
    return any(True for _ in parsed(html).iter(*BLOCKS))


def plain(html: str) -> str:
    """A fragment as plain text of several lines: formulas as TeX, listings as they are, figures as [words]."""
    root = tree(html, Style(maths="plain", code="plain"), lambda _figure, _alt: "", lambda name: f"[[{name}]]")
    parts: list[str] = []
    _plain(root, parts, False)
    lines = [line.rstrip() for line in "".join(parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


@lru_cache(maxsize=4096)
def parsed(html: str) -> Element:
    """A fragment as the content of a `div`; nobody changes it, as others read the same one."""
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
    figure = None if image is None else figure_of(source)
    if image is None or figure is None:
        return
    found = image(figure, alt)
    if found:
        element.set("src", found)
        if figure.width:
            element.set("width", str(figure.width))
    else:
        _replace(element, f"[{alt}]")


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


def _plain(element: Element, parts: list[str], listing: bool) -> None:
    name = name_of(element)
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


def figures_of(html: str) -> list[tuple[Figure, str]]:
    """The figures that a fragment shows, with their words."""
    found: list[tuple[Figure, str]] = []

    def seen(figure: Figure, alt: str) -> str:
        found.append((figure, alt))
        return ""

    tree(html, Style(), seen)
    return found
