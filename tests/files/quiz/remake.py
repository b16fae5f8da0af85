"""Makes the sealed samples beside it from `sample.yaml`; run it after a change of the format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from grader.quizzes.keyed import dump_kept
from grader.quizzes.prove import proved_bank
from grader.quizzes.rendered import keyed
from grader.quizzes.seal import seal_bank
from labkit.quiz.bank import packed

HERE = Path(__file__).parent
SECRET = b"sample"


def remake() -> dict[str, bytes]:
    """The sealed and the kept samples, by file name: one to practise, and one as an exam with one attempt."""
    practice = proved_bank(HERE / "sample.yaml")
    files = {}
    for bank in (practice, replace(practice, bank="sample-exam", mode="exam", attempts=1)):
        sealed, kept = seal_bank(keyed(bank, SECRET), SECRET)
        files |= {f"{bank.bank}.quiz.json": packed(sealed), f"{bank.bank}.kept.json": dump_kept(kept).encode()}
    return files


if __name__ == "__main__":
    for name, content in remake().items():
        (HERE / name).write_bytes(content)
