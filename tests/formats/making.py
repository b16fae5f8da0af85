"""Banks made by hypothesis: items of every type, with texts full of what formats trip over."""

from __future__ import annotations

from hypothesis import strategies as st

from grader.quizzes.keyed import Answer
from grader.quizzes.markup import MarkupError, to_html, to_inline, to_plain
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedOption, RenderedPart, RenderedVariant
from grader.quizzes.spellings import accepted_numbers, half_unit
from labkit.quiz.answers import fixed_notation, read_answer
from tests.formats.pictures import gif, jpeg, png, uri

PIECES = [
    "a",
    "b",
    " ",
    "{",
    "}",
    "=",
    "~",
    "#",
    ":",
    "\\$",
    "\\\\",
    "%",
    "&",
    "<",
    ">",
    '"',
    "'",
    "é",
    "漢",
    "𝜋",
    "]]>",
]
PIECES += ["$x^2 < y$", "`c  d`", "*em*", "**strong**", "->", "--", "&amp;", "<b>", "|", "1. ", "?", "\u200b", "\x0b"]
PIECES += [
    f"![{words}](pictures/{kind}.{kind})" for kind, words in (("png", "a \\$ [b] <c>"), ("jpg", "d"), ("gif", ""))
]
SHOWN = {"png": uri(png(3)), "jpg": uri(jpeg()), "gif": uri(gif())}
BLOCKS = ["\n\n```python\nif a < b:\n\n    print('&')\n```\n\n", "\n\n$$\\sum_i x_i$$\n\n", "\n\n- one\n- two\n\n"]
BLOCKS += ["\n\n| a | b |\n|:-:|---|\n| 1 | 2 |\n\n", "\n\n1. one\n2. two\n\n", "\n\n> said\n\n", "\n\n## Title\n\n"]


def inline() -> st.SearchStrategy[str]:
    """HTML without blocks, not empty."""
    return st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join).map(_inline)


def blocks() -> st.SearchStrategy[str]:
    """HTML of blocks, not empty."""
    return st.lists(st.sampled_from(PIECES + BLOCKS), min_size=1, max_size=12).map("".join).map(_blocks)


def _inline(text: str) -> str:
    try:
        return _shown(to_inline(text)) or "x"
    except MarkupError:
        return _shown(to_inline(text.replace("$", ""))) or "x"


def _blocks(text: str) -> str:
    try:
        return _shown(to_html(text)) or "<p>x</p>"
    except MarkupError:
        return _shown(to_html(text.replace("$", ""))) or "<p>x</p>"


def _shown(html: str) -> str:
    """With the pictures that lie beside a bank."""
    for kind, address in SHOWN.items():
        html = html.replace(f'src="pictures/{kind}.{kind}"', f'src="{address}"')
    return html


@st.composite
def options(draw: st.DrawFn, most: int = 20, several: bool = False) -> tuple[RenderedOption, ...]:
    """Options, one of them true, or some."""
    texts = draw(st.lists(blocks(), min_size=2, max_size=most, unique=True))
    true = draw(st.sets(st.sampled_from(range(len(texts))), min_size=1, max_size=len(texts) if several else 1))
    feedback = draw(st.lists(st.one_of(st.just(""), blocks()), min_size=len(texts), max_size=len(texts)))
    fixed = draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    made = zip(texts, feedback, fixed, strict=True)
    return tuple(RenderedOption(t, to_plain(t), n in true, f, fixed=x) for n, (t, f, x) in enumerate(made))


@st.composite
def numbers(draw: st.DrawFn, name: str = "p1") -> RenderedPart:
    """A number to type, with its tolerance and a wrong value."""
    decimals = draw(st.integers(0, 4))
    value = draw(st.floats(-1000, 1000))
    tolerance = draw(st.one_of(st.none(), st.integers(0, 3).map(lambda n: n * 10.0**-decimals)))
    right = draw(st.one_of(st.just(""), blocks()))
    answers = [Answer(spelling, 1, right) for spelling in accepted_numbers(value, tolerance, decimals)]
    wrong = fixed_notation(value + draw(st.sampled_from([-50.0, 50.0])), decimals)
    answers.append(Answer(wrong, 0, draw(blocks())))
    reach = half_unit(decimals) if tolerance is None else tolerance
    return RenderedPart(
        name,
        "number",
        draw(inline()),
        answers=tuple(answers),
        other=draw(st.one_of(st.just(""), blocks())),
        value=value,
        tolerance=reach,
        decimals=decimals,
        unit=draw(st.sampled_from(["", "nats", "%", "<m>"])),
    )


@st.composite
def texts(draw: st.DrawFn, name: str = "p1", code: bool = False) -> RenderedPart:
    """A text to type."""
    case = draw(st.booleans()) or code
    written = draw(st.lists(st.text(min_size=1, max_size=20), min_size=2, max_size=5))
    read = [read_answer("text", text, case=case, code=code).answer for text in written]
    known = list(dict.fromkeys(text for text in read if text.strip())) or ["x"]
    answers = [Answer(text, int(place == 0), draw(blocks())) for place, text in enumerate(known)]
    other = draw(st.one_of(st.just(""), blocks()))
    return RenderedPart(name, "text", draw(inline()), answers=tuple(answers), other=other, case=case, code=code)


@st.composite
def parts_of(draw: st.DrawFn, kind: str, name: str) -> tuple[RenderedPart, ...]:
    """The parts of an item of a type."""
    if kind in ("single", "multiple"):
        several = kind == "multiple"
        made = draw(options(several=several))
        return (RenderedPart("p1", "boxes" if several else "choice", options=made, pool=name),)
    if kind == "numeric":
        return (draw(numbers()),)
    if kind == "code-output":
        return (draw(texts(code=True)),)
    if kind == "cloze":
        menu = tuple(
            RenderedOption(text, to_plain(text), place == 0, draw(blocks()))
            for place, text in enumerate(draw(st.lists(inline(), min_size=2, max_size=4, unique=True)))
        )
        return (
            draw(numbers("b1")),
            draw(texts("b2")),
            RenderedPart("b3", "choice", draw(inline()), menu, f"{name}/b3"),
        )
    entries = draw(st.lists(inline(), min_size=2, max_size=8, unique=True))
    right, wrong = draw(blocks()), draw(st.one_of(st.just(""), blocks()))
    asked = len(entries) if kind == "order" else draw(st.integers(2, len(entries)))
    labels = [f"Place {place + 1}" if kind == "order" else draw(inline()) for place in range(asked)]
    return tuple(
        RenderedPart(
            f"p{place + 1}",
            "choice",
            labels[place],
            tuple(
                RenderedOption(entry, to_plain(entry), n == place, right if n == place else wrong)
                for n, entry in enumerate(entries)
            ),
            name,
            other=wrong,
        )
        for place in range(asked)
    )


RULES = {"multiple": ["right-minus-wrong", "per-part", "all-or-nothing"]}
RULES |= {kind: ["per-part", "all-or-nothing"] for kind in ("order", "match", "cloze")}


@st.composite
def items(draw: st.DrawFn, kinds: tuple[str, ...], name: str = "made") -> RenderedItem:
    """An item of one of these types, with one or two variants."""
    kind = draw(st.sampled_from(kinds))
    variants = []
    for number in range(draw(st.integers(1, 2))):
        stem = draw(blocks())
        if kind == "cloze":
            stem += "".join(f'<p>{draw(inline())} <span data-part="b{n}"></span></p>' for n in (1, 2, 3))
        variants.append(RenderedVariant(number, stem, to_plain(stem), draw(parts_of(kind, name))))
    return RenderedItem(
        id=name,
        title=draw(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)),
        type=kind,
        objective="do <this> & that",
        lab="05-dpo",
        points=draw(st.sampled_from([1.0, 1.5, 2.0])),
        credit=draw(st.sampled_from(RULES.get(kind, ["all-or-nothing"]))),
        review=None,
        variants=tuple(variants),
    )


def bank_of(*made: RenderedItem) -> RenderedBank:
    """A bank of these items."""
    groups = tuple((item.id,) for item in made)
    note = "<p>For <em>tests</em>.</p>"
    return RenderedBank("made", "Made & tried", "practice", 0.7, None, True, note, groups, made)


def banks(kinds: tuple[str, ...]) -> st.SearchStrategy[RenderedBank]:
    """Banks of one item."""
    return items(kinds).map(bank_of)
