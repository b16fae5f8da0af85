"""Pictures of pixels: PNG, JPEG and GIF that are what they say, from their first byte to their last, and bounded.

Nothing is decoded: the structure is walked, sizes are read, and what follows a picture's end is cut off. Sources: PNG
(W3C, third edition, 5), JPEG (ITU-T T.81, annex B), GIF89a (CompuServe, 17 to 27).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["png", "jpg", "gif"]
MAX_BYTES = 2 * 2**20
MAX_SIDE = 8_192
MAX_PIXELS = 24_000_000
MIME: dict[Kind, str] = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif"}
PNG, JPEG, GIF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", (b"GIF87a", b"GIF89a")
# Markers of JPEG that stand alone, and those of frames, which have the size.
ALONE = {0x01, *range(0xD0, 0xD8)}
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class PictureError(ValueError):
    """A picture that is not taken; the message says why, and what helps."""


@dataclass(frozen=True)
class Pixels:
    """A picture: its kind, its bytes to its end, its width and height in pixels."""

    kind: Kind
    data: bytes
    width: int
    height: int

    @property
    def mime(self) -> str:
        """What data URIs and packages call its kind."""
        return MIME[self.kind]


def pixels(data: bytes) -> Pixels:
    """What a picture's bytes are.

    Raises:
        PictureError: no PNG, JPEG or GIF; damaged; or too large.
    """
    if len(data) > MAX_BYTES:
        raise PictureError(f"it has {len(data)} bytes, at most {MAX_BYTES} are taken: make it smaller")
    made = measured(data)
    width, height = made.width, made.height
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        said = f"it has {width} × {height} pixels, at most {MAX_SIDE} a side and {MAX_PIXELS} in all"
        raise PictureError(f"{said}: make it smaller")
    return made


def measured(data: bytes) -> Pixels:
    """The same of any size. Raises PictureError: no PNG, JPEG or GIF; or damaged."""
    walk: Callable[[bytes], tuple[int, int, int]]
    kind: Kind
    if data.startswith(PNG):
        kind, walk = "png", _png
    elif data.startswith(JPEG):
        kind, walk = "jpg", _jpeg
    elif data.startswith(GIF):
        kind, walk = "gif", _gif
    else:
        raise PictureError("its bytes are no PNG, JPEG or GIF, whatever its name says: save it as one of them")
    try:
        width, height, end = walk(data)
    except IndexError:
        raise PictureError(f"it is a damaged {kind.upper()}: it ends before its end; save it anew") from None
    return Pixels(kind, data[:end], width, height)


def _damaged(kind: str, why: str) -> PictureError:
    return PictureError(f"it is a damaged {kind} ({why}): save it anew")


def _number(data: bytes, place: int, size: int, order: Literal["big", "little"] = "big") -> int:
    """A number of `size` bytes. Raises IndexError where the bytes end before."""
    if place + size > len(data):
        raise IndexError(place)
    return int.from_bytes(data[place : place + size], order)


def _png(data: bytes) -> tuple[int, int, int]:
    """Width, height and end: chunks with their check sums, from IHDR to IEND, with IDAT between."""
    place, width, height = len(PNG), 0, 0
    seen: set[bytes] = set()
    while True:
        length = _number(data, place, 4)
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        if _number(data, place + 8 + length, 4) != zlib.crc32(kind + body):
            raise _damaged("PNG", "a check sum is wrong")
        if (kind == b"IHDR") != (not seen) or (kind == b"IHDR" and length != 13):
            raise _damaged("PNG", "its size does not come first")
        if kind == b"IHDR":
            width, height = _number(body, 0, 4), _number(body, 4, 4)
        seen.add(kind)
        place += 12 + length
        if kind == b"IEND":
            if b"IDAT" not in seen:
                raise _damaged("PNG", "there are no pixels in it")
            return width, height, place


def _jpeg(data: bytes) -> tuple[int, int, int]:
    """Width, height and end: segments, a frame among them, scans, and the marker of the end."""
    place, size, scanned = 2, (0, 0), False
    while True:
        if _number(data, place, 1) != 0xFF:
            raise _damaged("JPEG", "a marker was expected")
        marker = _number(data, place + 1, 1)
        if marker == 0xFF:  # fill
            place += 1
        elif marker in ALONE:
            place += 2
        elif marker == 0xD9:
            if not scanned or size == (0, 0):
                raise _damaged("JPEG", "there are no pixels in it")
            return size[1], size[0], place + 2
        else:
            length = _number(data, place + 2, 2)
            if length < 2:
                raise _damaged("JPEG", "a segment has no length")
            if marker in FRAMES:
                size = _number(data, place + 5, 2), _number(data, place + 7, 2)
            place += 2 + length
            if marker == 0xDA:
                scanned, place = True, _end_of_scan(data, place)


def _end_of_scan(data: bytes, place: int) -> int:
    """Where the next marker stands: 0xFF, but before neither 0, which makes it a value, nor a restart."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 1 >= len(data):
            raise IndexError(place)
        if data[place + 1] != 0 and data[place + 1] not in ALONE:
            return place
        place += 2


def _gif(data: bytes) -> tuple[int, int, int]:
    """Width, height and end: blocks of images and of extensions, to the trailer."""
    width, height, flags = _number(data, 6, 2, "little"), _number(data, 8, 2, "little"), _number(data, 10, 1)
    place, images = 13 + _colours(flags), 0
    while True:
        block = _number(data, place, 1)
        if block == 0x3B:
            if not images:
                raise _damaged("GIF", "there are no pixels in it")
            return width, height, place + 1
        if block == 0x2C:
            images += 1
            place = _blocks(data, place + 11 + _colours(_number(data, place + 9, 1)))
        elif block == 0x21:
            place = _blocks(data, place + 2)
        else:
            raise _damaged("GIF", "a block of no known kind")


def _colours(flags: int) -> int:
    """The bytes of a table of colours."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks(data: bytes, place: int) -> int:
    """The place behind blocks of data, of which an empty one is the last."""
    while size := _number(data, place, 1):
        place += 1 + size
    return place + 1
