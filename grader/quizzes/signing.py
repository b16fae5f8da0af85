"""Signatures of those who read: that a text says what its claim computes, where nothing else can tell.

`signed.json` beside the banks has them, by bank, item and place: the hash of what was read. A text, a claim, a source
or the code behind them that changes afterwards has another hash, so that it is to be read and signed anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grader.files import write_whole
from grader.quizzes.load import Loaded
from grader.quizzes.model import AnyItem

FILE = "signed.json"
LETTERS = 32
NOT_READ = {"feedback", "fixed", "label", "otherwise"}  # what decides nothing

Signed = Mapping[str, Mapping[str, str]]  # item -> place -> hash


def content_hash(bank: Loaded, item: AnyItem, place: str) -> str:
    """The hash of all that a reader of one option, or of all entries or pairs, has to look at."""
    thing: Any = item.model_dump(by_alias=True, exclude_none=True)
    for step in place.split("/"):
        thing = thing[int(step) if isinstance(thing, list) else step]
    own = {"claim": _claim_around(item, place), "by": getattr(item, "by", None), "words": item.words}
    code = {"given": [bank.model.given, item.given], "stem": item.stem, "source": item.source, "means": item.means}
    content = {"read": _decides(thing)} | own | code
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:LETTERS]


def _decides(thing: Any) -> Any:
    if isinstance(thing, dict):
        return {key: _decides(value) for key, value in thing.items() if key not in NOT_READ}
    return [_decides(one) for one in thing] if isinstance(thing, list) else thing


def _claim_around(item: AnyItem, place: str) -> str | None:
    """The claim that options without one share: the item's, or that of their blank."""
    steps = place.split("/")
    around: Any = item.blanks[steps[1]] if steps[0] == "blanks" and item.type == "cloze" else item
    return getattr(around, "claim", None)


def read_signed(bank: Loaded) -> Signed:
    """The signatures of a bank; none where the file is missing.

    Raises:
        ValueError: the file is damaged; the message names it.
    """
    path = bank.path.with_name(FILE)
    if not path.exists():
        return {}
    content = _read(path)
    found = content.get(bank.name, {})
    if not isinstance(found, dict) or not all(isinstance(places, dict) for places in found.values()):
        raise ValueError(f"{path}: {bank.name}: items with places and hashes were expected; take it from your backup.")
    return found


def sign(bank: Loaded, item: AnyItem, places: Mapping[str, bool]) -> Path:
    """Write the signatures of an item: those of `places` that are true are signed, the others struck out."""
    path = bank.path.with_name(FILE)
    content = _read(path) if path.exists() else {}
    own = content.setdefault(bank.name, {})
    known = {name for name, _ in own.get(item.id, {}).items()}
    kept = {name: own[item.id][name] for name in known - set(places)}
    made = {name: content_hash(bank, item, name) for name, read in places.items() if read}
    own[item.id] = kept | made
    here = {one.id for one in bank.model.items}
    content[bank.name] = {name: dict(sorted(signed.items())) for name, signed in sorted(own.items()) if name in here}
    content[bank.name] = {name: signed for name, signed in content[bank.name].items() if signed}
    write_whole(path, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ValueError(f"{path}: no JSON: {error}. Take it from your backup, or sign again.") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: banks with items were expected. Take it from your backup, or sign again.")
    return content
