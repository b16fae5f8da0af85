"""XML files and zip packages from elsewhere: which format they are, and the documents inside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lxml.etree import _Element as Element

from grader.formats.model.packages import unpack
from grader.formats.model.xmltext import XmlError, name_of, parse_xml
from grader.formats.reading.drafts import ImportRefusedError
from grader.formats.reading.pictures import Picture, Pictures, in_package

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
        names = {name_of(root) for root in _inside(unpack(data)).documents.values()}
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


@dataclass(frozen=True)
class Package:
    """What came in one file: XML documents by path (an empty one for a document alone), and files."""

    documents: dict[str, Element]
    files: dict[str, bytes] = field(default_factory=dict)

    def picture(self, pictures: Pictures, document: str) -> Picture:
        """Takes over what a document names."""
        return pictures.of(in_package(self.files, document))


def opened(data: bytes, wanted: str) -> Package:
    """A package, or one document as such. One of the documents has the root `wanted`.

    Raises:
        XmlError, PackageError: broken or hostile.
        ImportRefusedError: no document has that root.
    """
    found = _inside(unpack(data)) if data[:4] == b"PK\x03\x04" else Package({"": parse_xml(data)})
    roots = {name_of(root) for root in found.documents.values()}
    if wanted not in roots:
        said = f"no document in it has the root <{wanted}>."
        raise ImportRefusedError(f"{LATER}" if any(name.startswith("qti-") for name in roots) else said)
    return found


def _inside(files: dict[str, bytes]) -> Package:
    found = {}
    for path, content in sorted(files.items()):
        if path.lower().endswith((".xml", ".qti", ".dat")):
            try:
                found[path] = parse_xml(content)
            except XmlError as error:
                raise XmlError(f"{path}: {error}") from None
    return Package(found, files)
