"""Reading the statements of an option's text: what stands between `((` and `))` becomes the claim of the option.

    text: The loss ((is lower for $0<u<1$ than for $u>1$)).
    words: {for $0<u<1$: loss(left), for $u>1$: loss(right)}

is read as `_said["below"](loss(left), loss(right))`. A statement has one or two of the item's `words`, or one of them
and a number, one word of `grader.quizzes.lexicon`, and nothing else but small words: what nothing reads could be false.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from grader.quizzes.lexicon import EXTREMES, WORDS

STATEMENT = re.compile(r"\(\((.+?)\)\)(?!\))", re.DOTALL)
NAME = "_said"  # the relations of the lexicon, by name, where a statement is evaluated
SMALL = frozenset(
    re.findall(
        r"\w+",
        "a an the is are was be than as to of it its their that this these for by in on at from there here has have "
        "then now will would about which where when if so does do been being becomes become gets get goes go and "
        "them they one",
    )
)
NOT = frozenset(("not", "no longer", "never"))
MUCH = frozenset(("far", "much"))
POWER = re.compile(r"\$?\b10\^\{\s*([-−]?\d+)\s*\}\$?")
NUMBER = re.compile(r"(?<![\w.])\$?([-−]?\d+(?:\.(\d+))?)\$?(?![\w.]*\w)")


class UnreadError(ValueError):
    """A statement that cannot be read; the message says what was expected."""


@dataclass(frozen=True)
class _Token:
    """A thing of a statement: a phrase of the author's or a number, as Python; or a word of the lexicon."""

    kind: str
    text: str
    reach: float = 0.0


def statements(text: str) -> list[str]:
    """What stands between double brackets, one statement each."""
    return [" ".join(found.split()) for found in STATEMENT.findall(text)]


def unmarked(text: str) -> str:
    """The text as it is shown: without the brackets."""
    return STATEMENT.sub(lambda found: found.group(1), text)


def claim_of(text: str, words: Mapping[str, str]) -> str:
    """The claim that the statements of a filled-in text make together, as Python; empty where there is none.

    Raises:
        UnreadError: a statement is none.
    """
    return " and ".join(_read(statement, words) for statement in statements(text))


def _read(statement: str, words: Mapping[str, str]) -> str:
    tokens = _tokens(statement, words)
    things = [token for token in tokens if token.kind in ("phrase", "number", "power")]
    relations = [token.text for token in tokens if token.kind == "relation"]
    negated = sum(token.kind == "not" for token in tokens) % 2 == 1
    much = any(token.kind == "much" for token in tokens)
    if not any(token.kind == "phrase" for token in things):
        raise UnreadError(f"(({statement})) names none of the item's words: {', '.join(words) or 'it has none'}")
    if len(relations) > 1 or len(things) > 2:
        raise UnreadError(f"(({statement})) says too much at once: {', '.join(relations)}; make two statements of it")
    if not relations and len(things) == 2:
        relation: tuple[str, str] = ("", "equal")
    elif not relations:
        raise UnreadError(f"(({statement})) has no word that compares, such as falls, higher, the same, largest")
    else:
        relation = WORDS[relations[0]]
    name = relation[len(things) - 1]
    if much and name in ("rises", "falls", "above", "below"):
        name = f"far_{name}"
    elif much:
        raise UnreadError(f"(({statement})): far and much go with words such as higher and falls")
    if not name or (len(things) == 2 and name in EXTREMES):
        raise UnreadError(f"(({statement})): {relations[0]} goes with one of the item's words, here are {len(things)}")
    given = [f"({token.text})" for token in things]
    if any(token.kind == "power" for token in things):
        if name != "equal":
            raise UnreadError(f"(({statement})): a power of ten is only read where something is about that large")
        name, given = "magnitude", sorted(given, key=lambda one: one.strip("()").lstrip("-").isdigit())
    reach = next((token.reach for token in things if token.kind == "number"), 0.0)
    if len(things) == 2 and reach:
        given.append(repr(reach))
    return f"{'not ' if negated else ''}{NAME}[{name!r}]({', '.join(given)})"


def _tokens(statement: str, words: Mapping[str, str]) -> list[_Token]:
    """What a statement is made of, in its order.

    Raises:
        UnreadError: a word of it is none of the item's, none of the lexicon, no number and no small one.
    """
    left, found = statement, dict[int, _Token]()

    def take(pattern: re.Pattern[str], made: _Token | None, number: bool = False) -> None:
        nonlocal left
        for match in pattern.finditer(left):
            found[match.start()] = _number(match, number) if made is None else made
        left = pattern.sub(lambda match: " " * len(match.group()), left)

    for phrase in sorted(words, key=len, reverse=True):
        take(_whole(phrase), _Token("phrase", words[phrase].strip()))
    take(POWER, None)
    for word in sorted((*WORDS, *NOT, *MUCH), key=len, reverse=True):
        kind = "relation" if word in WORDS else "not" if word in NOT else "much"
        take(_whole(word), _Token(kind, word))
    take(NUMBER, None, number=True)
    unread = [word for word in re.findall(r"[^\s,]+", left) if word.casefold() not in SMALL]
    if unread:
        raise UnreadError(
            f"nothing reads {', '.join(map(repr, unread))} in (({statement})): put it outside of the brackets, "
            "or make it one of the item's words"
        )
    return [found[place] for place in sorted(found)]


def _whole(phrase: str) -> re.Pattern[str]:
    """A phrase where it stands by itself; spaces as they come, its first letter large or small."""
    spaced = r"\s+".join(map(re.escape, phrase.split()))
    first = phrase.strip()[0]
    if first.isalpha():
        spaced = f"[{first.lower()}{first.upper()}]{spaced[1:]}"
    return re.compile(rf"(?<!\w){spaced}(?!\w)")


def _number(match: re.Match[str], plain: bool) -> _Token:
    """A number as it is written, which stands for all that are rounded to it."""
    digits = match.group(1).replace("−", "-")
    if not plain:
        return _Token("power", digits)
    decimals = len(match.group(2) or "")
    return _Token("number", digits, 0.5000001 * 10.0**-decimals if decimals else 0.0)
