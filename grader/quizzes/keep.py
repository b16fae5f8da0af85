"""From a bank's YAML to its sealed file; `kept` stores those that are released."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from grader.quizzes.keyed import KeyedBank
from grader.quizzes.own import made_exam
from grader.quizzes.pictures import stamps
from grader.quizzes.prove import proved_bank
from grader.quizzes.rendered import keyed
from grader.quizzes.seal import seal_bank
from labkit.quiz.bank import packed

SECRET_BYTES = 32
MEMORY = Path("build") / "keys"


@dataclass(frozen=True)
class Made:
    """A bank ready for release: the sealed file for students, and the keys to keep."""

    name: str
    sealed: bytes
    bank: KeyedBank

    @property
    def file_name(self) -> str:
        """What the sealed file is called."""
        return f"{self.name}.quiz.json"


def read_secret(quizzes: Path) -> bytes:
    """The bank secret of `quizzes/secret`: 64 hex digits. Ids, orders and salts come from it, so builds are equal.

    Raises:
        LookupError: it is missing or damaged.
    """
    path = quizzes / "secret"
    remedy = 'make one: python -c "import secrets; print(secrets.token_hex(32))" > quizzes/secret'
    if not path.is_file():
        raise LookupError(f"{path} is missing. Take it from the repository's history, or {remedy}")
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise LookupError(f"{path} does not hold {2 * SECRET_BYTES} hex digits. {remedy.capitalize()}")
    return secret


def make(path: Path) -> Made:
    """Seal the bank of a YAML file with the secret beside it. The same files give the same bytes.

    Raises:
        LookupError: there is no secret.
        QuizError: something in the bank is untrue, broken, or cannot be shown.
    """
    figures = path.parent / "figures.py"
    drawn = figures.read_bytes() if figures.exists() else b""
    return _made(path, path.read_bytes(), drawn, stamps(path), made_exam(path), read_secret(path.parent))


@lru_cache(maxsize=16)
def _made(path: Path, _text: bytes, _figures: bytes, _pictures: object, _exam: bool, secret: bytes) -> Made:
    sealed, bank = seal_bank(keyed(proved_bank(path), secret), secret, memory=path.parent.parent / MEMORY)
    return Made(path.stem, packed(sealed), bank)
