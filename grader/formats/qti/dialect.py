"""The dialects of QTI that are written: 2.1 spells `simpleChoice maxChoices`, 3.0 `qti-simple-choice max-choices`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.model.richtext import MATHML, Blank, Image, Style, tree
from grader.formats.model.xmltext import clean

XSI = "http://www.w3.org/2001/XMLSchema-instance"
CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")
KEPT_ATTRIBUTES = {"class", "id", "href", "src", "alt", "title", "width", "height", "colspan", "rowspan"}
STYLE = Style(maths="mathml", code="classes")


@dataclass(frozen=True)
class Dialect:
    """A version of QTI: how it spells names, where its schema lies, and what its packages call things."""

    version: str
    namespace: str
    schema: str
    prefix: str
    item_type: str
    test_type: str
    package_namespace: str
    package_schema: tuple[str, str]
    maths_in_menus: bool
    content_bodies: bool

    def name(self, name: str) -> str:
        """An element's name, from its QTI 2.1 spelling."""
        return self.prefix + self.attribute(name)

    def attribute(self, name: str) -> str:
        """An attribute's name, from its QTI 2.1 spelling."""
        return CAPITAL.sub(lambda match: f"-{match[1].lower()}", name) if self.prefix else name

    def make(self, name: str, *content: Element | str | None, **attributes: str | float | bool) -> Element:
        """An element of QTI, by its 2.1 names. Content that is None is passed over."""
        made = etree.Element(f"{{{self.namespace}}}{self.name(name)}", nsmap={None: self.namespace})
        for key, value in attributes.items():
            made.set(self.attribute(key), said(value))
        fill(made, *content)
        return made

    def html(self, name: str, *content: Element | str | None, **attributes: str) -> Element:
        """An element of HTML inside QTI."""
        made = etree.Element(f"{{{self.namespace}}}{name}", nsmap={None: self.namespace})
        for key, value in attributes.items():
            made.set(key.rstrip("_"), clean(value))
        fill(made, *content)
        return made

    def root(self, name: str, **attributes: str | float | bool) -> Element:
        """The root of a document."""
        made = etree.Element(f"{{{self.namespace}}}{self.name(name)}", nsmap={None: self.namespace, "xsi": XSI})
        made.set(f"{{{XSI}}}schemaLocation", f"{self.namespace} {self.schema}")
        for key, value in attributes.items():
            made.set(self.attribute(key), said(value))
        return made

    def rich(self, name: str, html: str, image: Image | None = None, blank: Blank | None = None) -> Element:
        """The kit's HTML inside a new element of HTML: `div`, `span`."""
        made = self.html(name)
        self.graft(made, tree(html, STYLE, image, blank))
        return made

    def graft(self, goal: Element, source: Element) -> None:
        """Copy the content of an element of HTML, without attributes that QTI does not know."""
        fill(goal, source.text)
        for child in source:
            fill(goal, self._copied(child), child.tail)

    def _copied(self, element: Element) -> Element:
        space = etree.QName(element).namespace
        if space in (MATHML, self.namespace):
            return etree.fromstring(etree.tostring(element, with_tail=False))
        made = etree.Element(f"{{{self.namespace}}}{element.tag}", nsmap={None: self.namespace})
        for key, value in element.attrib.items():
            if key in KEPT_ATTRIBUTES:
                made.set(key, value)
        self.graft(made, element)
        return made


QTI21 = Dialect(
    version="2.1",
    namespace="http://www.imsglobal.org/xsd/imsqti_v2p1",
    schema="http://www.imsglobal.org/xsd/qti/qtiv2p1/imsqti_v2p1p2.xsd",
    prefix="",
    item_type="imsqti_item_xmlv2p1",
    test_type="imsqti_test_xmlv2p1",
    package_namespace="http://www.imsglobal.org/xsd/imscp_v1p1",
    package_schema=("QTIv2.1 Package", "1.0.0"),
    maths_in_menus=False,
    content_bodies=False,
)
QTI30 = Dialect(
    version="3.0",
    namespace="http://www.imsglobal.org/xsd/imsqtiasi_v3p0",
    schema="https://purl.imsglobal.org/spec/qti/v3p0/schema/xsd/imsqti_asiv3p0_v1p0.xsd",
    prefix="qti-",
    item_type="imsqti_item_xmlv3p0",
    test_type="imsqti_test_xmlv3p0",
    package_namespace="http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1",
    package_schema=("QTI Package", "3.0.0"),
    maths_in_menus=True,
    content_bodies=True,
)


def said(value: str | float | bool) -> str:
    """A value as XML spells it; whole numbers without a point."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return clean(str(value))


def fill(goal: Element, *content: Element | str | None) -> None:
    """Append elements and text to an element."""
    for piece in content:
        if piece is None:
            continue
        if not isinstance(piece, str):
            goal.append(piece)
        elif len(goal):
            goal[-1].tail = (goal[-1].tail or "") + clean(piece)
        else:
            goal.text = (goal.text or "") + clean(piece)
