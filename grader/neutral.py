r"""Text cells of students without anything that acts: links lead to http(s), mailto or an anchor, and all else is text.

Whether a renderer sees a link, a tag or a formula depends on the renderer, and several show one notebook: nbconvert's
in formgrader and in feedback, JupyterLab's, MathJax after both. So nothing is parsed here. Every sign without which no
renderer sees anything active is written as an entity, or gets a space inside code and formulas, where an entity would
show: the text reads as before. What stays a link is spelt so plainly that no renderer can read another address in it.
See CommonMark 0.31, sections 2.5, 4.5, 4.7 and 6.3 to 6.6.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from grader.text import StudentText, student_lines

MAX_CHARACTERS = 100_000
# A host with a dot and a name at its end. Numbers and `localhost` would lead to the machine that shows the page.
HOST = r"(?:[a-z0-9][a-z0-9-]{0,62}\.)+(?!localhost\b)[a-z][a-z0-9-]{1,62}(?::[0-9]{1,5})?\.?(?![\w.@:%\\-])"
ADDRESS = rf"(?:https?://{HOST}(?:[/?\#][\w./?\#=&%+,:@~-]*)?|mailto:[\w.%+-]+@[\w.-]+|\#[\w.:%-]*)"
# Commands of TeX that make links, load extensions or write attributes, in MathJax 2 to 4.
COMMANDS = r"(?:href|url|require|class|cssid|style|data|html\w*|mmltoken|special|includegraphics|autoload)"
ACTIVE = re.compile(
    rf"""
      (?P<plain>      < (?:{ADDRESS}) > )                                # a link in angle brackets
    | (?P<tag>        < (?=[a-z/!?]) )                                   # HTML, and other such links
    | (?P<entity>     & (?:\#x?[0-9a-f]+|[a-z][a-z0-9]*) ;? )            # letters that are not seen as such
    | (?P<link>       (?<=\]) \( (?!{ADDRESS}\)) )                       # [text](address) and ![text](address)
    | (?P<definition> (?<=\]) : (?![ \t]*{ADDRESS}[ \t]*$) )             # [name]: address
    | (?P<image>      ! (?=\[) )                                         # would be fetched without a click
    | (?P<address>    (?:(?<=http)|(?<=https)) : (?=//) (?!//{HOST}) )   # made a link as it stands
    | (?P<command>    \\ (?={COMMANDS}(?![a-z])) )
    | (?P<diagram>    (?:(?<=```)|(?<=~~~)) [^\S\n]* (?=mermaid) )       # nbconvert passes its HTML through
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
LITERAL = re.compile(r"`[^`\n]+`|\$\$[^$]+\$\$|\$[^$\n]+\$")
HARMLESS = frozenset("<>&\"'")


def neutral(source: str) -> StudentText:
    """The source of a text cell, in which nothing acts, and which reads as it was written; see the module."""
    text = student_lines(source, MAX_CHARACTERS)
    literal = bytearray(len(text))
    for start, end in _literal(text):
        literal[start:end] = b"\1" * (end - start)

    def replaced(found: re.Match[str]) -> str:
        sign, kind = found[0], found.lastgroup
        if kind == "entity" and _is_harmless(html.unescape(sign), sign):
            return sign
        if kind == "diagram":
            return "text "
        if kind == "command":  # MathJax reads the page, where an entity is a backslash again
            return "\\ "
        if literal[found.start()]:
            return f" {sign}" if kind in ("link", "definition") else f"{sign[0]} {sign[1:]}"
        if kind == "plain":
            return f" {sign[1:-1]}"  # a space: what stands before may be another `<`
        return f"{html.escape(sign[0]) if sign[0] in '<&' else f'&#{ord(sign)};'}{sign[1:]}"

    return StudentText(ACTIVE.sub(replaced, text))


def _is_harmless(meant: str, sign: str) -> bool:
    """Whether an entity stands for a letter that no syntax is made of, such as `&alpha;`, or is none at all."""
    if meant == sign or meant in HARMLESS:
        return True
    return all(ord(letter) > 127 and (letter.isprintable() or letter.isspace()) for letter in meant)


def _literal(text: str) -> Iterator[tuple[int, int]]:
    """Where code and formulas probably stand. It decides how a sign is defused, never whether it is."""
    yield from (found.span() for found in LITERAL.finditer(text))
    place, opened, began = 0, "", 0
    for line in text.splitlines(keepends=True):
        found = FENCE.match(line)
        if found and not opened:
            opened, began = found[1], place + len(line)
        elif found and found[1].startswith(opened):
            yield began, place
            opened = ""
        place += len(line)
    if opened:
        yield began, place
