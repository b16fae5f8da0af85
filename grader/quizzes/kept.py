"""The store of released banks with their keys, by the hash of the sealed file; reading it needs nothing that proves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from grader.files import write_whole
from grader.quizzes.keyed import KeyedBank, dump_kept, parse_kept


def keep(bank: KeyedBank, folder: Path) -> Path:
    """Store a released bank as `<hash>.json`; what is stored already stays as it is."""
    goal = folder / f"{bank.hash}.json"
    if not goal.exists():
        write_whole(goal, dump_kept(bank).encode("utf-8"))
    return goal


def load_kept(folder: Path) -> Mapping[str, KeyedBank]:
    """Every released bank of a folder, by hash.

    Raises:
        ValueError: a file is damaged, or is not called by its hash; the message names it.
    """
    return {path.stem: _kept(path, path.stat().st_mtime_ns) for path in sorted(folder.glob("*.json"))}


@lru_cache(maxsize=256)
def _kept(path: Path, _changed: int) -> KeyedBank:
    try:
        bank = parse_kept(path.read_text(encoding="utf-8"))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: no kept bank: {error}. Delete it and run `grader build`.") from None
    if bank.hash != path.stem:
        raise ValueError(f"{path}: it holds the bank {bank.hash}; give the file that name again.")
    return bank
