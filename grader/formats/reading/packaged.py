"""XML files and zip packages from elsewhere: which format they are, and the documents inside."""

from __future__ import annotations

from typing import Literal

from lxml.etree import _Element as Element

from grader.formats.model.packages import unpack
from grader.formats.model.xmltext import XmlError, name_of, parse_xml
from grader.formats.reading.drafts import ImportRefusedError

ROOTS: dict[str, Literal["moodle-xml", "qti12", "qti21"]] = {
    "quiz": "moodle-xml",
    "questestinterop": "qti12",
    "assessmentItem": "qti21",
    "assessmentTest": "qti21",
}
LATER = "this is QTI 3, which is not read; QTI 2.1 is. Export it as that, or convert it with citolab-qti-convert."


def detect(data: bytes) -> Literal["moodle-xml", "qti12", "qti21"]:
    """The format of an XML file or a zip, by the roots of its documents.

    Raises:
        ImportRefusedError: none of ours.
    """
    if data[:4] == b"PK\x03\x04":
        names = {name_of(root) for root in _inside(data).values()}
        kinds = sorted({ROOTS[name] for name in names if name in ROOTS})
        if kinds:
            return kinds[0] if len(kinds) == 1 else "qti12" if "qti12" in kinds else kinds[0]
        said = (
            LATER if any(name.startswith("qti-") for name in names) else "the package holds no questions that are read."
        )
        raise ImportRefusedError(said)
    name = name_of(parse_xml(data))
    if name in ROOTS:
        return ROOTS[name]
    said = LATER if name.startswith("qti-") else f"the root <{name[:60]}> belongs to no format that is read."
    raise ImportRefusedError(said)


def documents(data: bytes, wanted: str) -> dict[str, Element]:
    """The XML documents of a package by path, or the one document of a file. One of them has the root `wanted`.

    Raises:
        XmlError, PackageError: broken or hostile.
        ImportRefusedError: no document has that root.
    """
    found = _inside(data) if data[:4] == b"PK\x03\x04" else {"": parse_xml(data)}
    if not any(name_of(root) == wanted for root in found.values()):
        said = f"no document in it has the root <{wanted}>."
        raise ImportRefusedError(f"{LATER}" if any(name_of(r).startswith("qti-") for r in found.values()) else said)
    return found


def _inside(data: bytes) -> dict[str, Element]:
    found = {}
    for path, content in sorted(unpack(data).items()):
        if path.lower().endswith((".xml", ".qti", ".dat")):
            try:
                found[path] = parse_xml(content)
            except XmlError as error:
                raise XmlError(f"{path}: {error}") from None
    return found
