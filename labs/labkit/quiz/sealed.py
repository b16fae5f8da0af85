"""Sealing and opening: the verdict on an answer can be read by whoever gives that answer, and no other way.

The key of an answer is scrypt (RFC 7914) of the place and the answer; the cipher is AES-SIV (RFC 5297), which needs no
nonce and so gives the same bytes in every build. This stops peeking into the file. It does not stop a program that
tries every answer: a question with four options has four keys.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import struct
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from labkit.quiz.bank import Bank, BankError, Kdf, load_bank, parse_bank

__all__ = ["Bank", "BankError", "Kdf", "Verdict", "answer_key", "load_bank", "open_part", "parse_bank", "seal_verdict"]

KEY_BYTES = 64  # AES-SIV with two AES-256 keys
BLOCK = 64
HEAD = struct.Struct(">bBBBH")  # credit, of, whether it is right, whether the feedback is compressed, its bytes
RIGHT = (False, True, None)
SMALL: list[dict[str, int]] = [{"id": lzma.FILTER_LZMA1, "preset": 9, "dict_size": 2**16, "lc": 4, "lp": 0, "pb": 0}]
MAX_FEEDBACK = 2**16 - 1  # bytes
OTHER = ""  # the answer under which each part seals its verdict on every answer that has none of its own


@dataclass(frozen=True)
class Verdict:
    """What an answer earns: credit 1 (right), 0, or −1 (a box wrongly ticked), and what to say about it, in HTML.

    `of` is the number of options that are true, for the rule right-minus-wrong; 0 elsewhere. `right` says whether the
    answer is right, which its credit does not tell of a box left alone under that rule; None where it is not known.
    """

    credit: int
    feedback: str = ""
    of: int = 0
    right: bool | None = None


def answer_key(kdf: Kdf, bank: str, item: str, variant: int, part: str, answer: str) -> bytes:
    """The 64-byte key of one answer at one place; `answer` is normalised (see `labkit.quiz.answers`)."""
    return _stretch(kdf, json.dumps([bank, item, variant, part, answer], ensure_ascii=False, separators=(",", ":")))


@lru_cache(maxsize=4096)
def _stretch(kdf: Kdf, place: str) -> bytes:
    memory = 128 * kdf.r * (kdf.n + kdf.p + 2) + 2**20
    settings = {"n": kdf.n, "r": kdf.r, "p": kdf.p, "maxmem": memory, "dklen": KEY_BYTES}
    return hashlib.scrypt(place.encode("utf-8", "surrogatepass"), salt=kdf.salt, **settings)


def verdict_bytes(verdict: Verdict, compressed: bool = True) -> bytes:
    """A verdict before padding: what it earns, and the feedback in UTF-8, compressed unless a browser is to read it.

    Its length depends on the feedback alone, not on whether the answer is right.

    Raises:
        ValueError: the feedback is longer than can be sealed.
    """
    said = verdict.feedback.encode("utf-8")
    said = lzma.compress(said, format=lzma.FORMAT_RAW, filters=SMALL) if compressed else said
    if len(said) > MAX_FEEDBACK:
        raise ValueError(f"a feedback of {len(said)} bytes; at most {MAX_FEEDBACK} are sealed")
    return HEAD.pack(verdict.credit, verdict.of, RIGHT.index(verdict.right), compressed, len(said)) + said


def padded_length(longest: int) -> int:
    """The one length of all plaintexts of an item: the next multiple of 64 above the longest."""
    return (longest // BLOCK + 1) * BLOCK


def seal_verdict(key: bytes, plain: bytes, length: int) -> bytes:
    """Encrypt the bytes of a verdict, padded to `length`. The same input gives the same bytes."""
    if len(plain) > length:
        raise ValueError(f"a verdict of {len(plain)} bytes does not fit into {length}")
    return AESSIV(key).encrypt(plain.ljust(length, b"\0"), None)


def open_part(bank: Bank, item: str, variant: int, part: str, answer: str) -> Verdict:
    """The verdict on one answer, which must be normalised already.

    An answer that opens nothing gets the part's verdict on other answers; in an exam there is nothing to open.

    Raises:
        LookupError: the bank has no such item, variant or part, or nothing is sealed there.
    """
    sealed = bank.item(item).variants[variant].part(part).sealed
    if not sealed:
        raise LookupError(f"{bank.bank}: {item}: nothing is sealed in {part}: an exam is scored by the grader.")
    for attempt in (answer, OTHER):
        found = _try(answer_key(bank.kdf, bank.bank, item, variant, part, attempt), sealed)
        if found is not None:
            return found
    raise LookupError(f"{bank.bank}: {item}: {part} cannot be opened; the file of the bank is damaged.")


def _try(key: bytes, sealed: tuple[bytes, ...]) -> Verdict | None:
    cipher = AESSIV(key)
    found = None
    for ciphertext in sealed:  # all of them, so that the time does not tell which one opened
        try:
            found = _verdict(cipher.decrypt(ciphertext, None))
        except InvalidTag:
            continue
    return found


def _verdict(plain: bytes) -> Verdict:
    if plain.startswith(b"{"):  # as sealed before 0.6: JSON, padded with spaces
        content = json.loads(plain)
        return Verdict(int(content["credit"]), str(content["feedback"]), int(content["of"]))
    credit, of, right, compressed, size = HEAD.unpack_from(plain)
    said = plain[HEAD.size : HEAD.size + size]
    said = lzma.decompress(said, format=lzma.FORMAT_RAW, filters=SMALL) if compressed else said
    return Verdict(credit, said.decode("utf-8"), of, RIGHT[right])
