"""The kit's HTML in the Markdown of our banks."""

from __future__ import annotations

import re

from lxml import html as lxml_html
from lxml.etree import _Element as Element

from grader.formats.model.richtext import BLOCKS, Image, Style, parsed, tree
from grader.formats.model.xmltext import name_of

SPECIAL = re.compile(r"([\\`*_\[\]<>$|~&])")
LINE_START = re.compile(r"^(\s*)(?:([-+#=:])|(\d+)([.)]))", re.MULTILINE)


def markdown(html: str, image: Image | None = None) -> str:
    """A fragment in the Markdown of our banks: `$maths$`, fenced listings, blanks as `[[name]]`."""
    root = tree(html, Style(code="plain"), image, lambda name: _verbatim(f"[[{name}]]"))
    coloured = any(span.get("class") for pre in parsed(html).iter("pre") for span in pre.iter("span"))
    return _blocks(root, "python" if coloured else "text").strip("\n")


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
        if name_of(child) in BLOCKS:
            end_paragraph()
            made.append(_block(child, language))
        else:
            loose.append(_inline(child))
        loose.append(_escape(child.tail or ""))
    end_paragraph()
    return "\n\n".join(part for part in made if part)


def _block(element: Element, language: str) -> str:
    name = name_of(element)
    if name == "pre":
        text = "".join(element.itertext()).strip("\n")
        longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
        fence = "`" * (longest + 1)
        return f"{fence}{language}\n{text}\n{fence}"
    if name in ("ul", "ol"):
        start = int(element.get("start") or 1)
        before = element.getprevious()
        other = before is not None and name_of(before) == name and not (before.get("data-other") or "")
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
    name = name_of(element)
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
