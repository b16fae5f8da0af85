"""Hostile hand-ins from a seed: valid notebooks, attempts, times and names, with anything in any place of them."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import random
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

NOON = (2026, 11, 20, 12, 0, 0)
SPICE = (
    *("", "x", "\ud800", "\udfff\ud800", "\x1b[31m", "\x1b]8;;http://x\x07", "\x00", "\x7f\x9b", "\r\n"),
    *("\u2028\u2029", "\u202eevil", "\u2066\u200f", "=cmd|' /C calc'!A0", "@SUM(1)", "+1+1", "-2+3", "\t=1"),
    *("<script>alert(1)</script>", "[red]x[/]", "[/]", ":bomb:", "{{ 1/0 }}", "{0}", "%s%n", "../../../etc/passwd"),
    *("javascript:alert(1)", "e\u0301" * 99, "\ufdfa" * 50, "１２", "nan", "1e999", "9" * 5_000, "a" * 30_000),
    *("💥" * 500, "NaN", "null", "true", "None", "\\", '"'),
)
NUMBERS = (0, -1, 1, 2**31, 2**63, -(2**63) - 1, 2**64, 10**30, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"))


def text(rng: random.Random) -> str:
    """One of the texts that are known to hurt, or any characters at all."""
    if rng.random() < 0.7:
        return rng.choice(SPICE)
    most = rng.choice((0x7F, 0x3FF, 0xFFFF, 0x10FFFF))
    return "".join(chr(rng.randint(0, most)) for _ in range(rng.randint(0, 30)))


def json_value(rng: random.Random, depth: int = 0) -> Any:
    """Anything that JSON can say, and more."""
    kind = rng.random()
    if kind < 0.35:
        return text(rng)
    if kind < 0.6:
        return rng.choice(NUMBERS)
    if kind < 0.75 or depth > 3:
        return rng.choice((None, True, False, [], {}))
    if kind < 0.8:
        return nested(rng.choice((5, 40, 70, 400)))
    parts = range(rng.randint(0, 4))
    if kind < 0.9:
        return [json_value(rng, depth + 1) for _ in parts]
    return {text(rng)[:200]: json_value(rng, depth + 1) for _ in parts}


def nested(depth: int) -> Any:
    """Lists and objects in one another."""
    found: Any = 0
    for level in range(depth):
        found = [found] if level % 2 else {"a": found}
    return found


def changed(valid: Any, rng: random.Random) -> Any:
    """A value with some of its parts replaced, taken away, doubled, renamed or put elsewhere."""
    root = [copy.deepcopy(valid)]
    for _ in range(rng.choice((1, 1, 2, 4))):
        places = list(_places(root))
        holder, key = rng.choice(places)
        other, its = rng.choice(places)
        match rng.randint(0, 7):
            case 0 if holder is not root:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[text(rng)[:300]] = holder.pop(key)
            case 2 if isinstance(holder, list) and holder is not root:
                holder.insert(key, copy.deepcopy(holder[key]))
            case 3:
                holder[key] = copy.deepcopy(other[its])
            case 4 if isinstance(holder[key], dict):
                holder[key][text(rng)[:300]] = json_value(rng)
            case _:
                holder[key] = json_value(rng)
    return root[0]


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in JSON that holds a value: its container, and the key there."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(value, dict | list):
            yield from _places(value)


def written(value: Any, rng: random.Random) -> bytes:
    """JSON as bytes: plain, with bare characters (also those that are none), or with bytes of it spoilt."""
    way = rng.random()
    if way < 0.6:
        return json.dumps(value).encode("ascii")
    content = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return content if way < 0.85 else spoilt(content, rng)


def spoilt(content: bytes, rng: random.Random) -> bytes:
    """Bytes of which some are changed, cut off, or come before the others."""
    made = bytearray(content)
    for _ in range(rng.randint(1, 5)):
        at = rng.randint(0, len(made))
        made[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
    return bytes(made[: rng.randint(0, len(made))] if rng.random() < 0.2 else made)


def attempts(valid: Sequence[Any], rng: random.Random) -> bytes:
    """Lines of an attempts file."""
    way = rng.random()
    if way < 0.1:
        return rng.choice(
            (b"", b"\n" * 50, b"[" * 200_000, b"\xff\xfe{\x00}", rng.randbytes(300), b'{"v": ' + b"9" * 6_000 + b"}")
        )
    chosen = [rng.choice(valid) for _ in range(rng.randint(1, 4))]
    lines = [written(changed(one, rng) if rng.random() < 0.8 else one, rng) for one in chosen]
    return rng.choice((b"\n", b"\n", b"\r\n", b"\n\n\xef\xbb\xbf")).join(lines) + b"\n" * rng.randint(0, 1)


def notebook(valid: Any, rng: random.Random) -> bytes:
    """A notebook file."""
    if rng.random() < 0.1:
        return rng.choice((b"", b"{}", b"[]", b"null", b"[" * 100_000, b"PK\x03\x04", rng.randbytes(200)))
    return written(changed(valid, rng) if rng.random() < 0.8 else valid, rng)


def timestamp(rng: random.Random) -> bytes:
    """A file timestamp.txt."""
    valid = b"2026-11-20 12:00:00 UTC"
    way = rng.random()
    if way < 0.5:
        return spoilt(valid, rng)
    if way < 0.8:
        return valid[:20] + text(rng).encode("utf-8", "surrogatepass")
    return rng.choice(
        (rng.randbytes(rng.randint(0, 120)), b"9" * 100_000, b"0001-01-01 00:00:00 +9999", b"", b"\xff\xfe")
    )


def file_name(rng: random.Random, most: int = 255) -> bytes:
    """A name as file systems allow it: any bytes but NUL and the slash."""
    made = text(rng).encode("utf-8", "surrogatepass") if rng.random() < 0.7 else rng.randbytes(rng.randint(1, 260))
    made = made.replace(b"\0", b"").replace(b"/", b"_")[:most]
    return b"odd" if made in (b"", b".", b"..") else made


def content(rng: random.Random) -> bytes:
    """What stands in a file that no lab asks for."""
    return rng.choice(
        (b"", b"<script>alert(1)</script>", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", rng.randbytes(99), b"a,b\n=1,2\n")
    )


def submission(lab: str, valid: Any, valid_attempts: Sequence[Any], rng: random.Random) -> dict[bytes, bytes]:
    """The files of one hand-in, by relative name."""
    made: dict[bytes, bytes] = {}
    parts: tuple[tuple[float, bytes, Callable[[], bytes]], ...] = (
        (0.95, f"{lab}.ipynb".encode(), lambda: notebook(valid, rng)),
        (0.8, b"attempts.jsonl", lambda: attempts(valid_attempts, rng)),
        (0.5, b"timestamp.txt", lambda: timestamp(rng)),
        (0.1, b"submission_secret.txt", lambda: rng.randbytes(20)),
        *[(0.3, file_name(rng), lambda: content(rng)) for _ in range(3)],
        (0.1, file_name(rng, 100) + b"/" + file_name(rng, 100), lambda: content(rng)),
    )
    for share, name, make in parts:
        if rng.random() < share:
            made.setdefault(name, make())
    return made


def put(folder: Path, files: dict[bytes, bytes]) -> None:
    """Write the files of a hand-in as far as the file system takes them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = folder / os.fsdecode(name)
        with contextlib.suppress(OSError):  # too long, or a folder stands there
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def download(
    honest: dict[str, dict[str, bytes]], hostile: Sequence[tuple[str, dict[bytes, bytes]]], rng: random.Random
) -> bytes:
    """A bulk download as Moodle makes it, with members of hostile names and packings among the honest ones."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of two members of one name
        for number, (who, files) in enumerate(honest.items(), start=1):
            for name, data in files.items():
                archive.writestr(zipfile.ZipInfo(f"{who}_{number}_assignsubmission_file/{name}", NOON), data)
        for number, (who, files) in enumerate(hostile, start=101):
            for raw, data in files.items():
                name = raw.decode("utf-8", "replace") if rng.random() < 0.7 else text(rng)[:300] or "x"
                member = zipfile.ZipInfo("x", (*NOON[:5], rng.randint(0, 59)))
                member.filename = f"{who}_{number}_assignsubmission_file/{name}".encode("utf-8", "replace").decode()
                member.external_attr = rng.choice((0, 0, 0o120777 << 16, 0o644 << 16, rng.getrandbits(32)))
                archive.writestr(member, data, rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
    return made.getvalue()


def spoilt_member(packed: bytes, rng: random.Random) -> bytes:
    """A download with some bytes between the hostile members' names changed; the honest ones stand before them."""
    at = packed.find(b"_101_assignsubmission")
    end = packed.find(b"PK\x01\x02")
    made = bytearray(packed)
    for _ in range(rng.randint(0, 6) if 0 < at < end else 0):
        made[rng.randint(at, end - 1)] = rng.randint(0, 255)
    return bytes(made)
