"""Pictures that lie beside a bank, in `pictures/`: a text shows one by `![what it shows](pictures/NAME.png)`."""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from grader.files import read_plain
from grader.quizzes.pixels import MAX_BYTES, PictureError, Pixels, pixels

FOLDER = "pictures"
ADDRESS = re.compile(rf"{FOLDER}/[A-Za-z0-9][A-Za-z0-9_-]{{0,79}}\.(?:png|jpe?g|gif)")
SHOWN = re.compile(rf'(?<=<img src=")({ADDRESS.pattern})(?=")')
MAX_PICTURES = 1_000
MAX_ALL = 32 * 2**20
MAX_SHOWN = 256 * 2**20  # characters of a bank's pictures in its texts, as often as they are shown
EXPECTED = f"![what it shows]({FOLDER}/NAME.png), with a PNG, JPEG or GIF in {FOLDER}/ beside the bank"


def address_of(picture: Pixels) -> str:
    """What a bank calls a picture that was taken over: its content decides, so that equal pictures are one file."""
    return f"{FOLDER}/{hashlib.sha256(picture.data).hexdigest()[:16]}.{picture.kind}"


def data_uri(picture: Pixels) -> str:
    """A picture inside of HTML."""
    return f"data:{picture.mime};base64,{base64.b64encode(picture.data).decode()}"


@dataclass
class Pictures:
    """The pictures of one bank, each read once."""

    bank: Path
    known: dict[str, str] = field(default_factory=dict)
    bytes: int = 0
    shown: int = 0

    def put_into(self, shown: str) -> str:
        """HTML in which the pictures stand as data.

        Raises:
            PictureError: a picture is missing, is none, or is too large; or there are too many.
        """
        return SHOWN.sub(lambda found: html.escape(self.once_more(found[1])), shown)

    def once_more(self, address: str) -> str:
        """A picture as data, for one of the places that show it."""
        uri = self.uri(address)
        self.shown += len(uri)
        if self.shown > MAX_SHOWN:
            raise PictureError(f"the picture {address}: pictures are shown too often; make them smaller, or show fewer")
        return uri

    def uri(self, address: str) -> str:
        """A picture as data."""
        if address not in self.known:
            try:
                picture = pixels(_bytes(self.bank.parent, address))
            except PictureError as error:
                raise PictureError(f"the picture {address}: {error}") from None
            self.bytes += len(picture.data)
            if len(self.known) >= MAX_PICTURES or self.bytes > MAX_ALL:
                raise PictureError(
                    f"the picture {address}: a bank shows at most {MAX_PICTURES} pictures of {MAX_ALL} bytes together"
                )
            self.known[address] = data_uri(picture)
        return self.known[address]


def stamps(bank: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes when a picture beside a bank does: names, sizes and times. For what is made of a bank and kept."""
    found = [(entry, entry.stat(follow_symlinks=False)) for entry in _entries(bank.parent / FOLDER)]
    return tuple(sorted((entry.name, known.st_size, known.st_mtime_ns) for entry, known in found))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return list(entries)


def _bytes(folder: Path, address: str) -> bytes:
    """A file beside a bank; no link is followed, and no more is read than a picture may have."""
    if not ADDRESS.fullmatch(address):
        raise PictureError(f"write {EXPECTED}")
    if (folder / FOLDER).is_symlink():
        raise PictureError(f"{FOLDER}/ is a link: make it a folder beside the bank")
    try:
        return read_plain(folder / address, MAX_BYTES, cut=True)
    except FileNotFoundError:
        raise PictureError(f"there is no such file beside the bank: put it into {folder / FOLDER}") from None
    except OSError as error:
        raise PictureError(f"it cannot be read ({error.strerror}): put a PNG, JPEG or GIF there, no link") from None
