"""Marking one attempt on the student's machine: what is unanswered, which verdicts open, and the score they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from labkit.quiz.answers import Reading, read_answer, read_recorded, to_record
from labkit.quiz.bank import Bank, BankError, Item, Part, Variant
from labkit.quiz.draw import Drawn
from labkit.quiz.scoring import item_score
from labkit.quiz.sealed import Verdict, open_part

Answers = Mapping[str, Mapping[str, str]]  # item -> part -> answer as typed


@dataclass(frozen=True)
class ItemResult:
    """How one question came out: the share of its points, from 0 to 1, and the verdict on each part."""

    item: str
    share: float
    verdicts: Mapping[str, Verdict]


@dataclass(frozen=True)
class Result:
    """How an attempt came out; `score` is the share of all points, from 0 to 1."""

    items: tuple[ItemResult, ...]
    score: float


def shown(bank: Bank, drawn: Drawn) -> tuple[Item, Variant, list[Part]]:
    """The item and variant of a drawn question, and its parts in the order in which they are shown."""
    item = bank.item(drawn.item)
    variant = item.variants[drawn.variant]
    return item, variant, [variant.part(name) for name in drawn.parts]


def reading(part: Part, raw: str) -> Reading:
    """What is typed, as it is compared, or what is wrong with it. A choice is one of the options, a box 1 or 0."""
    if not _allowed(part, raw):
        return Reading("", "This is not among the options.")
    return read_answer(part.kind, raw, decimals=part.decimals, unit=part.unit, case=part.case, code=part.code)


def _allowed(part: Part, raw: str) -> bool:
    if part.kind not in ("choice", "check") or not raw:
        return True
    return raw in ({option.id for option in part.options} if part.kind == "choice" else {"0", "1"})


def is_answered(parts: Sequence[Part], answers: Mapping[str, str]) -> bool:
    """Whether a question counts as answered: one box was touched, and every other part holds something readable."""
    boxes = [part for part in parts if part.kind == "check"]
    if boxes and not any(answers.get(part.id) for part in boxes):
        return False
    return all(reading(part, answers.get(part.id, "")).answer for part in parts if part.kind != "check")


def completed(parts: Sequence[Part], answers: Mapping[str, str]) -> dict[str, str]:
    """The answers to mark: once one box was touched, those left alone are answered with 0."""
    touched = any(answers.get(part.id) for part in parts if part.kind == "check")
    filled = {part.id: answers.get(part.id) or ("0" if touched and part.kind == "check" else "") for part in parts}
    return {part: answer for part, answer in filled.items() if answer}


def recorded(parts: Sequence[Part], answers: Mapping[str, str]) -> dict[str, str]:
    """The answers to record, `completed`, each in a spelling that every grader reads as the student typed it."""
    kinds = {part.id: part for part in parts}
    given = completed(parts, answers)
    return {name: to_record(kinds[name].kind, answer, unit=kinds[name].unit) for name, answer in given.items()}


def mark(bank: Bank, drawn: Sequence[Drawn], answers: Answers) -> Result:
    """Open the verdicts of an attempt's `recorded` answers, and score them. A part without one gets that on others.

    Raises:
        BankError: the bank is an exam, or damaged.
    """
    asked = []
    for question in drawn:
        _, _, parts = shown(bank, question)
        given = completed(parts, answers.get(question.item, {}))
        asked += [(question, part, given.get(part.id, "")) for part in parts]
    with ThreadPoolExecutor() as pool:  # stretching a key takes 10 ms, and lets other threads run meanwhile
        opened = list(pool.map(lambda one: _verdict(bank, *one), asked))
    items, earned = [], 0.0
    for question in drawn:
        item = bank.item(question.item)
        verdicts = {part.id: found for (of, part, _), found in zip(asked, opened, strict=True) if of is question}
        share = _share(item, verdicts)
        items.append(ItemResult(item.id, share, verdicts))
        earned += share * item.points
    total = bank.max_points
    return Result(tuple(items), round(earned / total, 6) if total else 0.0)


def _verdict(bank: Bank, question: Drawn, part: Part, raw: str) -> Verdict:
    answer = ""
    if _allowed(part, raw):
        answer = read_recorded(part.kind, raw, decimals=part.decimals, unit=part.unit, case=part.case, code=part.code)
    try:
        return open_part(bank, question.item, question.variant, part.id, answer)
    except LookupError as error:
        raise BankError(str(error)) from None


def _share(item: Item, verdicts: Mapping[str, Verdict]) -> float:
    of = max((verdict.of for verdict in verdicts.values()), default=0)
    if item.credit == "right-minus-wrong" and of < 1:  # no box was touched, so nothing says how many are true
        return 0.0
    return item_score(item.credit, [verdict.credit for verdict in verdicts.values()], of)
