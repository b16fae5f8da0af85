"""Elements of Blackboard's own QTI 1.2, its names for things, and the figures of its packages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.model.figures import Figure
from grader.formats.model.xmltext import clean

STUB = "@X@EmbeddedFile.requestUrlStub@X@bbcswebdav/"
FIRST_FILE = 1_000_001  # of the numbers by which a package's files are known


def make(name: str, *content: Element | None, text: str | None = None, **attributes: str) -> Element:
    """An element without namespace; content that is None is passed over. `class_` is the attribute `class`."""
    made = etree.Element(name, {key.rstrip("_"): clean(value) for key, value in attributes.items()})
    if text is not None:
        made.text = clean(text)
    made.extend(piece for piece in content if piece is not None)
    return made


def metadata(tag: str, name: str, level: str, kind: str, worth: float, **changed: str) -> Element:
    """What Blackboard says about an assessment, a section or an item. `changed` replaces or adds fields."""
    told = {
        "bbmd_asi_object_id": name,
        "bbmd_asitype": level,
        "bbmd_assessmenttype": "Pool",
        "bbmd_sectiontype": "Subsection",
        "bbmd_questiontype": kind,
        "bbmd_is_from_cartridge": "false",
        "bbmd_is_disabled": "false",
        "bbmd_negative_points_ind": "N",
        "bbmd_canvas_fullcrdt_ind": "false",
        "bbmd_all_fullcredit_ind": "false",
        "bbmd_numbertype": "none",
        "bbmd_partialcredit": "",
        "bbmd_orientationtype": "vertical",
        "bbmd_is_extracredit": "false",
        "qmd_absolutescore_max": f"{worth:.5f}",
        "qmd_weighting": "0.0",
        "qmd_instructornotes": "",
    } | changed
    return make(tag, *[make(field_, text=text) for field_, text in told.items()])


def object_id(name: str) -> str:
    """An id as Blackboard gives it to what it keeps: `_<number>_1`."""
    return f"_{int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)}_1"


@dataclass
class Pictures:
    """The figures of a package, by number: Blackboard knows them by their numbers alone."""

    found: dict[Figure, int] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)

    def add(self, figure: Figure, owner: str) -> str:
        """Take a figure of an item, and give its address."""
        known = self.found.setdefault(figure.pixels, FIRST_FILE + len(self.found))
        self.owners.setdefault(known, owner)
        return f"{STUB}xid-{known}_1"


def label(*names: str) -> str:
    """A name of 32 hexadecimal digits."""
    return hashlib.sha256("\0".join(names).encode()).hexdigest()[:32]
