"""GIFT: Moodle's questions as text. Grammar: docs.moodle.org, "GIFT format"; where it is silent, as Moodle reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from grader.formats.model.xmltext import clean
from grader.formats.moodle.fractions import (
    BLANK_NAME,
    Graded,
    NotUnderstoodError,
    Stem,
    choice_item,
    match_item,
    numeric_item,
    order_credit,
    order_item,
    true_false_item,
    typed_item,
)
from grader.formats.reading import prose
from grader.formats.reading.drafts import Draft, Drafts, from_tags, slug
from grader.formats.reading.numbers import Span, read_decimal, span_as_spelt
from grader.formats.reading.spelling import blank_mark

# An escaped sign is kept as a control character, which no text has, until the text is taken apart.
ESCAPED = {"\\": "\x01", ":": "\x02", "#": "\x03", "=": "\x04", "{": "\x05", "}": "\x06", "~": "\x07", "n": "\x08"}
MEANT = {place: ("\n" if sign == "n" else sign) for sign, place in ESCAPED.items()}
CATEGORY = "$CATEGORY:"
POOL = "Pool: "  # how our exports call a category of which a quiz draws one question
COMMENT_MARK = re.compile(r"\[(id|tag):([^\]\x00-\x1f]{1,300})\]")
FORMAT = re.compile(r"^\s*\[(html|markdown|plain|moodle)\]")
PLAIN_START = re.compile(r"[^\W_]|[\x01-\x08<$(\[\"'-]")  # of a text that needs no = before it
WEIGHT = re.compile(r"^\s*%(-?\d{1,3}(?:\.\d{0,10})?)%")
# What stands before the entries of Moodle's ordering: how many are shown, which, how they lie, the rule of the marks,
# whether the marks are told, and how entries are numbered. All but the first may be missing.
ORDER = re.compile(
    r">[ \t]*\d{1,4}(?:[ \t]+(?P<shown>ALL|EXACT|RANDOM|REL|CONTIGUOUS|CONTIG))?"
    r"(?:[ \t]+(?:HORIZONTAL|HORI|H|1|VERTICAL|VERT|V|0))?"
    r"(?:[ \t]+(?P<rule>ALL_OR_NOTHING|ABSOLUTE_POSITION|ABSOLUTE|ABS|RELATIVE_NEXT_EXCLUDE_LAST"
    r"|RELATIVE_NEXT_INCLUDE_LAST|RELATIVE_ONE_PREVIOUS_AND_NEXT|RELATIVE_ALL_PREVIOUS_AND_NEXT|RELATIVE_TO_CORRECT"
    r"|RELATIVE|REL|LONGEST_ORDERED_SUBSET|LONGEST_CONTIGUOUS_SUBSET))?"
    r"(?:[ \t]+(?:SHOW|TRUE|YES|1|HIDE|FALSE|NO|0))?(?:[ \t]+(?P<numbers>none|123|abc|ABCD|iii|IIII))?[ \t]*(?:\n|$)"
)
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
        re.search(r"\{\s*(?:[=~#]|>\s*\d|T\b|F\b|TRUE\b|FALSE\b|\})", bare) and re.search(r"\}", bare)
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
    end = text.find("}")
    first = _meant(re.sub(r"<[^>]{0,500}>", " ", FORMAT.sub("", text[:start] if start >= 0 else text)))
    name = drafts.name(block.name or title or first, f"line-{block.line}")
    if start < 0 and end < 0:
        drafts.note(name, "description", "a text without answers; it is left out", block.line)
        return
    if start < 0 or end < start or "{" in text[start + 1 : end] or re.search("[{}]", text[end + 1 :]):
        drafts.note(
            name, "braces", "braces without a partner, or two pairs; write \\{ for the sign. Left out", block.line
        )
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
    try:
        _answers(reader, stem, answers.strip())
    except NotUnderstoodError as error:
        drafts.note(stem.name, "answers", f"{error}; the question is left out", stem.line)


def _answers(reader: _Reader, stem: Stem, answers: str) -> None:
    """By the first signs of the answers, in the order in which Moodle looks at them."""
    drafts = reader.drafts
    bare = answers.split("#", 1)[0].strip() if answers.find("#") > 0 else answers
    if not answers:
        drafts.note(stem.name, "essay", "an essay, which nothing scores; it is left out", stem.line)
    elif answers.startswith("#"):
        _number(reader, stem, answers[1:])
    elif answers.startswith(">"):
        _order(reader, stem, answers)
    elif "~" in answers:
        parts = _parts(answers)
        graded = [reader.graded(sign, body) for sign, body in parts]
        choice_item(drafts, stem, graded, single=any(sign == "=" for sign, _ in parts))
    elif "=" in answers and "->" in answers:
        _match(reader, stem, answers)
    elif bare.upper() in TRUE + FALSE:
        _, wrong, right = (*(reader.text(part) for part in answers.split("#", 2)), "", "")[:3]
        true = bare.upper() in TRUE
        true_false_item(drafts, stem, true, right if true else wrong, wrong if true else right)
    else:
        if not answers.startswith("=") and (not PLAIN_START.match(answers) or answers.count("#") > 1 or ":" in answers):
            raise NotUnderstoodError(f"{_meant(answers)[:40]!r} is no answer; a text to be typed has = before it")
        typed_item(drafts, stem, [reader.graded(sign, body, plain=True) for sign, body in _parts(answers, alone=True)])


def _parts(answers: str, alone: bool = False) -> list[tuple[str, str]]:
    """Answers with the sign before each. An answer `alone`, a text of one line, is right without a sign.

    Raises:
        NotUnderstoodError: another has none.
    """
    pieces = re.split(r"([=~])", answers)
    first = pieces[0].strip()
    if first and (len(pieces) > 1 or not alone or "\n" in first):
        raise NotUnderstoodError(f"{_meant(first)[:40]!r} has neither = nor ~ before it")
    found = [("=", first)] if first else []
    return found + [(pieces[n], pieces[n + 1]) for n in range(1, len(pieces) - 1, 2)]


def _number(reader: _Reader, stem: Stem, answers: str) -> None:
    found = []
    alone = not re.search("[=~]", answers)
    for sign, body in _parts(answers, alone):
        graded = reader.graded("=" if sign == "=" else "~", body, plain=True, empty=sign == "~")
        spelt = graded.text.strip()
        span = _span(spelt)
        if span is None and graded.percent > 0 and spelt != "*":
            raise NotUnderstoodError(f"{spelt[:40]!r} is no number")
        if span is None and spelt not in ("", "*"):
            reader.drafts.note(stem.name, "answers", f"{spelt[:40]!r} is no number; it is left out", stem.line)
            continue
        found.append(Graded(graded.percent, spelt, graded.feedback, span))
    numeric_item(reader.drafts, stem, found)


def _span(spelt: str) -> Span | None:
    """`3..4` or `3.5:0.5` or `3.5`."""
    low, dots, high = spelt.partition("..")
    if not dots:
        value, colon, margin = spelt.partition(":")
        return span_as_spelt(value, margin if colon else "0")
    ends = read_decimal(low), read_decimal(high)
    return None if ends[0] is None or ends[1] is None or ends[0] > ends[1] else Span(ends[0], ends[1])


def _order(reader: _Reader, stem: Stem, answers: str) -> None:
    """Moodle's ordering: a line that says how, then the entries in the right order, one a line."""
    head = ORDER.match(answers)
    entries = [line.strip() for line in answers[head.end() :].split("\n") if line.strip()] if head else []
    if head is None or len(entries) < 2:
        what = "has fewer than two entries, each on a line of its own" if head else "is no ordering of Moodle's"
        raise NotUnderstoodError(f"{_meant(answers.split(chr(10))[0])[:60]!r} {what}")
    if head["numbers"] is None and re.match(r"(?:[01HV]|[A-Z_]{2,}|none|123|abc|iii)\b", entries[0]):
        raise NotUnderstoodError(f"{_meant(entries[0])[:40]!r} may be an entry, or say how the entries are shown")
    credit = order_credit(reader.drafts, stem, head["rule"] or "", head["shown"] or "RANDOM")
    order_item(reader.drafts, stem, [reader.text(entry, inline=True) for entry in entries], "", "", credit)


def _match(reader: _Reader, stem: Stem, answers: str) -> None:
    pairs, others = [], []
    for _, body in _parts(answers, alone=True):
        left, arrow, right = body.partition("->")
        if not arrow or not right.strip() or "#" in body:
            raise NotUnderstoodError(f"{_meant(body).strip()[:40]!r} is no pair: a left side, ->, and a right side")
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
            return prose.of_markdown(said, note, self.drafts.pictures.of())
        if kind == "plain" or (kind == "moodle" and not re.search(r"<[a-zA-Z/!]|&[a-zA-Z#]", said)):
            return prose.plain_text(said, note, inline=inline)
        return prose.to_markdown(said, note, self.drafts.pictures.of(), inline=inline)

    def graded(self, sign: str, body: str, plain: bool = False, empty: bool = False) -> Graded:
        """An answer with its weight and feedback; `empty` allows one without text.

        Raises:
            NotUnderstoodError: its weight cannot be read, or it has no text.
        """
        weight = WEIGHT.match(body)
        percent = float(weight[1]) if weight else (100.0 if sign == "=" else 0.0)
        said, _, feedback = (body[weight.end() :] if weight else body).partition("#")
        if abs(percent) > 100 or (weight is None and said.lstrip().startswith("%")):
            raise NotUnderstoodError(f"the weight of {_meant(body).strip()[:40]!r} is no percent from -100 to 100")
        text = FORMAT.sub("", _meant(said)).strip() if plain else self.text(said)
        if not FORMAT.sub("", said).strip() and not empty:
            raise NotUnderstoodError("an answer has no text")
        return Graded(percent, text, self.text(feedback))


def _meant(text: str) -> str:
    return "".join(MEANT.get(sign, sign) for sign in text)
