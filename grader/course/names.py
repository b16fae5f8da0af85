"""Names of people: ids made of them, and when two are to be taken for one name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from difflib import get_close_matches

# The usual signs for accents; signs of other scripts, such as vowels of Devanagari, belong to the letters.
ACCENTS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u0591-\u05c7\u064b-\u065f\u0670]"
)
INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0f\U000e0000-\U000e0fff]")
# Letters of other alphabets that look like Latin ones, small or as capitals (Unicode Technical Standard 39), and Latin
# letters whose stroke is no sign of its own.
ALIKE = {
    ord(letter): latin
    for letters, latins in (
        ("авекмнорстухіјѕԁԛԝһӏ", "abekmhopctyxijsdqwhl"),
        ("αβγεζηικμνορτυχϲϳω", "abyezhikmnoptyxcjw"),
        ("օոսհցյ", "onuhgj"),
        ("ıøłđħŧɑɡ", "ioldhtag"),
    )
    for letter, latin in zip(letters, latins, strict=True)
}


def made_id(name: str) -> str:
    """An id for a student of this name: `Ada  Lovelace` gives ada-lovelace; empty where no letter or digit is in it."""
    kept = "".join(sign if _is_letter(sign) or sign in "_.@" else " " for sign in _plain(name))
    return "-".join(kept.split()).strip("-._@")


def name_key(name: str) -> str:
    """What two names that could be taken for one another have in common.

    They are compared after NFKC, without case, accents, punctuation, spaces and signs that are not seen; letters of
    Cyrillic, Greek and Armenian that look like Latin ones count as these.
    """
    return "".join(filter(_is_letter, _plain(name).translate(ALIKE)))


def spellings(name: str) -> set[str]:
    """The keys of `Lovelace, Ada` and `Ada Lovelace` as platforms write them in the names of files."""
    last, comma, first = name.partition(",")
    words = " ".join([first, last] if comma else [name]).split()
    orders = (words, name.split(), words[1:] + words[:1], words[-1:] + words[:-1])
    return {name_key(" ".join(order)) for order in orders}


def folded(text: str) -> str:
    """An id as a file system that knows no case and no composed letters takes it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())


def nearest(name: str, known: Collection[str]) -> str:
    """What to say of a name that nobody has: who was meant, or who is there."""
    near = get_close_matches(name, sorted(known), 1, 0.6) or get_close_matches(name.casefold(), sorted(known), 1, 0.6)
    if near:
        return f"did you mean {near[0]}?"
    some = sorted(known)[:5]
    return f"there are: {', '.join(some)}{' …' if len(known) > len(some) else ''}." if some else "there are none."


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    return unicodedata.normalize("NFC", ACCENTS.sub("", INVISIBLE.sub("", text)))


def _is_letter(sign: str) -> bool:
    return sign.isalnum() or unicodedata.category(sign).startswith("M")
