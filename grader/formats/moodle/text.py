"""What Moodle's two formats share when they are written: HTML with TeX, categories, fractions, texts that are typed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grader.formats.model.pools import Pool, Question
from grader.formats.model.registry import Losses
from grader.formats.model.richtext import Image, Style, rich
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedPart

STYLE = Style(maths="tex-parens", code="inline", xml=False)
POOL = "Pool: "  # begins the name of a category of which a quiz is to draw one question
# What Moodle lets an answer earn, in percent (question/engine/bank.php, the list of fractions).
LISTED = (
    *(100.0, 90.0, 83.33333, 80.0, 75.0, 70.0, 66.66667, 60.0, 50.0, 40.0, 33.33333, 30.0, 25.0, 20.0),
    *(16.66667, 14.28571, 12.5, 11.11111, 10.0, 5.0),
)
ONE_LINE = "<p>Type the lines of the output as one line, with a space between them.</p>"


def moodle_html(html: str, image: Image | None = None) -> str:
    """A fragment as Moodle shows it: TeX between `\\(` and `\\)` for MathJax, listings with colours of their own."""
    return rich(html, STYLE, image)


def category_path(bank: RenderedBank, pool: Pool | None = None) -> str:
    """The category of a bank, or of a pool in it. A slash in a name is written twice."""
    names = [bank.title] + ([POOL + pool.id] if pool else [])
    return "/".join(["$course$", "top", *[" ".join(name.split()).replace("/", "//") for name in names]])


def percent(share: float) -> str:
    """Percent as Moodle lists it: 33.33333, not 33."""
    return f"{share:.5f}".rstrip("0").rstrip(".") if share else "0"


@dataclass(frozen=True)
class Weighed:
    """An option of an item with boxes, and the percent that ticking it earns."""

    html: str
    feedback: str
    percent: float


def weighed(item: RenderedItem, part: RenderedPart, losses: Losses) -> list[Weighed]:
    """Boxes with their percents: right ones share 100, a wrong one takes back what a right one earns.

    That is `right-minus-wrong`. Under `all-or-nothing` a wrong tick takes everything, but some of the right ticks still
    earn their share, which is told; `per-part` does not exist here.
    """
    of = sum(option.true for option in part.options)
    shares = shares_of(of)
    if len(set(shares)) > 1:
        said = (
            f"{shares.count(10.0)} of {of} right options earn 10 %, the others 5 %: Moodle's list has no {100 / of:.5f}"
        )
        losses.add(item.id, "partial credit", said)
    back = shares[0] if shares else 100.0
    if item.credit == "all-or-nothing":
        back = 100.0
        if of > 1:
            losses.add(item.id, "partial credit", "some of the right options without a wrong one earn their share")
    elif item.credit == "per-part":
        losses.add(item.id, "partial credit", "right ticks less wrong ticks count, not boxes in the right state")
    left = iter(shares)
    return [Weighed(o.html, o.feedback, next(left) if o.true else -back) for o in part.options]


def shares_of(count: int) -> list[float]:
    """What each of `count` right options earns, in percent: of Moodle's list, 100 together, or its import stops.

    Up to ten they earn the same; from 11 to 20 some earn 10 and some 5.
    """
    same = [listed for listed in LISTED if abs(listed - 100 / max(count, 1)) < 0.001]
    if same:
        return same[:1] * count
    return [10.0] * (20 - count) + [5.0] * (2 * count - 20)


@dataclass(frozen=True)
class Typed:
    """A text that may be typed, the percent that it earns, and the feedback; `*` stands for every other text."""

    text: str
    feedback: str
    percent: float


def typed(item: RenderedItem, part: RenderedPart, losses: Losses) -> list[Typed]:
    """Texts with their verdicts. Several lines become one, as Moodle asks for a line; its sign `*` is escaped."""
    found = []
    for answer in part.answers:
        if "\n" in answer.answer:
            losses.add(item.id, "code", "the lines of the output are typed as one line")
        text = " ".join(answer.answer.split("\n")).replace("*", "\\*")
        found.append(Typed(text, answer.feedback, 100.0 if answer.credit > 0 else 0.0))
    return [*found, Typed("*", part.other, 0.0)]


def asks_for_lines(part: RenderedPart) -> bool:
    """Whether a text of several lines is to be typed."""
    return part.kind == "text" and any("\n" in answer.answer for answer in part.answers)


def in_categories(bank: RenderedBank, found: tuple[Pool, ...]) -> Iterator[tuple[str, tuple[Question, ...]]]:
    """Questions by category: single ones in the bank's, then a category for each pool of several."""
    alone = tuple(question for pool in found if len(pool.questions) == 1 for question in pool.questions)
    if alone:
        yield category_path(bank), alone
    for pool in found:
        if len(pool.questions) > 1:
            yield category_path(bank, pool), pool.questions


def pairs_of(question: Question) -> tuple[list[tuple[str, str]], list[str]]:
    """(left, right) of each pair of a match item in HTML, and the right sides that belong to none."""
    parts = question.variant.parts
    found = [(part.label, option.html) for part in parts for option in part.options if option.true]
    used = {right for _, right in found}
    return found, [option.html for option in parts[0].options if option.html not in used]


def entries_of(question: Question) -> list[str]:
    """The entries of an order item in HTML, in the right order."""
    return [option.html for part in question.variant.parts for option in part.options if option.true]
