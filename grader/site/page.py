"""A lab's page: its released notebook as HTML, with what a solved run showed, and its sections for search."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

import lxml.html
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode

from grader.cells import grade_id
from grader.quizzes.markup import to_code, to_html
from grader.site.solved import NOT_RUN, still

HEADING = re.compile(r"<h([1-6])>(.*?)</h\1>", re.S)
NOTEBOOK = re.compile(r'href="(?:\.\./)?(?P<lab>[^"/]+)/(?P=lab)\.ipynb(?P<rest>#[^"]*)?"')
MOVED = '<p class="note">In JupyterLab, sliders move this picture.</p>'
QUIZ = (
    '<p><a href="{file}">The quiz on a page of its own</a></p>'
    '<iframe class="quiz" src="{file}" title="Quiz: {title}" loading="lazy"></iframe>'
)


@dataclass(frozen=True)
class Section:
    """What search finds: where, under which heading, and the words that stand there."""

    page: str
    anchor: str
    title: str
    text: str


@dataclass(frozen=True)
class Page:
    """A page of the site: its file name, its title, its body as HTML, and its sections."""

    file: str
    title: str
    body: str
    sections: tuple[Section, ...]


def lab_page(lab: str, released: NotebookNode, run: NotebookNode, quiz: str | None) -> Page:
    """The page of a lab.

    Args:
        lab: its name, which names the file.
        released: what students receive; nothing of it is run.
        run: the solution notebook after its run; only outputs are taken, by the cells' ids.
        quiz: the address of the page of its practice quiz, if it has one.

    Raises:
        MarkupError: a formula cannot be drawn.
    """
    shown = {cell["id"]: cell.get("outputs", []) for cell in run.cells if cell.cell_type == "code"}
    first = next((line for cell in released.cells for line in cell.source.splitlines() if line.startswith("# ")), lab)
    title = first.removeprefix("# ").strip()
    parts = []
    for cell in released.cells:
        name = grade_id(cell) or ""
        if cell.cell_type == "markdown":
            parts.append(f'<div class="text">{_linked(to_html(cell.source))}</div>')
        elif cell.cell_type == "code" and not name.endswith("-hidden"):
            parts.append(_code(cell.source))
            if NOT_RUN.search(cell.source):
                parts.append(
                    QUIZ.format(file=quiz, title=html.escape(title)) if quiz and "quiz(" in cell.source else ""
                )
            elif not name.endswith("-checks"):
                parts += [_output(output, run) for output in shown.get(cell["id"], [])]
    body = _anchored("\n".join(parts))
    return Page(f"{lab}.html", title, body, tuple(_sections(f"{lab}.html", title, body)))


def _code(source: str) -> str:
    return f'<div class="code">{_reachable(to_code(source, "python"))}</div>' if source.strip() else ""


def _output(output: dict[str, Any], run: NotebookNode) -> str:
    """One output as HTML: the picture in a widget, HTML as it is, else text."""
    if output["output_type"] == "stream":
        return _text(output["text"])
    if output["output_type"] == "error":
        return _text("\n".join(output["traceback"]))
    data = output.get("data", {})
    if (moving := still(output, run)) is not None:
        return f'<div class="output">{moving}{MOVED}</div>' if moving else ""
    if "text/html" in data:
        return f'<div class="output" tabindex="0">{data["text/html"]}</div>'
    if "image/png" in data:
        return (
            f'<div class="output"><img alt="A figure." src="data:image/png;base64,{data["image/png"].strip()}"></div>'
        )
    return _text(data.get("text/plain", ""))


def _text(text: str) -> str:
    return f'<pre class="output" tabindex="0">{html.escape(strip_ansi(text)).rstrip()}</pre>' if text.strip() else ""


def _reachable(markup: str) -> str:
    """What may be wider than the page can be scrolled with the keyboard."""
    return markup.replace("<pre", '<pre tabindex="0"')


def _linked(markup: str) -> str:
    """Links to notebooks lead to their pages; tables and listings scroll by themselves."""
    markup = NOTEBOOK.sub(lambda found: f'href="{found["lab"]}.html{(found["rest"] or "").lower()}"', markup)
    markup = re.sub(r'href="#([^"]*)"', lambda found: f'href="#{slug(found[1])}"', markup)
    markup = markup.replace("<table>", '<div class="wide" tabindex="0"><table>').replace("</table>", "</table></div>")
    return _reachable(markup)


def _anchored(body: str) -> str:
    """Headings with ids that no other heading of the page has."""
    seen: dict[str, int] = {}

    def anchor(found: re.Match[str]) -> str:
        name = slug(lxml.html.fromstring(f"<p>{found[2]}</p>").text_content())
        seen[name] = seen.get(name, 0) + 1
        unique = name if seen[name] == 1 else f"{name}-{seen[name]}"
        return f'<h{found[1]} id="{unique}">{found[2]}</h{found[1]}>'

    return HEADING.sub(anchor, body)


def slug(text: str) -> str:
    """A heading as an id: small letters, digits and hyphens."""
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-") or "section"


def _sections(file: str, title: str, body: str) -> list[Section]:
    """The page cut at its headings; code and outputs count too, pictures by their descriptions."""
    found: list[tuple[str, str, list[str]]] = [("", title, [])]
    for element in lxml.html.fromstring(f"<main>{body}</main>").iter():
        if element.tag in {"h1", "h2", "h3", "h4", "h5", "h6"}:
            found.append((element.get("id", ""), " ".join(element.text_content().split()), []))
        elif element.tag in {"p", "li", "td", "th", "pre"}:
            found[-1][2].append(element.text_content())
        elif element.tag == "img":
            found[-1][2].append(element.get("alt", ""))
    kept = [(anchor, head, " ".join(" ".join(words).split())) for anchor, head, words in found]
    return [Section(file, anchor, head, text) for anchor, head, text in kept if text or anchor]
