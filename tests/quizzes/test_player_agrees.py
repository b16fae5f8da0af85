"""What a student's player shows after submitting is what the grader gives: right, wrong, odd and missing answers."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

import labkit
from grader.quizzes.keyed import parse_kept
from grader.quizzes.score import score_attempts
from labkit.quiz.attempts import read_attempts

FILES = Path(__file__).resolve().parent.parent / "files" / "quiz"
TYPED = [
    "0.69",
    "0,693 nats",
    "−0.1",
    "1e400",
    "a lot",
    "3",
    "0,690",
    "69,000e-2",
    "1,234,567",
    "3 000",
    "partition function",
    "  Partition  FUNCTION ",
    "n = 0\nn = 1",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    shutil.copyfile(FILES / "sample.quiz.json", tmp_path / "sample.quiz.json")
    return tmp_path


def test_player_and_grader_agree_on_every_attempt(folder: Path) -> None:
    kept = parse_kept((FILES / "sample.kept.json").read_text())
    keys = {
        (item.id, place, part.id): [*part.verdicts(), *(TYPED if part.kind in ("number", "text") else [])]
        for item in kept.items
        for place, variant in enumerate(item.variants)
        for part in variant.parts
    }
    rng, quiz = random.Random(6), labkit.quiz("sample", folder)
    for _ in range(40):
        leave = rng.choice([0.0, 0.2, 0.7])
        for drawn in quiz.drawn:
            for part in drawn.parts:
                if rng.random() >= leave:
                    quiz.put(drawn.item, part, rng.choice(keys[drawn.item, drawn.variant, part]))
        quiz.hand_over()
        quiz.retake()
    raw = (folder / "attempts.jsonl").read_bytes()
    found = score_attempts(raw, {kept.hash: kept}, "sample", max_points=10.0)
    shown = [attempt.score for attempt in read_attempts(folder / "attempts.jsonl")[0]]
    assert found.problems == ()
    assert [attempt.score for attempt in found.attempts] == pytest.approx(shown, abs=1e-6)
    assert len(set(shown)) > 10
    assert found.points == pytest.approx(
        10 * max(score for score in shown if score is not None), abs=0.005
    )  # to the cent


def test_a_forged_score_changes_nothing_for_the_grader(folder: Path) -> None:
    kept = parse_kept((FILES / "sample.kept.json").read_text())
    quiz = labkit.quiz("sample", folder)
    quiz.hand_over()
    line = json.loads((folder / "attempts.jsonl").read_text()) | {"score": 1.0}
    found = score_attempts(json.dumps(line).encode(), {kept.hash: kept}, "sample")
    assert found.points == 0
