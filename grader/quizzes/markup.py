"""The one rich-text pipeline: Markdown with `$maths$` to HTML with MathML and Pygments classes; and to plain text."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from grader.quizzes.pictures import ADDRESS, EXPECTED

# What latex2mathml 3.81 turns into XML that is not well formed.
REFUSED = ("aligned", "gathered", "gather", "gather*", "equation", "equation*", "eqnarray", "eqnarray*")
ENVIRONMENT = re.compile(r"\\begin\{([^}]*)\}")
MISSED = re.compile(r"!\[[^\]]*\]\(([^)]*)")  # what Markdown takes for no picture, since its address has a space or so
UNKNOWN_COMMAND = re.compile(r"<mi>\\([A-Za-z]+)</mi>|\\([A-Za-z]{2,})")
BLOCKS = {"p", "pre", "div", "ul", "ol", "li", "table", "tr", "h1", "h2", "h3", "h4", "blockquote"}


class MarkupError(ValueError):
    """A text that cannot be shown as it is meant: maths that is not closed, or that nothing can draw."""


def to_html(text: str) -> str:
    """Markdown as HTML, without a wrapping element; the TeX of formulas stays in `alttext`, pictures are named.

    Raises:
        MarkupError: maths is not closed or cannot be drawn, or a picture does not lie in `pictures/`.
    """
    return _html(text, inline=False)


def to_inline(text: str) -> str:
    """Markdown of one line as HTML without a paragraph around it: for labels and entries of menus."""
    return _html(text, inline=True)


@lru_cache(maxsize=4096)
def _html(text: str, inline: bool) -> str:
    engine = _engine()
    tokens = engine.parseInline(text) if inline else engine.parse(text)
    made: str = engine.renderer.render(tokens, engine.options, {})
    return made.strip()


@lru_cache(maxsize=1)
def _engine() -> MarkdownIt:
    engine = MarkdownIt("commonmark", {"html": False, "highlight": _highlight}).enable("table")
    engine.core.ruler.before("text_join", "maths_is_closed", _require_in_order)
    engine.add_render_rule("image", _image)
    return engine.use(dollarmath_plugin, allow_space=False, allow_digits=True, double_inline=True, renderer=_mathml)


def _mathml(tex: str, options: dict[str, Any]) -> str:
    block = bool(options.get("display_mode"))
    for name in ENVIRONMENT.findall(tex):
        if name in REFUSED:
            raise MarkupError(f"the environment {name} cannot be drawn; use align, split, cases or array: ${tex}$")
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", tex):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            break
    if depth:
        raise MarkupError(f"braces are not closed in ${tex}$")
    try:
        made: str = convert(tex.strip(), display="block" if block else "inline")
    except Exception as error:  # noqa: BLE001 - latex2mathml raises many kinds
        raise MarkupError(f"${tex}$ cannot be drawn: {type(error).__name__} {error}".rstrip()) from None
    unknown = UNKNOWN_COMMAND.search(made)
    if unknown:
        raise MarkupError(f"\\{unknown.group(1) or unknown.group(2)} is no command that can be drawn, in ${tex}$")
    return made.replace("<math ", f'<math alttext="{html.escape(" ".join(tex.split()))}" ', 1)


def _highlight(code: str, language: str, _attributes: str) -> str:
    return to_code(code, language or "text")


@lru_cache(maxsize=4096)
def to_code(code: str, language: str) -> str:
    """A listing with Pygments classes. Raises MarkupError for a language that Pygments does not know."""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        raise MarkupError(f"no language is called {language!r}; write ```python or ```text") from None
    body = highlight(code.rstrip("\n") + "\n", lexer, HtmlFormatter(nowrap=True))
    return f'<pre class="code"><code>{body.rstrip()}</code></pre>'


def _require_in_order(state: Any) -> None:
    """A rule of markdown-it that runs before escaped signs become plain text again."""
    for token in [child for block in state.tokens for child in (block.children or [])]:
        if token.type == "image":
            _require_beside(str(token.attrs.get("src", "")))
        if token.type == "text" and (missed := MISSED.search(token.content)):
            _require_beside(missed[1])
        if token.type == "text" and "$" in token.content:
            found = token.content if len(token.content) <= 60 else token.content[:57] + "…"
            raise MarkupError(f"maths is not closed: a lone $ in {found!r}; write \\$ for the sign")


def _require_beside(address: str) -> None:
    if not ADDRESS.fullmatch(address):
        raise MarkupError(f"the picture {address[:60]!r} is not shown: write {EXPECTED}; or draw one by code")


def _image(_renderer: Any, tokens: Any, index: int, _options: Any, _environment: Any) -> str:
    """A picture by its address. Its words are plain; a bracket in them, which might read like a blank, is coded."""
    said = " ".join("".join(_words_of(child) for child in tokens[index].children or ()).split())
    alt = html.escape(said).replace("[", "&#91;")
    return f'<img src="{tokens[index].attrs["src"]}" alt="{alt}">'


def _words_of(token: Any) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return " "
    inside = token.children or ()
    return "".join(map(_words_of, inside)) if inside else str(token.content)


def to_plain(markup: str) -> str:
    """HTML as plain text in one spelling: formulas as TeX, white space collapsed. For comparisons, lengths, reports."""
    reader = _Plain()
    reader.feed(markup)
    reader.close()
    return " ".join("".join(reader.parts).split())


class _Plain(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.maths = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "math":
            self.maths += 1
            self.parts.append(dict(attrs).get("alttext") or "")
        elif tag in BLOCKS:
            self.parts.append(" ")
        elif tag == "img":
            self.parts.append(f"[{dict(attrs).get('alt') or ''}]")

    def handle_endtag(self, tag: str) -> None:
        if tag == "math":
            self.maths -= 1
        elif tag in BLOCKS:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self.maths:
            self.parts.append(data)
