"""XML from elsewhere, read with care; and text that XML can carry."""

from __future__ import annotations

import re

from lxml import etree

MAX_XML = 64 * 2**20
REMEDY = "the file has a document type (<!DOCTYPE …>), which can hide attacks: take it away."
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class XmlError(ValueError):
    """XML that is broken, or refused because of what it might do; the message has the line."""


def clean(text: str) -> str:
    """The text without characters that no XML can carry, such as control characters."""
    return NOT_XML.sub("", text)


def parse_xml(data: bytes) -> etree._Element:
    """The root of an XML document from elsewhere. Nothing is fetched, no entity is resolved.

    Raises:
        XmlError: it is not well formed, too large or too deep, or has a document type.
    """
    if len(data) > MAX_XML:
        raise XmlError(f"the file has {len(data)} bytes; at most {MAX_XML} are read.")
    if _has_document_type(data):
        raise XmlError(REMEDY)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise XmlError(f"this is no well-formed XML: {error}") from None
    if root.getroottree().docinfo.doctype:  # in another encoding
        raise XmlError(REMEDY)
    return root


def _has_document_type(data: bytes) -> bool:
    """Whether a document type comes before the root, behind comments and instructions; in time that grows with them."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode()
    place = len(b"\xef\xbb\xbf") if data.startswith(b"\xef\xbb\xbf") else 0
    while True:
        while data[place : place + 1].isspace():
            place += 1
        for start, end in ((b"<?", b"?>"), (b"<!--", b"-->")):
            if data.startswith(start, place):
                found = data.find(end, place + len(start))
                if found < 0:
                    return False
                place = found + len(end)
                break
        else:
            return data.startswith(b"<!DOCTYPE", place)


def dump_xml(root: etree._Element) -> bytes:
    """A document as UTF-8 with a declaration. No white space is added: it would count in listings."""
    made: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return made + b"\n"


def name_of(element: etree._Element) -> str:
    """The name of an element without its namespace; empty for comments and the like."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def children(element: etree._Element) -> list[etree._Element]:
    """The child elements, without comments."""
    return [child for child in element if name_of(child)]


def number(value: str | float) -> str:
    """A float as XML spells it, as short as it can be."""
    if isinstance(value, str):
        return value
    return str(int(value)) if float(value).is_integer() else repr(float(value))
