"""HTML from elsewhere as Markdown of our banks, and a note of everything in it that we cannot keep."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml import etree
from lxml import html as lxml_html
from lxml.etree import _Element as Element

from grader.formats.model.xmltext import clean, name_of
from grader.formats.reading.line import Line
from grader.formats.reading.pictures import Picture, nowhere
from grader.formats.reading.spelling import blank_mark, escape, formula, listing, mended
from grader.quizzes.pixels import PictureError

Note = Callable[[str], None]
"""Takes what was not read, in words."""

BLANK = "data-blank"  # an empty span with this attribute is a blank of that name
PARAGRAPHS = ("p", "div", "section", "article", "dd", "dt", "figure", "figcaption", "center", "itemBody", "address")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
BLOCKS = (*PARAGRAPHS, *HEADINGS, "pre", "ul", "ol", "dl", "table", "blockquote", "hr", "li")
DROPPED = ("script", "style", "iframe", "video", "audio", "input", "select", "textarea", "button", "head", "svg")
MATHS = re.compile(
    r"\\\((?P<inline>.{1,2000}?)\\\)|\\\[(?P<block>.{1,2000}?)\\\]|\$\$(?P<dollars>[^$]{1,2000})\$\$", re.DOTALL
)
SAFE_LINK = re.compile(r"https?://[^\s<>{}]+")
MAX_DEPTH = 60
MAX_HTML = 16 * 2**20  # with pictures in it
MAX_ALT = 500


def to_markdown(
    html: str,
    note: Note,
    picture: Picture = nowhere,
    *,
    inline: bool = False,
    tex: bool = True,
    dollars: bool = True,
) -> str:
    """A fragment of HTML as Markdown.

    Args:
        html: what another system shows.
        note: is told what is left out.
        picture: takes over the pictures that it shows.
        inline: whether it has to be one line, as labels and entries of menus are.
        tex: whether `\\(…\\)` and `\\[…\\]` in its texts are formulas.
        dollars: whether `$$…$$` is one too.
    """
    text = clean(html)
    if not text.strip():
        return ""
    if len(text) > MAX_HTML:
        note(f"a text of {len(text)} characters; at most {MAX_HTML} are read")
        return ""
    try:
        root = lxml_html.fragment_fromstring(text, create_parent="div")
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        note(f"HTML that cannot be read is taken as plain text ({error})")
        return escape(text)
    return of_element(root, note, picture, inline=inline, tex=tex, dollars=dollars)


def of_markdown(text: str, note: Note, picture: Picture = nowhere) -> str:
    """A text that is Markdown already, mended where ours says things in another way."""
    return mended(text, note, lambda address, alt: shown_picture(address, alt, note, picture))


def of_element(
    root: Element,
    note: Note,
    picture: Picture = nowhere,
    *,
    inline: bool = False,
    tex: bool = True,
    dollars: bool = True,
) -> str:
    """The content of an element, of HTML or of XML with HTML's names, as Markdown."""
    reader = _Prose(note, tex, dollars, picture)
    if not inline:
        return reader.blocks(root, 0)
    line = Line()
    reader.flat(root, line, 0)
    return line.markdown().replace("\\\n", " ").replace("\n", " ")


def plain_text(text: str, note: Note, *, inline: bool = False, tex: bool = True) -> str:
    """Plain text as Markdown; an empty line ends a paragraph, and lines stay lines."""
    reader = _Prose(note, tex)
    made = []
    for paragraph in re.split(r"\n[ \t]*\n", clean(text).replace("\r\n", "\n").replace("\r", "\n")):
        line = Line()
        for number, row in enumerate(paragraph.strip("\n").split("\n")):
            if number:
                line.ready(" " if inline else "\\\n")
            reader.string(row, line)
        made.append(line.markdown())
    return (" " if inline else "\n\n").join(part for part in made if part)


@dataclass
class _Prose:
    note: Note
    tex: bool
    dollars: bool = True
    picture: Picture = nowhere

    def blocks(self, element: Element, depth: int, between: str = "\n\n") -> str:
        """The blocks of an element with an empty line between them; loose content between blocks is a paragraph."""
        made: list[str] = []
        loose = Line()
        if depth > MAX_DEPTH:
            self.note("HTML nested more than 60 deep")
            return ""
        self.string(element.text or "", loose)
        for child in element:
            if holds_block(child):
                made.append(loose.markdown())
                loose = Line()
                made.append(self.block(child, depth + 1))
            else:
                self.inline(child, loose, depth + 1)
            self.string(child.tail or "", loose)
        made.append(loose.markdown())
        return between.join(part for part in made if part)

    def block(self, element: Element, depth: int) -> str:
        """One block."""
        name = name_of(element)
        if name == "pre":
            return listing(_rows(element))
        if name in ("ul", "ol"):
            return self.list(element, name == "ol", depth)
        if name == "table":
            return self.table(element, depth)
        if name == "blockquote":
            inside = self.blocks(element, depth)
            return "\n".join(f"> {row}".rstrip() for row in inside.split("\n")) if inside else ""
        if name == "hr":
            return "---"
        if name in HEADINGS:
            line = Line()
            self.flat(element, line, depth)
            said = line.markdown().replace("\\\n", " ").replace("\n", " ")
            return f"{'#' * int(name[1])} {said}" if said else ""
        return self.blocks(element, depth)

    def list(self, element: Element, ordered: bool, depth: int) -> str:
        """A list, tight unless its entries have paragraphs."""
        entries = [child for child in element if name_of(child)]
        start = element.get("start") or "1"
        first = int(start) if re.fullmatch(r"\d{1,6}", start) else 1
        made = []
        for number, entry in enumerate(entries):
            sign = f"{first + number}. " if ordered else "- "
            tight = all(name_of(child) not in BLOCKS or name_of(child) in ("ul", "ol", "pre") for child in entry)
            inside = self.blocks(entry, depth, "\n" if tight else "\n\n").replace("\n", "\n" + " " * len(sign))
            made.append(re.sub(r"(?m)^[ ]+$", "", sign + inside))
        loose = any(name_of(child) == "p" for entry in entries for child in entry)
        return ("\n\n" if loose else "\n").join(made)

    def table(self, element: Element, depth: int) -> str:
        """A table; its first row is its head."""
        rows = []
        for row in (child for child in element.iter() if name_of(child) == "tr"):
            cells = []
            for cell in (child for child in row if name_of(child) in ("td", "th")):
                line = Line()
                self.flat(cell, line, depth)
                said = line.markdown().replace("\\\n", " ").replace("\n", " ")
                said = re.sub(r"\$[^$]*\$", lambda m: m[0].replace(r"\|", r"\Vert "), said)
                cells.append(said.replace("|", r"\|"))
            rows.append(cells)
        if not rows or not rows[0]:
            return ""
        width = max(map(len, rows))
        made = [f"| {' | '.join(cells + [''] * (width - len(cells)))} |" for cells in rows]
        made.insert(1, "|" + " --- |" * width)
        return "\n".join(made)

    def flat(self, element: Element, line: Line, depth: int) -> None:
        """All content of an element in one line."""
        if depth > MAX_DEPTH:
            self.note("HTML nested more than 60 deep")
            return
        self.string(element.text or "", line)
        for child in element:
            name = name_of(child)
            if name == "pre":
                line.add("code", _rows(child).strip("\n"))
            elif name in BLOCKS:
                line.text(" ")
                self.flat(child, line, depth + 1)
                line.text(" ")
            else:
                self.inline(child, line, depth + 1)
            self.string(child.tail or "", line)

    def inline(self, element: Element, line: Line, depth: int) -> None:
        """One element within a line."""
        name = name_of(element)
        if not name or depth > MAX_DEPTH:
            return
        if name == "math":
            self.maths(tex_of(element), "".join(element.itertext()), element.get("display") == "block", line)
        elif element.get(BLANK):
            line.ready(blank_mark(element.get(BLANK) or ""))
        elif name in ("code", "kbd", "samp", "tt"):
            line.add("code", "".join(element.itertext()))
        elif name in ("em", "i", "cite", "var"):
            self.around("*", element, line, depth)
        elif name in ("strong", "b"):
            self.around("**", element, line, depth)
        elif name in ("sub", "sup"):
            self.raised(name, element, line, depth)
        elif name == "br":
            line.ready("\\\n")
        elif name == "a" and SAFE_LINK.fullmatch(element.get("href") or ""):
            inside = Line()
            self.flat(element, inside, depth)
            line.ready(f"[{inside.markdown()}](<{element.get('href')}>)")
        elif name in ("img", "object", "embed"):
            self.image(element, line)
        elif name in DROPPED:
            self.note(f"a {name} element")
        else:
            self.flat(element, line, depth)

    def around(self, sign: str, element: Element, line: Line, depth: int) -> None:
        """Emphasis."""
        line.add("open", sign)
        self.flat(element, line, depth)
        line.add("close", sign)

    def raised(self, name: str, element: Element, line: Line, depth: int) -> None:
        """A raised or lowered letter or number is a formula; anything else loses its place."""
        said = "".join(element.itertext()).strip()
        if re.fullmatch(r"[A-Za-z0-9+−-]{1,12}", said) and len(element) == 0:
            line.ready(f"${'^' if name == 'sup' else '_'}{{{said.replace('−', '-')}}}$")
            return
        self.note(f"a {name} element is written as {'^' if name == 'sup' else '_'}(…)")
        line.text("^(" if name == "sup" else "_(")
        self.flat(element, line, depth)
        line.text(")")

    def image(self, element: Element, line: Line) -> None:
        """An image: an equation where it says so, else a picture beside the bank, or its words and a note."""
        tex = element.get("data-equation-content") or ""
        alt = " ".join((element.get("alt") or "").split())
        if tex or alt.startswith("LaTeX:"):
            self.maths(tex or alt.removeprefix("LaTeX:"), alt, False, line)
            return
        made = shown_picture(element.get("src") or element.get("data") or "", alt, self.note, self.picture)
        if made:
            line.ready(made)
        else:
            line.text(f"[{alt or 'image'}]")

    def maths(self, tex: str, said: str, block: bool, line: Line) -> None:
        """A formula; one that we cannot draw becomes code."""
        made = formula(tex, block) if tex else None
        if made is not None:
            line.ready(made)
            return
        shown = " ".join((tex or said).split())
        why = "cannot be drawn and stands as code" if tex else "has no TeX and stands as code"
        self.note(f"the formula {shown[:60]} {why}")
        line.add("code", shown)

    def string(self, text: str, line: Line) -> None:
        """Text, in which there may be formulas."""
        if not self.tex:
            line.text(text)
            return
        end = 0
        for found in MATHS.finditer(text):
            if found["dollars"] and not self.dollars:
                continue
            line.text(text[end : found.start()])
            tex = found["inline"] or found["block"] or found["dollars"]
            self.maths(tex, tex, found["inline"] is None, line)
            end = found.end()
        line.text(text[end:])


def shown_picture(address: str, alt: str, note: Note, picture: Picture) -> str:
    """A picture in Markdown; nothing, and a note that says why, where it is not taken over."""
    alt = " ".join(clean(alt).split())[:MAX_ALT]
    try:
        return f"![{_in_brackets(alt)}]({picture(address)})"
    except PictureError as error:
        name = "in the text" if address.lstrip().lower().startswith("data:") else re.split(r"[/\\]", address)[-1][:60]
        note(f"the image {name or '?'} ({alt[:80] or 'without words for it'}): {error}")
        return ""


def _in_brackets(text: str) -> str:
    return "".join(f"\\{piece}" if piece in ("[", "]") else escape(piece) for piece in re.split(r"([\[\]])", text))


def holds_block(element: Element) -> bool:
    """Whether an element is a block or has one inside."""
    if name_of(element) == "div" and (element.get("class") or "").split() == ["math", "inline"]:
        return False
    return name_of(element) in BLOCKS or (
        name_of(element) in ("span", "font", "a", "b", "i", "em", "strong", "body", "html")
        and any(name_of(child) in BLOCKS for child in _inside(element))
    )


def _rows(element: Element) -> str:
    """The text of a listing, whose lines may end with `<br>`."""
    made = element.text or ""
    for child in element:
        made += "\n" if name_of(child) == "br" else _rows(child) if name_of(child) else ""
        made += child.tail or ""
    return made


def _inside(element: Element) -> Iterator[Element]:
    children = element.iter()
    next(children)
    yield from children


def tex_of(element: Element) -> str:
    """The TeX of a formula in MathML: its `alttext`, or an annotation; empty if it has none."""
    if element.get("alttext"):
        return element.get("alttext") or ""
    for child in element.iter():
        if name_of(child) == "annotation" and (child.get("encoding") or "").lower() in ("application/x-tex", "latex"):
            return child.text or ""
    return ""
