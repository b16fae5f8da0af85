"""Pictures that tests make: small PNG, JPEG and GIF files, each with pixels of its own, and HTML that shows them."""

from __future__ import annotations

import base64
import struct
import zlib

PNG = b"\x89PNG\r\n\x1a\n"
# The smallest baseline JPEG that decoders take: one grey pixel (ITU-T T.81, annex B).
JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300"
    + "01" * 64
    + "ffc0000b080001000101011100ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b5100002010303"
    "020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25"
    "262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495"
    "969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5"
    "f6f7f8f9faffda0008010100003f00fbd0ffd9"
)


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(number: int = 0, width: int = 8, height: int = 8) -> bytes:
    """A PNG whose pixels a number decides."""
    row = b"\0" + bytes((number + place) % 256 for place in range(3 * width))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b"")


def jpeg(number: int = 0) -> bytes:
    """A JPEG; a comment makes it one of many."""
    comment = b"made for a test: %d" % number
    return JPEG[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + JPEG[2:]


def gif(number: int = 0) -> bytes:
    """A GIF of one pixel, of a colour of its own."""
    colours = bytes((number % 256, number // 256 % 256, 7, 0, 0, 0))
    return b"GIF89a\x01\x00\x01\x00\x80\x00\x00" + colours + b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"


def uri(data: bytes) -> str:
    """A picture in an address."""
    kind = "png" if data.startswith(PNG) else "gif" if data.startswith(b"GIF") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def img(data: bytes, alt: str = "a made picture") -> str:
    """HTML that shows a picture."""
    return f'<img src="{uri(data)}" alt="{alt}">'
