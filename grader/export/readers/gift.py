"""GIFT: Moodle's questions as text. Grammar: docs.moodle.org, "GIFT format"; where it is silent, as Moodle reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from grader.export.readers import prose
from grader.export.readers.drafts import Draft, Drafts, from_tags, slug
from grader.export.readers.fractions import (
    BLANK_NAME,
    Graded,
    Stem,
    choice_item,
    match_item,
    numeric_item,
    true_false_item,
    typed_item,
)
from grader.export.readers.numbers import around, read_decimal
from grader.export.readers.spelling import blank_mark, mended
from grader.export.xmltext import clean

# An escaped sign is kept as a control character, which no text has, until the text is taken apart.
ESCAPED = {"\\": "\x01", ":": "\x02", "#": "\x03", "=": "\x04", "{": "\x05", "}": "\x06", "~": "\x07", "n": "\x08"}
MEANT = {place: ("\n" if sign == "n" else sign) for sign, place in ESCAPED.items()}
CATEGORY = "$CATEGORY:"
POOL = "Pool: "  # how our exports call a category of which a quiz draws one question
COMMENT_MARK = re.compile(r"\[(id|tag):([^\]\x00-\x1f]{1,300})\]")
FORMAT = re.compile(r"^\s*\[(html|markdown|plain|moodle)\]")
WEIGHT = re.compile(r"^\s*%(-?\d{1,3}(?:\.\d{0,10})?)%")
TRUE, FALSE = ("T", "TRUE"), ("F", "FALSE")
HERE = "\x0b"  # where an answer stands inside a text


@dataclass
class _Block:
    """The lines of one question."""

    line: int
    rows: list[str] = field(default_factory=list)
    name: str = ""
    tags: list[str] = field(default_factory=list)


def looks_like(text: str) -> bool:
    """Whether a text has a question with answers in braces, or a category line."""
    bare = re.sub(r"\\.", "", text)
    return bool(re.search(r"(?m)^\s*\$CATEGORY:|^\s*::[^\n]*::", bare)) or bool(
        re.search(r"\{\s*(?:[=~#]|T\b|F\b|TRUE\b|FALSE\b|\})", bare) and re.search(r"\}", bare)
    )


def read(text: str, file: str) -> Draft:
    """Read a file of GIFT."""
    drafts = Drafts(file)
    pool = ""
    for block in _blocks(clean(text).replace("\r\n", "\n").replace("\r", "\n")):
        if block.rows and block.rows[0].lstrip().startswith(CATEGORY):
            path = block.rows.pop(0).lstrip()[len(CATEGORY) :].strip()
            pool = category(drafts, path)
            block.line += 1
        if block.rows:
            _question(drafts, block, pool)
    return drafts.done()


def category(drafts: Drafts, path: str) -> str:
    """The group that a category stands for, if it is a pool of ours; the first category names the bank."""
    steps = [step.replace("\0", "/").strip() for step in path.replace("//", "\0").split("/")]
    steps = [step for step in steps if step and step not in ("top", "$course$", "$system$", "$cat1$", "$module$")]
    pool = bool(steps) and steps[-1].startswith(POOL)
    named = [step for step in steps if not step.startswith(POOL)]
    if named and not drafts.title:
        drafts.title = named[0]
    return slug(steps[-1][len(POOL) :]) if pool else ""


def _blocks(text: str) -> Iterator[_Block]:
    """Questions, which empty lines part. Comments go; what they say about id and tags of the next question stays."""
    block = _Block(1)
    name = ""
    tags: list[str] = []
    for number, row in enumerate([*text.split("\n"), ""], start=1):
        if row.strip().startswith("//"):
            for what, value in COMMENT_MARK.findall(row):
                name, tags = (value.strip(), tags) if what == "id" else (name, [*tags, value.strip()])
        elif row.strip():
            if not block.rows:
                block.line = number
            block.rows.append(row)
        elif block.rows:
            block.name, block.tags = name, tags
            yield block
            block, name, tags = _Block(number + 1), "", []


def _question(drafts: Drafts, block: _Block, pool: str) -> None:
    text = re.sub(r"\\([\\:#={}~n])", lambda m: ESCAPED[m[1]], "\n".join(block.rows).strip())
    title = ""
    if text.startswith("::") and "::" in text[2:]:
        title, _, text = text[2:].partition("::")
        title = _meant(title).strip()
    start = text.find("{")
    end = text.find("}", start)
    first = _meant(re.sub(r"<[^>]{0,500}>", " ", FORMAT.sub("", text[:start] if start >= 0 else text)))
    name = drafts.name(block.name or title or first, f"line-{block.line}")
    if start < 0 and end < 0:
        drafts.note(name, "description", "a text without answers; it is left out", block.line)
        return
    if start < 0 or end < 0:
        drafts.note(name, "braces", "a brace is not closed or not opened; write \\{ for the sign. Left out", block.line)
        return
    answers, after = text[start + 1 : end].strip(), text[end + 1 :].rstrip()
    kind = FORMAT.match(text)
    reader = _Reader(drafts, name, block.line, kind[1] if kind else "moodle")
    answers, _, general = answers.partition("####") if "####" in answers else (answers, "", "")
    more, rest = from_tags(block.tags)
    if rest:
        drafts.note(name, "tags", f"the tags {', '.join(rest)[:200]}", block.line)
    points = more.pop("points", None)
    if pool:
        more["group"] = pool
    told = text[:start] + (HERE + after if after else "")
    stem = Stem(name, title or first.strip()[:80], reader.stem(told), block.line, reader.text(general), points, more)
    _answers(reader, stem, answers.strip())


def _answers(reader: _Reader, stem: Stem, answers: str) -> None:
    """By the first signs of the answers, in the order in which Moodle looks at them."""
    drafts = reader.drafts
    bare = answers.split("#", 1)[0].strip() if answers.find("#") > 0 else answers
    if not answers:
        drafts.note(stem.name, "essay", "an essay, which nothing scores; it is left out", stem.line)
    elif answers.startswith("#"):
        _number(reader, stem, answers[1:])
    elif "~" in answers:
        parts = _parts(answers)
        graded = [reader.graded(sign, body) for sign, body in parts]
        choice_item(drafts, stem, graded, single=any(sign == "=" for sign, _ in parts))
    elif "=" in answers and "->" in answers:
        _match(reader, stem, answers)
    elif bare in TRUE + FALSE:
        _, wrong, right = (*(reader.text(part) for part in answers.split("#", 2)), "", "")[:3]
        true = bare in TRUE
        true_false_item(drafts, stem, true, right if true else wrong, wrong if true else right)
    else:
        typed_item(drafts, stem, [reader.graded("=", body, plain=True) for _, body in _parts(answers)])


def _parts(answers: str) -> list[tuple[str, str]]:
    """Answers with the sign before each; without a sign, the first is right."""
    pieces = re.split(r"([=~])", answers)
    found = [("=", pieces[0])] if pieces[0].strip() else []
    return found + [(pieces[n], pieces[n + 1]) for n in range(1, len(pieces) - 1, 2)]


def _number(reader: _Reader, stem: Stem, answers: str) -> None:
    found = []
    for sign, body in _parts(answers):
        graded = reader.graded("=" if sign == "=" else "~", body, plain=True)
        spelt = graded.text.strip()
        span = None
        low, dots, high = spelt.partition("..")
        value, _, margin = spelt.partition(":")
        ends = [read_decimal(part) for part in ((low, high) if dots else (value, margin or "0"))]
        if ends[0] is not None and ends[1] is not None:
            middle, half = ((ends[0] + ends[1]) / 2, abs(ends[1] - ends[0]) / 2) if dots else (ends[0], ends[1])
            span = around(Decimal(middle), Decimal(half))
        elif spelt not in ("", "*"):
            reader.drafts.note(stem.name, "answers", f"{spelt[:40]!r} is no number; it is left out", stem.line)
            continue
        found.append(Graded(graded.percent, spelt, graded.feedback, span))
    numeric_item(reader.drafts, stem, found)


def _match(reader: _Reader, stem: Stem, answers: str) -> None:
    pairs, others = [], []
    for _, body in _parts(answers):
        left, arrow, right = body.partition("->")
        if not arrow:
            reader.drafts.note(stem.name, "answers", f"{_meant(body)[:40]!r} has no ->; it is left out", stem.line)
            continue
        shown = prose.plain_text(_meant(right).strip(), reader.note("answers"), inline=True)
        if left.strip() and FORMAT.sub("", left).strip():
            pairs.append((reader.text(left, inline=True), shown))
        else:
            others.append(shown)
    match_item(reader.drafts, stem, pairs, others)


@dataclass
class _Reader:
    """Texts of one question, in the format that its stem names."""

    drafts: Drafts
    name: str
    line: int
    kind: str

    def note(self, what: str) -> prose.Note:
        """A place to tell what is lost of a field."""
        return lambda said: self.drafts.note(self.name, what, said, self.line)

    def stem(self, text: str) -> str:
        """The stem, with a blank where an answer stands inside the text."""
        if HERE not in text:
            return self.text(text)
        if self.kind in ("html", "moodle"):
            return self.text(text.replace(HERE, f'<span {prose.BLANK}="{BLANK_NAME}"></span>'))
        before, _, after = text.partition(HERE)
        return f"{self.text(before)} {blank_mark(BLANK_NAME)} {self.text(FORMAT.sub('', after))}".strip()

    def text(self, text: str, inline: bool = False) -> str:
        """A text as Markdown."""
        found = FORMAT.match(text)
        kind, said = (found[1], text[found.end() :]) if found else (self.kind, text)
        said = _meant(said).strip()
        note = self.note("texts")
        if kind == "markdown":
            return mended(said, note)
        if kind == "plain" or (kind == "moodle" and not re.search(r"<[a-zA-Z/!]|&[a-zA-Z#]", said)):
            return prose.plain_text(said, note, inline=inline)
        return prose.to_markdown(said, note, inline=inline)

    def graded(self, sign: str, body: str, plain: bool = False) -> Graded:
        """An answer with its weight and feedback."""
        weight = WEIGHT.match(body)
        percent = float(weight[1]) if weight else (100.0 if sign == "=" else 0.0)
        said, _, feedback = (body[weight.end() :] if weight else body).partition("#")
        text = FORMAT.sub("", _meant(said)).strip() if plain else self.text(said)
        return Graded(percent, text, self.text(feedback))


def _meant(text: str) -> str:
    return "".join(MEANT.get(sign, sign) for sign in text)
