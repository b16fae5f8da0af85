"""The draft of an attempt, `.quiz-<bank>.draft.json`: its seed, and what is answered so far; it outlives the kernel."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from labkit.files import write_whole
from labkit.quiz.draw import MAX_SEED, Drawn

MAX_BYTES = 2**20


@dataclass(frozen=True)
class Draft:
    """An attempt not submitted yet: the bank's hash, the seed, and item -> part -> answer as typed."""

    hash: str
    seed: int
    answers: Mapping[str, Mapping[str, str]]

    def answers_to(self, drawn: Sequence[Drawn]) -> dict[str, dict[str, str]]:
        """Those to the parts that an attempt shows."""
        known = {question.item: set(question.parts) for question in drawn}
        found = {
            item: {part: answer for part, answer in given.items() if part in known.get(item, ())}
            for item, given in self.answers.items()
        }
        return {item: kept for item, kept in found.items() if kept}


def draft_path(folder: Path, bank: str) -> Path:
    """Where the draft of a bank lies."""
    return folder / f".quiz-{bank}.draft.json"


def save_draft(path: Path, draft: Draft) -> None:
    """Write the draft; the old one is replaced only by a complete new one.

    Raises:
        OSError: the folder cannot be written.
    """
    write_whole(path, json.dumps(asdict(draft)).encode("utf-8"))


def load_draft(path: Path) -> tuple[Draft | None, str]:
    """The draft, if there is a readable one, and a sentence about what is wrong, if something is. Never raises."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"{path.name} cannot be read ({error.strerror or error}); the questions are fresh ones."
    try:
        if len(raw) > MAX_BYTES:
            raise ValueError("too large")
        said = json.loads(raw.decode("utf-8"))
        json.dumps(said, ensure_ascii=False).encode("utf-8")
        answers = {item: dict(parts) for item, parts in said["answers"].items()}
        good = all(isinstance(answer, str) for parts in answers.values() for answer in parts.values())
        seed = said["seed"]
        if not good or type(seed) is not int or not 0 <= seed <= MAX_SEED:
            raise ValueError("other values were expected")
        return Draft(str(said["hash"]), seed, answers), ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, f"{path.name} is damaged: your unsubmitted answers are lost, and the questions are fresh ones."


def drop_draft(path: Path) -> None:
    """Remove the draft; it may be gone already.

    Raises:
        OSError: it cannot be removed.
    """
    path.unlink(missing_ok=True)
