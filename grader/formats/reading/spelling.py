"""Text from elsewhere spelt as Markdown of our banks: signs escaped, maths that can be drawn, nothing to fill in."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from grader.formats.model.xmltext import clean
from grader.quizzes.markup import MarkupError, to_html, to_inline

BRACES = '{{ "{{" }}'  # what shows two braces and runs nothing of the text's own
FILLED_IN = re.compile(r"\{\{ (.+?) \}\}")
SPACE = re.compile(r"[ \t\n\r\f]+")
LINE_START = re.compile(
    r"(?m)^(?:(?P<sign>#(?=#{0,5}(?:\s|$))|[-+](?=\s|$)|>|[-=~|:](?=[-=~|: \t]*$))"
    r"|(?P<number>\d{1,9})(?P<dot>[.)])(?=\s|$))"
)
RAW_BLANK = re.compile(r"\[(?=\[[a-z][a-z0-9]*\]\])")
FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*([\w+-]*)\s*$")
IMAGE = re.compile(r"!\[([^\]]{0,500})\]\(\s*<?([^)\s>]{0,4000000})>?[^)]{0,500}\)")
FUNCTIONS = re.compile(r"\\(arg|argmax|argmin|sgn|softmax|diag|tr|Var|Cov)(?![A-Za-z])")
ENVIRONMENTS = {"aligned": "split", "gathered": "split", "gather": "split", "gather*": "split", "eqnarray": "align"}
ENVIRONMENT = re.compile(r"\\(begin|end)\{(aligned|gathered|gather\*?|eqnarray\*?|equation\*?)\}")
PYTHON = re.compile(r"(?m)^\s*(?:import |from \w|def |class |for |print\(|\w[\w.\[\]]* ?=)|\w\(")


def escape(text: str) -> str:
    """Plain text as Markdown that shows it, sign for sign. White space stays; `lines` sees to the starts of lines."""
    text = re.sub(r"[\\`*$]", r"\\\g<0>", clean(text))
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)
    text = re.sub(r"<(?=[A-Za-z0-9/!?])|&(?=[#A-Za-z0-9])|\](?=[(\[:])", r"\\\g<0>", text)
    return re.sub(r"(?<=\{)\{", r"\\{", text)


def lines(text: str) -> str:
    """Lines of a paragraph, none of which begins like a heading, a list, a quotation, a rule or a table."""
    return LINE_START.sub(lambda m: f"\\{m['sign']}" if m["sign"] else f"{m['number']}\\{m['dot']}", text)


def literal(text: str) -> str:
    """Text that Markdown or an answer takes letter for letter, with braces that nothing fills in."""
    return clean(text).replace("{{", BRACES)


def unfilled(markdown: str) -> str:
    """Markdown as it was written elsewhere, with nothing in it that code would fill in."""
    return re.sub(r"\{\{(?= )", r"{\\{", clean(markdown))


def code_span(text: str) -> str:
    """Code within a line."""
    text = SPACE.sub(" ", text)
    if not text.strip():
        return text
    tick = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    edged = text[0] in "` " or text[-1] in "` "
    return literal(f"{tick} {text} {tick}" if edged else f"{tick}{text}{tick}")


def listing(text: str) -> str:
    """A listing between fences."""
    text = re.sub(r"\r\n?", "\n", text).rstrip("\n ")
    while text.startswith("\n"):
        text = text[1:]
    fence = "`" * (max((len(run) for run in re.findall(r"`{3,}", text)), default=2) + 1)
    return literal(f"{fence}{language_of(text)}\n{text}\n{fence}")


def language_of(text: str) -> str:
    """`python` if a listing is Python and does more than name something, else `text`."""
    if not PYTHON.search(text):
        return "text"
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "text"
    return "python"


def formula(tex: str, block: bool = False) -> str | None:
    """TeX between dollar signs as we draw it; None if it cannot be drawn."""
    tex = SPACE.sub(" ", clean(tex)).strip()
    tex = ENVIRONMENT.sub(_environment, tex)
    tex = FUNCTIONS.sub(r"\\operatorname{\1}", tex)
    tex = re.sub(r"(?<!\\)((?:\\\\)*)\$", r"\1", tex)  # maths inside of maths
    tex = re.sub(r"(?<=\{)\{", " {", tex)
    if not tex:
        return None
    if re.search(r"(?<!\\)(?:\\\\)*\\$", tex):
        tex += "{}"
    made = f"$${tex}$$" if block else f"${tex}$"
    try:
        shown = to_inline(made)
    except MarkupError:
        return None
    return made if "<math" in shown and "$" not in re.sub(r"<math .*?</math>", "", shown, flags=re.DOTALL) else None


def _environment(found: re.Match[str]) -> str:
    ours = ENVIRONMENTS.get(found[2], ENVIRONMENTS.get(found[2].rstrip("*"), ""))
    return f"\\{found[1]}{{{ours}}}" if ours else ""


def blank_mark(name: str) -> str:
    """What stands for a blank until its text is whole; no text from elsewhere has these control characters."""
    return f"\x0e{name}\x0f"


def with_blanks(markdown: str) -> str:
    """A stem with its blanks as `[[name]]`; text of its own that reads like a blank gets a space."""
    return re.sub(r"\x0e([a-z0-9]+)\x0f", r"[[\1]]", RAW_BLANK.sub("[ ", markdown))


def mended(text: str, note: Callable[[str], None], shown: Callable[[str, str], str]) -> str:
    """A text that is Markdown already, mended where ours says things in another way.

    Args:
        text: as it was written elsewhere.
        note: is told of losses.
        shown: from a picture's address and words to it in our Markdown; nothing where it is not taken over.
    """
    return "\n\n".join(_mended(text.replace("\r\n", "\n").replace("\r", "\n"), note, shown))


def _mended(text: str, note: Callable[[str], None], shown: Callable[[str, str], str]) -> Iterator[str]:
    for kind, body in _paragraphs(text):
        if kind == "listing":
            language, _, code = body.partition("\n")
            yield f"```{_known(language) or language_of(code)}\n{unfilled_listing(code)}\n```"
            continue
        said = IMAGE.sub(lambda m: shown(m[2], re.sub(r"\\(.)", r"\1", m[1])) or f"[{m[1] or 'image'}]", body)
        said = unfilled(FUNCTIONS.sub(r"\\operatorname{\1}", said))
        try:
            to_html(said)
        except MarkupError as error:
            note(f"it cannot be drawn and stands as plain text ({error})")
            said = escape(said)
        yield said


def unfilled_listing(code: str) -> str:
    """Lines of a listing, with nothing in them that would be filled in or would end it."""
    return literal(code.replace("```", "` ` `"))


def _known(language: str) -> str:
    return language if language in ("python", "text", "bash", "json", "yaml") else ""


def _paragraphs(text: str) -> Iterator[tuple[str, str]]:
    rows: list[str] = []
    fence = ""
    for row in [*text.split("\n"), ""]:
        found = FENCE.match(row)
        if fence:
            if found and found[1].startswith(fence) and not found[2]:
                yield "listing", "\n".join(rows)
                rows, fence = [], ""
            else:
                rows.append(row)
        elif found or not row.strip():
            if rows:
                yield "text", "\n".join(rows)
            rows, fence = ([found[2]], found[1]) if found else ([], "")
        else:
            rows.append(row.rstrip())
    if fence:
        yield "listing", "\n".join(rows)
