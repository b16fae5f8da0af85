"""Sealing a bank for students: ids and orders that tell nothing, ciphertexts of one length, reproducible bytes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader.files import write_whole
from grader.quizzes.keyed import KeyedBank, KeyedItem, KeyedPart
from labkit.quiz.bank import PLAIN_FORMAT, Kdf
from labkit.quiz.sealed import KEY_BYTES, answer_key, padded_length, seal_verdict, verdict_bytes

SCRYPT = {"n": 4096, "r": 8, "p": 1}
SLOTS = 16  # ciphertexts of a part that is typed: its listed answers, the empty one, and decoys
TAG_BYTES = 16  # what AES-SIV adds to a plaintext


def digest(secret: bytes, *place: str) -> bytes:
    """HMAC-SHA256 of a place under the bank secret: 32 bytes that look random to whoever has no secret."""
    return hmac.new(secret, json.dumps(place, ensure_ascii=False).encode(), hashlib.sha256).digest()


def option_ids(secret: bytes, bank: str, item: str, count: int) -> list[str]:
    """Public ids of the options of an item, by the position in which they are written; nothing else decides them."""
    for length in range(4, 64, 2):
        ids = [f"o{digest(secret, 'id', bank, item, str(place)).hex()[:length]}" for place in range(count)]
        if len(set(ids)) == count:
            return ids
    raise ValueError(f"{item}: {count} options are too many.")


def public_order(ids: Iterable[str], fixed: Iterable[bool]) -> list[int]:
    """Written positions in the order of the page: free ones by id on the places of free ones, fixed ones stay.

    An id is an HMAC of a position, so that this order tells neither the written one nor the key.
    """
    names, stays = list(ids), list(fixed)
    free = iter(sorted((place for place in range(len(names)) if not stays[place]), key=lambda place: names[place]))
    return [place if stays[place] else next(free) for place in range(len(names))]


def seal_bank(
    bank: KeyedBank,
    secret: bytes,
    cost: Mapping[str, int] = SCRYPT,
    memory: Path | None = None,
    compressed: bool = True,
) -> tuple[bytes, KeyedBank]:
    """The content of a sealed bank, and the bank with its hash; `labkit.quiz.bank.packed` makes a file of it.

    Args:
        bank: the bank with its keys.
        secret: what ids, orders and the salt come from.
        cost: the parameters of scrypt.
        memory: a folder that remembers stretched keys, for a bank that is sealed again.
        compressed: feedback is compressed before it is sealed; not for a browser, which could not read it.

    Raises:
        ValueError: a typed part has more listed answers than there are slots.
    """
    kdf = Kdf(**cost, salt=digest(secret, "salt", bank.bank)[:16])
    lengths = {item.id: _length(item, compressed) for item in bank.items}
    keys = {} if bank.mode == "exam" else _keys(bank, kdf, memory)

    def sealed(item: KeyedItem, variant: int, part: KeyedPart) -> list[str]:
        if bank.mode == "exam":
            return []
        length = lengths[item.id]
        place = (bank.bank, item.id, str(variant), part.id)
        made: list[tuple[bytes, bytes]] = []
        for answer, verdict in part.verdicts().items():
            key = keys[item.id, variant, part.id, answer]
            made.append(
                (digest(secret, "order", *place, answer), seal_verdict(key, verdict_bytes(verdict, compressed), length))
            )
        if part.kind in ("number", "text"):
            if len(made) > SLOTS:
                said = f"{len(made) - 1} listed answers, at most {SLOTS - 1}"
                raise ValueError(
                    f"{item.id}: {part.id} has {said}: fewer decimals, a smaller tolerance, or fewer texts."
                )
            for number in range(SLOTS - len(made)):
                noise = hashlib.shake_256(digest(secret, "decoy", *place, str(number))).digest(length + TAG_BYTES)
                made.append((digest(secret, "order", *place, "decoy", str(number)), noise))
        return [base64.b64encode(ciphertext).decode("ascii") for _, ciphertext in sorted(made)]

    content = {
        "format": PLAIN_FORMAT,
        "bank": bank.bank,
        "title": bank.title,
        "mode": bank.mode,
        "pass": bank.pass_mark,
        "attempts": bank.attempts,
        "draw": bank.draw,
        "shuffle": bank.shuffle,
        "note": bank.note,
        "kdf": {"name": "scrypt", **cost, "salt": kdf.salt.hex()},
        "groups": [list(group) for group in bank.groups],
        "items": [
            {
                "id": item.id,
                "title": item.title,
                "type": item.type,
                "points": item.points,
                "credit": item.credit,
                "difficulty": item.difficulty,
                "review": None if item.review is None else {"label": item.review[0], "href": item.review[1]},
                "variants": [
                    {
                        "variant": variant.variant,
                        "stem": variant.stem,
                        "parts": [_part(part, sealed(item, variant.variant, part)) for part in variant.parts],
                    }
                    for variant in item.variants
                ],
            }
            for item in bank.items
        ],
    }
    raw = (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode("utf-8")
    return raw, replace(bank, hash=hashlib.sha256(raw).hexdigest())


def _keys(bank: KeyedBank, kdf: Kdf, memory: Path | None) -> dict[tuple[str, int, str, str], bytes]:
    """The stretched key of every answer by its place; stretching is meant to be slow, so all cores do it, and once."""
    places = [
        (item.id, variant.variant, part.id, answer)
        for item in bank.items
        for variant in item.variants
        for part in variant.parts
        for answer in part.verdicts()
    ]
    asked = json.dumps([bank.bank, kdf.n, kdf.r, kdf.p, kdf.salt.hex(), places]).encode()
    known = None if memory is None else memory / f"{hashlib.sha256(asked).hexdigest()}.keys"
    if known is not None and known.is_file() and len(raw := known.read_bytes()) == KEY_BYTES * len(places):
        return {place: raw[KEY_BYTES * n : KEY_BYTES * (n + 1)] for n, place in enumerate(places)}
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        keys = list(threads.map(lambda place: answer_key(kdf, bank.bank, *place), places))
    if known is not None:
        with suppress(OSError):  # another process may write the same keys
            write_whole(known, b"".join(keys))
    return dict(zip(places, keys, strict=True))


def _length(item: KeyedItem, compressed: bool) -> int:
    """The bytes that every verdict of an item is padded to: those of its longest feedback, whichever is right."""
    verdicts = (verdict for variant in item.variants for part in variant.parts for verdict in part.verdicts().values())
    return padded_length(max(len(verdict_bytes(verdict, compressed)) for verdict in verdicts))


def _part(part: KeyedPart, sealed: list[str]) -> dict[str, Any]:
    """The public side of a part; what its kind does not use is left out."""
    content: dict[str, Any] = {"id": part.id, "kind": part.kind, "label": part.label}
    if part.options:
        content["options"] = [{"id": o.id, "html": o.html, "fixed": o.fixed} for o in part.options]
    if part.kind == "number":
        content |= {"decimals": part.decimals, "unit": part.unit}
    if part.kind == "text":
        content |= {"case": part.case, "code": part.code}
    if part.kind == "check":
        content["fixed"] = part.fixed
    return content | {"sealed": sealed}
