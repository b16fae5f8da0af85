"""Cases of `sentence_rewards` and `pass_at_k`: texts and numbers."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from fractions import Fraction

from grader.checks import Case, Cases, Mistake

WORDS = re.findall(r"\w+", "This is a film that you will like or not see at all tonight with friends and wine")


def sentence(count: int, mark: str = ".") -> str:
    """A sentence of so many words."""
    return " ".join(WORDS[:count]) + mark


def right_rewards(texts: list[str], least: int = 8, most: int = 12) -> list[float]:
    """By patterns: no mark but the last character's."""
    if least > most:
        raise ValueError("least")
    whole = [re.fullmatch(r"\s*[^.!?]*[.!?]\s*", text) is not None for text in texts]
    counts = [sum(re.search(r"[^\W\d_]", word) is not None for word in text.split()) for text in texts]
    return [1.0 if one and least <= count <= most else 0.0 for one, count in zip(whole, counts, strict=True)]


def as_floats(test: object) -> object:
    """A mistake's answer from a test of one text."""
    return lambda texts, least=8, most=12: [float(test(text, least, most)) for text in texts]  # type: ignore[operator]


def words_of(text: str) -> int:
    """Words with a letter."""
    return sum(any(letter.isalpha() for letter in word) for word in text.split())


def marks_of(text: str) -> int:
    """How many of the three marks there are."""
    return sum(text.count(mark) for mark in ".!?")


def sentences() -> Iterator[Case]:
    """Texts of every length, marks of every kind and place."""
    for mark in ".!?":
        texts = [sentence(count, mark) for count in range(1, 17)]
        yield Case(f"lengths {mark}", (texts,), family="texts of every length")
        yield Case(f"lengths {mark} 3 to 5", (texts, 3, 5), family="other bounds")
        yield Case(f"lengths {mark} 10", (texts, 10, 10), family="least = most")
    yield Case("bounds by name", ([sentence(n) for n in range(1, 9)],), {"least": 2, "most": 4}, family="other bounds")
    yield Case("most alone", ([sentence(n) for n in range(6, 16)],), {"most": 10}, family="other bounds")
    yield Case("from 0", (["", ".", "!", " . ", "12.", "A."], 0, 3), family="texts of no word")
    ten = sentence(10, "")
    yield Case("none", ([ten, ten + ",", ten + ":", ten + "…", ten + ' "', ""],), family="texts without a mark")
    inside = [f"{sentence(4, mark)} {sentence(6)}" for mark in ".!?"]
    yield Case("inside", (inside,), family="a mark inside")
    first = [mark + sentence(10, last) for mark, last in itertools.product(".!?", repeat=2)]
    yield Case("first and last", (first,), family="a mark inside")
    yield Case(
        "doubled", ([ten + "..", ten + "!!", ten + "?!", ten + "...", ten + "!."],), family="several marks at the end"
    )
    yield Case(
        "not last", ([ten + '."', ten + "! yes", ten + ".)", "." + ten, "?" + ten],), family="a mark that is not last"
    )
    yield Case(
        "within words",
        ([f"{ten} at 3.5 stars", f"{ten} by J.R. now.", f"{sentence(9, '')} v1.2"],),
        family="a mark inside",
    )
    around = [f"  {ten}.", f"{ten}.\n", f"\t{ten}! \n ", f" {sentence(7)} ", f"\n{sentence(13)}"]
    yield Case("around", (around,), family="white space around")
    yield Case(
        "between",
        ([ten.replace(" ", "  ") + ".", ten.replace(" ", "\n") + "!", ten.replace(" ", " \t") + "?"],),
        family="white space between words",
    )
    eight, twelve = sentence(8, ""), sentence(12, "")
    yield Case(
        "between 2",
        ([eight.replace(" ", "\n") + ".", twelve.replace(" ", "\t") + "!"],),
        family="white space between words",
    )
    yield Case("between 3", ([eight.replace(" ", "\n", 3) + "?"],), family="white space between words")
    before = [f"{ten} .", f"{sentence(7, '')} .", f"{sentence(12, '')} !", f"{sentence(8, '')} ?"]
    yield Case("before", (before,), family="a mark that stands alone")
    dashes = sentence(7, "").split()
    yield Case(
        "dashes",
        ([" - ".join(dashes) + ".", " -- ".join(dashes) + "!", " , ".join(sentence(12, "").split()) + "."],),
        family="parts without a letter",
    )
    digits = [f"{sentence(7, '')} 10.", f"{sentence(8, '')} 10.", f"{sentence(12, '')} 2001!", f"1 2 3 {sentence(8)}"]
    yield Case("digits", (digits,), family="parts without a letter")
    mixed = [
        f"{sentence(7, '')} don't.",
        f"{sentence(11, '')} 1st!",
        f"{sentence(11, '')} co-op.",
        f"{sentence(12, '')} o'er.",
    ]
    more = [f"{sentence(6, '')} it's don't co-op.", f"{sentence(6, '')} 2nd-hand it's R2D2!"]
    signs = ('"film', "(good", "80s", '"(a)"', "--1a1", "'tis")
    one_more = [f"{sentence(7, '')} {word}!" for word in signs] + [f"{sentence(12, '')} {word}." for word in signs]
    inner = f"{sentence(7, '')} don't."
    yield Case("signs first", ([*one_more, inner],), family="words that begin with other signs")
    pairs = [f"{word} {word}?" for word in signs]
    yield Case("signs first 2", ([*pairs, "it's don't!"], 2, 2), family="words that begin with other signs")
    yield Case("mixed 2", (more,), family="words with other signs in them")
    yield Case("mixed 3", ([f"{sentence(5, '')} R2D2 it's don't o'er?"],), family="words with other signs in them")
    yield Case("mixed", (mixed,), family="words with other signs in them")
    other = [
        "Ein schöner Film für große und kleine Leute heute.",
        "Это очень хороший фильм для всех нас сегодня.",
        "é à ü ö ä ß ñ ç.",
    ]
    yield Case("other letters", (other,), family="letters of other languages")
    yield Case("capitals", ([sentence(9).upper(), sentence(9).lower()],), family="texts of every length")


def refusals_and_forms() -> Iterator[Case]:
    """Bounds in the wrong order, no text, one text."""
    for least, most in ((3, 2), (13, 12), (1, 0), (100, 1)):
        for texts in ([sentence(2)], [], [sentence(10), ""]):
            yield Case(f"{least} to {most}, {len(texts)}", (texts, least, most), family="least above most")
    yield Case("least above the default", ([sentence(13)], 13), family="least above most")
    yield Case("no text", ([],), family="no text")
    yield Case("no text 2", ([], 2, 2), family="no text")
    for count in (1, 2, 5):
        yield Case(
            f"{count} texts", ([sentence(9 + n % 2, ".!"[n % 2]) for n in range(count)],), family="one text and more"
        )
    yield Case("all wrong", ([sentence(20), "no"],), family="one text and more")


SENTENCE_MISTAKES = (
    Mistake(
        "Is a mark inside the text allowed in yours? Only the last character may be one.",
        as_floats(lambda t, a, b: t.strip()[-1:] in (".", "!", "?") and a <= words_of(t) <= b),
    ),
    Mistake(
        "Must the one mark be the last character? In yours it may stand anywhere.",
        as_floats(lambda t, a, b: marks_of(t) == 1 and a <= words_of(t) <= b),
    ),
    Mistake(
        "Take the white space around a text away first: `text.strip()`.",
        as_floats(lambda t, a, b: marks_of(t) == 1 and t[-1:] in (".", "!", "?") and a <= words_of(t) <= b),
    ),
    Mistake(
        "A part without a letter is no word: a dash, a number.",
        as_floats(lambda t, a, b: right_rewards([t], 0, 999)[0] and a <= len(t.split()) <= b),
    ),
    Mistake(
        'Words are the parts between *any* white space: `text.split()`, not `split(" ")`.',
        as_floats(
            lambda t, a, b: (
                right_rewards([t], 0, 999)[0]
                and a <= sum(any(x.isalpha() for x in w) for w in t.strip().split(" ")) <= b
            )
        ),
    ),
    Mistake(
        "A word may hold other signs: one letter in it is enough.",
        as_floats(
            lambda t, a, b: (
                right_rewards([t], 0, 999)[0] and a <= sum(w.strip(".!?,").isalpha() for w in t.split()) <= b
            )
        ),
    ),
    Mistake(
        "A word may begin with another sign, a quotation mark or a digit: one letter anywhere in it is enough.",
        as_floats(lambda t, a, b: right_rewards([t], 0, 999)[0] and a <= sum(w[0].isalpha() for w in t.split()) <= b),
    ),
    Mistake(
        "`!` and `?` end sentences, too.",
        as_floats(lambda t, a, b: t.count(".") == 1 and t.strip()[-1:] == "." and a <= words_of(t) <= b),
    ),
    Mistake(
        "The largest number of words counts, too: at most, not below.",
        as_floats(lambda t, a, b: right_rewards([t], 0, 999)[0] and a <= words_of(t) < b),
    ),
    Mistake(
        "The smallest number of words counts, too: at least, not above.",
        as_floats(lambda t, a, b: right_rewards([t], 0, 999)[0] and a < words_of(t) <= b),
    ),
)

sentence_form = Cases(
    "sentence_rewards",
    name="one_sentence_of_so_many_words",
    promise="1.0 for one sentence with a number of words within the bounds, 0.0 for every other text.",
    points=3,
    reference=right_rewards,
    pool=sentences,
    keeps_inputs=True,
    mistakes=SENTENCE_MISTAKES,
    hints={"type": "A list of floats: `float(…)` makes 1.0 of True."},
)
sentence_refusals = Cases(
    "sentence_rewards",
    name="refuses_bounds_in_the_wrong_order",
    promise="ValueError where least is above most, whatever the texts; a new list of floats, one for each text.",
    points=1,
    reference=right_rewards,
    pool=refusals_and_forms,
    keeps_inputs=True,
    fresh=True,
    hints={
        "no error": "Compare least and most before you look at the texts.",
        "type": "A list of floats: `float(…)` makes 1.0 of True.",
    },
)


# pass_at_k -------------------------------------------------------------------------------------------------------


def right_pass(samples: list[int], correct: list[int], k: int) -> list[float]:
    """In whole numbers: the product of the chances that one after the other is wrong."""
    if k < 1 or any(k > n for n in samples):
        raise ValueError("k")
    found = []
    for n, c in zip(samples, correct, strict=True):
        if n - c < k:
            found.append(1.0)
        elif c == 0:
            found.append(0.0)
        elif k < 200:
            wrong = Fraction(1)
            for i in range(k):
                wrong *= Fraction(n - c - i, n - i)
            found.append(float(1 - wrong))
        else:
            found.append(-math.expm1(sum(math.log1p(-c / (n - i)) for i in range(k))))
    return found


def tasks() -> Iterator[Case]:
    """Every number of right ones, small and large."""
    for n in (1, 2, 3, 4, 8, 16):
        for k in sorted({1, 2, n // 2 or 1, n} & set(range(1, n + 1))):
            yield Case(f"n {n}, k {k}", ([n] * (n + 1), list(range(n + 1)), k), family="few samples", tolerance=1e-9)
    for n, k in ((200, 1), (200, 10), (200, 100), (1000, 3), (1000, 999), (2000, 1000), (10_000, 100), (10_000, 5_000)):
        counts = [0, 1, 2, 7, n // 2, n - k, n - k + 1 if k > 1 else n, n]
        yield Case(f"n {n}, k {k}", ([n] * len(counts), counts, k), family="many samples", tolerance=1e-9)
    yield Case("several n", ([4, 10, 7, 200], [1, 3, 0, 2], 4), family="tasks with different n", tolerance=1e-9)
    yield Case("several n, k 1", ([4, 10, 7, 200], [1, 3, 7, 2], 1), family="tasks with different n", tolerance=1e-9)
    yield Case("one task", ([12], [5], 3), family="few samples", tolerance=1e-9)
    for n, k in ((5, 3), (7, 2), (16, 5), (10_000, 100)):
        yield Case(f"none right, n {n}, k {k}", ([n, n], [0, n], k), family="none right, or all", tolerance=0.0)
    yield Case("no task", ([], [], 3), family="no task", tolerance=1e-9)


def bad_tasks() -> Iterator[Case]:
    """A k that is too small or too large."""
    for k in (0, -1, -5):
        for samples, correct in (([4], [1]), ([4, 8], [0, 8]), ([3], [0])):
            yield Case(f"k {k}, {samples}", (samples, correct, k), family="k below 1")
    for samples, correct, k in (
        ([4], [1], 5),
        ([8, 3], [1, 1], 4),
        ([3, 8], [1, 1], 4),
        ([5, 5, 2], [5, 5, 2], 3),
        ([1], [1], 2),
        ([9, 4, 9], [0, 0, 0], 9),
    ):
        yield Case(f"k {k}, {samples}", (samples, correct, k), family="k above n")
    for samples, correct in (([4], [1]), ([6, 6], [2, 3])):
        yield Case(f"k = n, {samples}", (samples, correct, samples[0]), family="k = n", tolerance=1e-9)


def each_task(formula: object) -> object:
    """A mistake's answer from a formula of n, c, k."""
    return lambda samples, correct, k: [float(formula(n, c, k)) for n, c in zip(samples, correct, strict=True)]  # type: ignore[operator]


pass_values = Cases(
    "pass_at_k",
    name="is_the_share_of_choices_with_a_right_one",
    promise="1 − C(n − c, k) / C(n, k) for each task, to nine decimals, for few samples and for ten thousand.",
    points=3,
    reference=right_pass,
    pool=tasks,
    keeps_inputs=True,
    fresh=True,
    mistakes=(
        Mistake(
            "That is 1 − (1 − c/n)^k, which draws the same sample again: too low on average.",
            each_task(lambda n, c, k: 1 - (1 - c / n) ** k),
        ),
        Mistake(
            "That is the share of choices that are *all wrong*: subtract it from 1.",
            each_task(lambda n, c, k: math.comb(n - c, k) / math.comb(n, k)),
        ),
        Mistake(
            "C(n − c, k) counts choices without a right one; you count those with nothing but right ones.",
            each_task(lambda n, c, k: math.comb(c, k) / math.comb(n, k)),
        ),
        Mistake(
            "C(c, k) counts choices that are all right; here it is those that are all wrong, C(n − c, k).",
            each_task(lambda n, c, k: 1 - math.comb(c, k) / math.comb(n, k)),
        ),
        Mistake(
            "k times c/n counts a task twice where two are right, and may pass 1.",
            each_task(lambda n, c, k: min(1, k * c / n)),
        ),
        Mistake("That is pass@1: k is not used.", each_task(lambda n, c, k: c / n)),
    ),
    hints={
        "none right, or all": "Exactly 0.0 and exactly 1.0: logarithms that are added and taken away leave a rest.",
        "OverflowError": "Very large numbers? `math.comb` gives whole numbers: divide the two, without `float(…)`.",
    },
)
pass_refusals = Cases(
    "pass_at_k",
    name="refuses_k_out_of_range",
    promise="ValueError where k is below 1 or above the n of any task.",
    points=1,
    reference=right_pass,
    pool=bad_tasks,
    keeps_inputs=True,
    hints=dict.fromkeys(("no error", "other error"), "Look at each task's n, not the first one's only, and at k < 1."),
)
