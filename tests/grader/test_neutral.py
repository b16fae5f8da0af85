"""Whatever a student writes into text cells, the pages that show them hold no link but http(s), mailto and anchors.

The judge is the renderer itself: nbconvert with nbgrader's templates of formgrader and of feedback, read by lxml.
"""

from __future__ import annotations

import copy
import re
from functools import lru_cache
from html import unescape
from pathlib import Path
from typing import Any

import nbformat
import nbgrader
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html
from markdown_it import MarkdownIt
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import InvalidNotebook
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell
from traitlets.config import Config

from grader.hooks import restore
from grader.neutral import MAX_CHARACTERS, neutral
from grader.text import student_lines

FORMGRADER = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader"
TEMPLATES = FORMGRADER / "templates"
BOOTSTRAP = FORMGRADER / "static" / "node_modules" / "bootstrap" / "dist" / "css"
ALLOWED = re.compile(r"https?://(?!localhost|127\.|0|\[)[a-z0-9]|mailto:[^?]+@[^?]+\Z|#", re.I)
ATTRIBUTES = {"href", "src", "id", "class", "title", "alt", "style", "start", "align"}
TAGS = {"a", "p", "em", "strong", "s", "del", "code", "pre", "span", "div", "br", "hr", "blockquote", "ul", "ol", "li"}
TAGS |= {"dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "h1", "h2", "h3", "h4", "h5", "h6"}
TAGS |= {"input"}  # the boxes of a list of tasks
LINKS = {
    "script": "[x](javascript:alert(1))",
    "mixed case": "[x](JaVaScRiPt:alert(1))",
    "space": "[x]( javascript:alert(1) )",
    "angle": "[x](<javascript:alert(1)>)",
    "title": '[x](javascript:alert(1) "title")',
    "newline": "[x](\njavascript:alert(1))",
    "tab": "[x](java\tscript:alert(1))",
    "control": "[x](\x01javascript:alert(1))",
    "nul": "[x](java\0script:alert(1))",
    "number": "[x](&#106;avascript:alert(1))",
    "hexadecimal": "[x](&#x6A;avascript:alert(1))",
    "colon": "[x](javascript&colon;alert(1))",
    "new line's name": "[x](java&NewLine;script:alert(1))",
    "escape": r"[x](javascript\:alert\(1\))",
    "bracket's name": "&lbrack;x&rsqb;&lpar;javascript:alert(1)&rpar;",
    "data": "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "vbscript": "[x](vbscript:msgbox(1))",
    "blob": "[x](blob:http://a.example/1)",
    "file": "[x](file:///etc/passwd)",
    "view source": "[x](view-source:https://a.example)",
    "no scheme": "[x](//evil.example/x)",
    "backslashes": r"[x](\\evil.example/x)",
    "relative": "[my working](working.html)",
    "above": "[x](../../submitted/ada/01-toy/working.html)",
    "path": "[x](/formgrader/api/grades)",
    "query": "[x](?a=1)",
    "empty": "[x]()",
    "here": "[x](http://127.0.0.1:8888/formgrader?path=x)",
    "localhost": "[x](http://localhost:8888/lab) and http://localhost:8888/api",
    "number of a host": "[x](http://2130706433/) http://0x7f.1/ http://[::1]/ http://127.1/",
    "user": "[x](https://a.example@localhost/) https://a.example:x@localhost/",
    "reference": "[x][y]\n\n[y]: javascript:alert(1)",
    "reference below": "[x]\n\n[x]:\njavascript:alert(1)",
    "reference in a quote": "> [x]\n>\n> [x]: javascript:alert(1) 'title'",
    "image reference": "![x][y]\n\n[y]: data:text/html,x",
    "autolink": "<javascript:alert(1)> <data:text/html,x> <https://x.example/onclick=alert(1)//>",
    "two brackets": "<<mailto:a@b.example> onmouseover=alert(1)>",
    "image": "![x](javascript:alert(1)) ![x](plot.svg) ![x](https://a.example/pixel.png)",
    "image in a link": "[![x](javascript:a)](javascript:b)",
    "link in a link": "[[x](javascript:a)](https://a.example)",
    "attachment": "![x](attachment:a.svg)",
    "tag": "<script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:a'>x</a>",
    "open tag": "<img src=x onerror=alert(1) \n\nx",
    "comment": "<!-- --><!DOCTYPE html><?php x ?><![CDATA[<script>]]></p><svg/onload=alert(1)>",
    "math": r"$\href{javascript:alert(1)}{x}$ $$\require{html}\style{x}{y}\class{a}{b}\cssId{a}{b}$$",
    "math by names": "&#36;&#92;href&#123;javascript:a&#125;&#36; &dollar;&bsol;href{javascript:a}{x}&dollar;",
    "math's tokens": r"\\(\mmlToken{mi}[href='javascript:a']{x}\\)",
    "diagram": '```mermaid\n<img src=x onerror=alert(1)>\nclick A "javascript:alert(1)"\n```',
    "diagram, odd": "~~~~ \u00a0MERMAID x\n<b>\n~~~~\n> ```  mermaid\n> <b>",
    "fence": '```"><script>alert(1)</script>\nx\n```\n```python onclick=alert(1)\nx\n```',
    "code": "`a](javascript:b)` `` ` `` [x](javascript:`c`)",
    "unclosed code": "`[x](javascript:a)\n\n[y](javascript:b)`",
    "table": "| a | b |\n|---|---|\n| [x](javascript:a) | \\|[y\\|](javascript:b) |",
    "list": "1. [x](javascript:a)\n   - [y]: javascript:b\n   - [y]",
    "heading": "# mean-hidden\n\nmean-hidden\n===\n\n## [x](javascript:a)",
    "footnote": "x[^1]\n\n[^1]: javascript:alert(1)",
    "bare": "javascript:alert(1) https://a.example/\"onclick='a' https://a.example/](javascript:b)",
    "files": '[x](files/a) src="files/b" href=files/c',
    "bidi": "[x](\u202ejavascript:a) [x](java\u200bscript:a)",
    "half a character": "[x](java\ud800script:a)",
}


@lru_cache(maxsize=2)
def exporter(template: str) -> HTMLExporter:
    """What formgrader and `nbgrader generate_feedback` make pages with, under this course's configuration."""
    config = Config()
    config.HTMLExporter.exclude_anchor_links = True  # as in nbgrader_config.py; a test below holds it there
    config.HTMLExporter.extra_template_basedirs = [str(TEMPLATES)]
    config.HTMLExporter.extra_template_paths = [str(BOOTSTRAP)]
    return HTMLExporter(config=config, template_name=template)


@lru_cache(maxsize=1)
def other_parser() -> MarkdownIt:
    """A parser that follows CommonMark to the letter, as JupyterLab's does; it lets every address and all HTML pass."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.validateLink = lambda _: True  # type: ignore[method-assign]
    return parser


def page(notebook: NotebookNode, template: str = "formgrade") -> Any:
    grading = {"notebook": "01-toy", "score": 0, "max_score": 5, "late_penalty": 0}
    resources = {"nbgrader": grading, "index": 0, "total": 1, "base_url": ""}
    made, _ = exporter(template).from_notebook_node(copy.deepcopy(notebook), resources=resources)
    return html.fromstring(made)


def text_of(notebook: NotebookNode, template: str = "formgrade") -> Any:
    """The part of a page that shows the notebook."""
    return page(notebook, template).xpath("//*[@id='notebook-container']")[-1]


def faults(root: Any) -> list[str]:
    """Everything below `root` that could act, or that leads where no student may lead an instructor."""
    found = []
    for element in root.iterdescendants():
        if element.tag not in TAGS:
            found.append(f"<{element.tag}>")
        for name, value in element.attrib.items():
            leads = name in ("href", "src") and not ALLOWED.match(value)
            if element.tag == "input":
                leads = name not in ("type", "disabled", "checked", "class") or element.get("type") != "checkbox"
            elif name not in ATTRIBUTES or (name == "style" and not value.startswith("text-align:")):
                leads = True
            if leads:
                found.append(f"<{element.tag} {name}={value!r}>")
    if re.search(r"\\(href|require|style|class|cssId|mmlToken)(?![a-z])", root.text_content()):
        found.append("a command of MathJax")
    return found


def handed_in(*sources: str) -> NotebookNode:
    """A submission of texts and raw cells, as grading restores it."""
    raw = {"raw_mimetype": "text/html", "format": "text/html"}
    cells = [make for text in sources for make in (new_markdown_cell(text), new_raw_cell(text, metadata=raw))]
    return restore(new_notebook(cells=cells), new_notebook())


@pytest.mark.parametrize("name", LINKS)
def test_nothing_of_a_hostile_text_acts_on_any_page(name: str) -> None:
    notebook = handed_in(LINKS[name])
    for template in ("formgrade", "feedback"):
        assert faults(text_of(notebook, template)) == []
    assert faults(html.fromstring(f"<div>{other_parser().render(neutral(LINKS[name]))}</div>")) == []


def test_the_judge_sees_what_is_not_neutral() -> None:
    shown = {
        name: new_notebook(cells=[new_markdown_cell(text)])
        for name, text in LINKS.items()
        if name not in ("attachment", "half a character")
    }
    assert len([name for name in shown if faults(text_of(shown[name]))]) > 30
    with pytest.raises(InvalidNotebook):  # no page at all
        text_of(new_notebook(cells=[new_markdown_cell(LINKS["attachment"])]))


PIECES = [
    *"[]()<>!&#;:\"'`$\\|*_~-=+ \n\t",
    *(
        "](",
        "]: ",
        "![",
        "[x]",
        "[x](",
        "<a ",
        "</",
        "<!--",
        "-->",
        "&#",
        "&colon;",
        "&Tab;",
        "&lpar;",
        "&#36;",
        "&#92;",
    ),
    *(
        "javascript:a",
        "JAVASCRIPT:",
        "data:text/html,x",
        "//evil.example",
        "working.html",
        "attachment:x",
        "mailto:a@b.c",
    ),
    *(
        "https://a.example/",
        "http://localhost/",
        "https://a.example)",
        "#here",
        "onclick=a",
        "src=x",
        "href=x",
        "script",
    ),
    *("```", "```mermaid\n", "~~~", "$$", "\\(", "\\\\(", "\\begin{a}", "\\end{a}", "\\href{", "\n\n", "\n> ", "\n- "),
    *("\n    ", "\n# ", "\n===\n", "|---|", "\r", "\0", "\x01", "\u202e", "\ud800", "\u00a0", "\u2028"),
]
HOSTILE = st.lists(st.sampled_from(PIECES) | st.sampled_from(list(LINKS.values())), max_size=25).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(HOSTILE, min_size=1, max_size=3))
def test_nothing_acts_however_the_pieces_are_put_together(texts: list[str]) -> None:
    assert faults(text_of(handed_in(*texts))) == []
    for text in texts:
        assert faults(html.fromstring(f"<div>{other_parser().render(neutral(text))}</div>")) == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([piece for piece in PIECES if "&" not in piece]), max_size=25).map("".join))
def test_the_text_reads_as_it_was_written(text: str) -> None:
    """Entities are seen as the signs that they stand for; only spaces come in, and brackets around an address go."""

    def signs(source: str) -> str:
        return re.sub(r"[\s<>]", "", unescape(source)).replace("textmermaid", "mermaid")

    assert signs(neutral(text)) == signs(student_lines(text))


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("see [the paper](https://arxiv.example/abs/1?v=2#s) and https://a.example.", None),
        ("[below](#result), [me](mailto:ada@b.example)", None),
        (
            "**bold** $a < b$ R&D &alpha; &amp; `x[0](1)` {a: [1]}",
            "**bold** $a < b$ R&D &alpha; &amp; `x[0] (1)` {a: [1]}",
        ),
        ("$a<b$ and `a<b` and a<b", "$a< b$ and `a< b` and a&lt;b"),
        ("```python\nif a<b: d[k](v)\n```", "```python\nif a< b: d[k] (v)\n```"),
        ("[name]\n\n[name]: https://a.example/x", None),
        ("<https://a.example/x>", " https://a.example/x"),
    ],
)
def test_honest_text_stays(source: str, shown: str | None) -> None:
    assert neutral(source) == (source if shown is None else shown)


def test_a_text_without_end_is_cut() -> None:
    assert len(neutral("x" * 10_000_000)) == MAX_CHARACTERS
    for piece in ("`", "$", "[", "](", "<", "&", "a.", "[x](https://a.", "```\n", "http://a.a", "\\href"):
        assert faults(text_of(handed_in(piece * 3_000))) == []


def test_metadata_of_students_are_dropped_but_for_a_list() -> None:
    evil = '"><script>alert(1)</script>'
    code = new_code_cell("1", metadata={"tags": ["demo", evil], "magics_language": evil, "slideshow": {"x": evil}})
    text = new_markdown_cell(
        "x", metadata={"tags": [evil], "trusted": True}, attachments={"a": {"image/svg+xml": evil}}
    )
    odd = NotebookNode(cell_type="heading", source="<b>", metadata=NotebookNode())
    code.update(id=evil, execution_count=evil, outputs=[{"output_type": evil}])
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    meta = {"title": evil, "widgets": {evil: evil}, "kernelspec": {"language": evil}, "language_info": {"name": evil}}
    submitted = new_notebook()
    submitted.update(cells=[code, text, odd], metadata=nbformat.from_dict(meta))
    found = restore(submitted, new_notebook(metadata=kernel))
    assert found.metadata == kernel
    assert [cell.metadata for cell in found.cells] == [{"tags": ["demo"]}, {}, {}]
    assert [cell.cell_type for cell in found.cells] == ["code", "markdown", "markdown"]
    assert found.cells[0].execution_count is None
    assert evil not in str(found)


def test_a_cell_of_the_release_keeps_its_pictures_and_a_student_cannot_change_them() -> None:
    picture = {"a.png": {"image/png": "iVBORw0KGgo="}}
    given_cell = new_markdown_cell("![plot](attachment:a.png) <b>bold</b>", attachments=picture)
    own = copy.deepcopy(given_cell)
    own.attachments["a.png"] = {"image/svg+xml": "PHN2Zy8+"}
    (found,) = restore(new_notebook(cells=[own]), new_notebook(cells=[given_cell])).cells
    assert (found.source, found.attachments) == (given_cell.source, picture)


def test_a_heading_does_not_take_the_place_of_a_graded_cell() -> None:
    """Formgrader finds the points of `mean-hidden` by `#mean-hidden`, and takes the first element that has this id."""
    configured = (Path(__file__).resolve().parents[2] / "nbgrader_config.py").read_text()
    assert "c.HTMLExporter.exclude_anchor_links = True" in configured
    shown = text_of(handed_in("# mean-hidden\n\nmean-hidden\n==="))
    assert [element for element in shown.iter() if "mean-hidden" in element.get("id", "")] == []
