"""Packages: reproducible, and read with care."""

from __future__ import annotations

import io
import zipfile

import pytest

from grader.formats.model import packages
from grader.formats.model.packages import PackageError, pack, unpack
from grader.formats.model.xmltext import XmlError, parse_xml


def zipped(*files: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files:
            package.writestr(name, content)
    return made.getvalue()


def test_equal_files_give_equal_bytes_and_come_back() -> None:
    files = {"b.txt": b"b", "a/c.txt": b"c" * 1000}
    assert pack(files) == pack(dict(reversed(files.items())))
    assert unpack(pack(files)) == files


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../b", "..\\x", "C:\\x", "C:/x"])
def test_paths_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(PackageError, match="leads out"):
        unpack(zipped((name, b"x")))


def test_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MAX_UNPACKED", 2**20)
    with pytest.raises(PackageError, match="unpacks to more than"):
        unpack(zipped(("a", b"\0" * 2**19), ("b", b"\0" * 2**20)))


def test_what_is_no_zip_is_refused() -> None:
    with pytest.raises(PackageError, match="no zip"):
        unpack(b"PK\x03\x04 but no more")
    broken = bytearray(pack({"a": b"abc" * 100}))
    broken[40] ^= 0xFF
    with pytest.raises(PackageError, match="no zip"):
        unpack(bytes(broken))


BOMB = b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;">]><a x="&c;">&c;</a>'
OUTSIDE = b'<?xml version="1.0"?><!-- x --><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


@pytest.mark.parametrize("data", [BOMB, OUTSIDE, OUTSIDE.decode()[21:].encode("utf-16")])
def test_document_types_are_refused(data: bytes) -> None:
    with pytest.raises(XmlError, match="document type"):
        parse_xml(data)


def test_broken_xml_is_told_with_its_line() -> None:
    with pytest.raises(XmlError, match="line 2"):
        parse_xml(b"<a>\n<b></a>")
