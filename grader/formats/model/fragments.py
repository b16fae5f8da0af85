"""Small changes to the kit's HTML before a format takes it."""

from __future__ import annotations

import re

from lxml import html as lxml_html
from lxml.etree import _Element as Element

ONE_LINE = re.compile(r"<pre>([^\n<]*)</pre>")


def unwrapped(html: str) -> str:
    """A single paragraph without its element: `<p>a</p>` → `a`; anything else stays."""
    single = html.startswith("<p>") and html.endswith("</p>") and html.count("<p") == 1
    return html[len("<p>") : -len("</p>")] if single else html


def short_listing(html: str) -> str:
    """Output of one line as inline code, where a block would be too much; anything else stays."""
    found = ONE_LINE.fullmatch(html)
    return f"<code>{found[1]}</code>" if found else html


def is_text(html: str) -> bool:
    """Whether a fragment reads the same as plain text, as menus show it."""
    return not re.search(r"<(?!/?p>)", html)


def element(tag: str, look: str = "", *children: Element | str | None, **attributes: str) -> Element:
    """A new element of the class `look`, with children and texts; None is passed over."""
    made: Element = lxml_html.Element(tag, {"class": look} if look else {})
    made.attrib.update(attributes)
    for child in children:
        if isinstance(child, str):
            put_text(made, child)
        elif child is not None:
            made.append(child)
    return made


def put_text(parent: Element, text: str) -> None:
    """Add text at the end of an element."""
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text
