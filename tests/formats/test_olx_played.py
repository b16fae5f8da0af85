"""Open edX's own problem type loads every problem of every bank, and gives our mark for every response to it."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from grader.formats.model.pools import Question, numbered, shown_order
from grader.formats.model.registry import Losses, export_bank
from grader.formats.model.responses import Given, marked
from grader.quizzes.rendered import RenderedBank, RenderedPart
from tests.formats.foreign import foreign_python

SECRET = b"for tests" + bytes(23)
SCRIPT = Path(__file__).with_name("play_olx.py")
Answer = list[int] | str | None


def problems(library: bytes) -> dict[str, str]:
    """The problems of a library, by name."""
    with tarfile.open(fileobj=io.BytesIO(library)) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        start = "library/problem/"
        return {name[len(start) : -4]: file.read().decode() for name, file in files.items() if file and start in name}


def place_of(bank: RenderedBank, question: Question, part: RenderedPart, option: int) -> int:
    """Where an option stands in the file."""
    if question.item.type in ("order", "match"):
        return shown_order(f"{question.id} {part.pool}", part.options).index(option)
    seed = f"{question.id} {part.pool}" if question.item.type == "cloze" else question.id
    return shown_order(seed, part.options, bank.shuffle).index(option)


def as_given(bank: RenderedBank, question: Question, given: Given) -> list[Answer]:
    """A response, part by part, by places in the file."""
    made: list[Answer] = []
    for part in question.variant.parts:
        answer = given.get(part.id)
        if isinstance(answer, tuple):
            made.append(sorted(place_of(bank, question, part, option) for option in answer))
        else:
            made.append(answer)
    return made


def expected(question: Question, share: float, rules_lost: set[str]) -> float:
    """Our mark; under a rule that Open edX lacks, which the losses tell, that of all or nothing."""
    if question.item.id in rules_lost and question.item.type == "multiple":
        return float(share == 1)
    return share


def played(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Open edX says."""
    command = [str(foreign_python()), str(SCRIPT)]
    done = subprocess.run(command, input=json.dumps(tasks), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_open_edx_gives_our_mark_for_every_response(bank: RenderedBank) -> None:
    exported = export_bank(bank, "olx")
    made = problems(exported.data)
    rules_lost = {loss.item for loss in exported.losses if loss.field == "partial credit"}
    questions = {(q.item.id, q.variant.variant): q for q in numbered(bank, Losses()) if q.id in made}
    asked: dict[str, list[tuple[str, list[Answer], float]]] = {q.id: [] for q in questions.values()}
    for item, variant, mark in marked(bank, SECRET):
        question = questions.get((item.id, variant.variant))
        if question is not None:
            wanted = expected(question, mark.share, rules_lost)
            asked[question.id].append((mark.said, as_given(bank, question, mark.given), wanted))
    found = played([{"xml": made[name], "responses": [answer for _, answer, _ in asked[name]]} for name in asked])
    wrong = [
        (name, said, earned / one["worth"], wanted)
        for (name, told), one in zip(asked.items(), found, strict=True)
        for (said, _, wanted), earned in zip(told, one["earned"], strict=True)
        if earned / one["worth"] != pytest.approx(wanted, abs=1e-9)
    ]
    assert not wrong, wrong[:10]
    assert set(asked) == set(made)
    assert sum(len(told) for told in asked.values()) >= 3 * len(made)


def test_a_wrong_key_would_be_noticed(sample: RenderedBank) -> None:
    made = problems(export_bank(sample, "olx").data)["loss-falls_1"]
    swapped = made.replace('correct="true"', 'correct="-"').replace('correct="false"', 'correct="true"')
    task = {"responses": [[[place]] for place in range(4)]}
    right, wrong = played([task | {"xml": made}, task | {"xml": swapped.replace('correct="-"', 'correct="false"')}])
    assert (sum(right["earned"]), sum(wrong["earned"])) == (1, 3)
    assert [a + b for a, b in zip(right["earned"], wrong["earned"], strict=True)] == [1] * 4
