"""Zip archives of strangers, member by member: the list of members is streamed, and what is unpacked is counted.

`zipfile` reads the whole list into memory, and one member that is wrong there makes it refuse all the others. Here a
member is judged alone: see the .ZIP File Format Specification 6.3.10 (APPNOTE), sections 4.3 and 4.4.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # how a zip begins; the second is one without members
CHUNK = 2**16
LOCAL, ENTRY, END = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s4H2IH")
END64, LOCATOR64 = struct.Struct("<4sQ2H2I4Q"), struct.Struct("<4sIQI")
FULL, FULL_COUNT = 0xFFFFFFFF, 0xFFFF  # these say: see the longer field of zip64
MAX_COMMENT = 0xFFFF
STORED, DEFLATED = 0, 8
METHODS = {1: "Shrink", 6: "Implode", 9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd"}
ENCRYPTED, DESCRIPTOR, PATCHED, UTF8 = 1 | 1 << 6 | 1 << 13, 1 << 3, 1 << 5, 1 << 11


class ArchiveError(Exception):
    """Why an archive or a member of it cannot be read, in words."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member as the list at the end of the archive has it; `size` and `packed` are bytes, as claimed."""

    name: str
    raw: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    start: int
    mode: int
    date: int
    clock: int

    @property
    def end(self) -> int:
        """Where it ends at the earliest: its header may be longer."""
        return self.start + LOCAL.size + len(self.raw) + self.packed


def members(file: BinaryIO) -> Iterator[Member]:
    """The members of an archive but folders, in the order of its list, read as they are asked for.

    Names are UTF-8 where that is possible (macOS writes it without saying so), else code page 437; a name that only
    claims to be UTF-8 holds lone surrogates.

    Raises:
        ArchiveError: it is no zip, or its list breaks off; the members before have been given then.
    """
    at, end, shift = _list_of(file)
    while at < end:
        file.seek(at)
        fields = _unpacked(ENTRY, b"PK\x01\x02", file.read(ENTRY.size))
        if fields is None:
            raise ArchiveError("its list of files is damaged")
        flags, method, clock, date, crc, packed, size, n_name, n_more, n_comment = fields[2:12]
        mode, start = fields[-2:]
        raw, more = file.read(n_name), file.read(n_more)
        at += ENTRY.size + n_name + n_more + n_comment
        if at > end:
            raise ArchiveError("its list of files breaks off")
        size, packed, start = _long_fields(more, size, packed, start)
        member = Member(
            _text(raw, flags), raw, flags, method, crc, packed, size, start + shift, mode >> 16, date, clock
        )
        if not member.name.endswith("/"):
            yield member


def contents(file: BinaryIO, member: Member, most: int) -> Iterator[bytes]:
    """The content of a member in pieces of at most 64 kB; only the last piece's success says that all were right.

    Raises:
        ArchiveError: it is a link or a device, encrypted, packed in a way that is not read, damaged, longer than `most`
            bytes, or other than the archive's list says.
    """
    _require_readable(member, most)
    left = _find(file, member)
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == DEFLATED else None
    size, crc = 0, 0
    while left > 0 or (unpacker and unpacker.unconsumed_tail):
        data = unpacker.unconsumed_tail if unpacker else b""
        if not data:
            data = file.read(min(CHUNK, left))
            left -= len(data)
            if not data:
                raise ArchiveError("it is cut off")
        try:
            piece = unpacker.decompress(data, CHUNK) if unpacker else data
        except zlib.error:
            raise ArchiveError("it is damaged") from None
        size, crc = size + len(piece), zlib.crc32(piece, crc)
        if size > most:
            raise ArchiveError(f"it unpacks to more than {most / 2**20:.0f} MB")
        yield piece
        if unpacker and unpacker.eof:
            break
    if left or (unpacker and (not unpacker.eof or unpacker.unused_data)) or size != member.size:
        raise ArchiveError("its size is not the one that the zip claims")
    if crc != member.crc:
        raise ArchiveError("it is damaged: its checksum is wrong")


def _require_readable(member: Member, most: int) -> None:
    kind = stat.S_IFMT(member.mode)
    if kind not in (0, stat.S_IFREG):
        raise ArchiveError("it is a link" if kind == stat.S_IFLNK else "it is no plain file")
    if member.flags & ENCRYPTED:
        raise ArchiveError("it is encrypted")
    if member.method not in (STORED, DEFLATED) or member.flags & PATCHED:
        raise ArchiveError(f"it is packed by {METHODS.get(member.method, 'a method')}, which is not read")
    if member.size > most:
        raise ArchiveError(f"it unpacks to more than {most / 2**20:.0f} MB")


def _find(file: BinaryIO, member: Member) -> int:
    """Go to a member's content, past its own header, which has to agree with the list; its packed length in bytes."""
    whole = file.seek(0, os.SEEK_END)
    if member.start < 0 or member.end > whole:
        raise ArchiveError("it is cut off")
    file.seek(member.start)
    fields = _unpacked(LOCAL, b"PK\x03\x04", file.read(LOCAL.size))
    if fields is None:
        raise ArchiveError("it is not where the zip claims")
    _, flags, method, _, _, crc, packed, size, n_name, n_more = fields
    own = _long_fields(file.read(n_name + n_more)[n_name:], size, packed, 0)[:2]
    file.seek(member.start + LOCAL.size)
    if file.read(n_name) != member.raw:
        raise ArchiveError("the zip calls it by two names")
    told = flags & DESCRIPTOR and (crc, *own) == (0, 0, 0)  # its figures stand behind it, and in the list
    if (method, flags & ENCRYPTED) != (member.method, member.flags & ENCRYPTED) or not (
        told or (crc, *own) == (member.crc, member.size, member.packed)
    ):
        raise ArchiveError("the zip says two things about its size, checksum or packing")
    begin = file.seek(n_more, os.SEEK_CUR)
    if told:
        file.seek(begin + member.packed)
        behind = file.read(8)  # the checksum, perhaps after a sign
        if member.crc.to_bytes(4, "little") not in (behind[:4], behind[4:]):
            raise ArchiveError("the zip says two things about its size, checksum or packing")
        file.seek(begin)
    return member.packed


def is_sound(file: BinaryIO, member: Member) -> bool:
    """Whether a member lies where the list says, as its own header says too."""
    try:
        _find(file, member)
    except ArchiveError:
        return False
    return True


def _list_of(file: BinaryIO) -> tuple[int, int, int]:
    """Where the list of members begins and ends, and by how much all positions are shifted (by what stands before)."""
    whole = file.seek(0, os.SEEK_END)
    first = max(whole - END.size - MAX_COMMENT, 0)
    file.seek(first)
    tail = file.read(END.size + MAX_COMMENT)
    found = tail.rfind(b"PK\x05\x06")
    while found >= 0:
        fields = _unpacked(END, b"PK\x05\x06", tail[found : found + END.size])
        if fields is not None:
            disk, begins_on, _, count, size, offset, comment = fields
            end = first + found
            if count == FULL_COUNT or FULL in (size, offset):
                size, offset, end = _end64(file, end) or (size, offset, end)
            shift = end - size - offset
            if disk == begins_on == 0 and first + found + END.size + comment <= whole and shift >= 0:
                file.seek(end - size)
                if size == 0 or file.read(4) == b"PK\x01\x02":
                    return end - size, end, shift
        found = tail.rfind(b"PK\x05\x06", 0, found)
    raise ArchiveError("it is no zip that can be read, or only the beginning of one")


def _end64(file: BinaryIO, end: int) -> tuple[int, int, int] | None:
    """Size and offset of the list by zip64's record, and where that record stands; None where there is none."""
    for at in (None, end - LOCATOR64.size - END64.size):
        if end < LOCATOR64.size:
            return None
        file.seek(end - LOCATOR64.size)
        locator = _unpacked(LOCATOR64, b"PK\x06\x07", file.read(LOCATOR64.size))
        if locator is None:
            return None
        place = locator[1] if at is None else at
        if not 0 <= place <= end:
            continue
        file.seek(place)
        fields = _unpacked(END64, b"PK\x06\x06", file.read(END64.size))
        if fields is not None:
            return fields[-2], fields[-1], place
    return None


def _long_fields(more: bytes, size: int, packed: int, start: int) -> tuple[int, int, int]:
    """The same figures, with zip64's in place of those that are full; without them they stay full, and lead nowhere."""
    at = 0
    while at + 4 <= len(more):
        kind, length = struct.unpack_from("<2H", more, at)
        if kind == 1:
            longer = iter(struct.unpack_from(f"<{min(length, len(more) - at - 4) // 8}Q", more, at + 4))
            size, packed, start = (next(longer, FULL) if value == FULL else value for value in (size, packed, start))
            break
        at += 4 + length
    return size, packed, start


def _text(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape") if flags & UTF8 else raw.decode("cp437")


def _unpacked(form: struct.Struct, sign: bytes, data: bytes) -> tuple[int, ...] | None:
    """The numbers of a record that begins with a sign of its own; None where something else stands."""
    return form.unpack(data)[1:] if len(data) == form.size and data.startswith(sign) else None
