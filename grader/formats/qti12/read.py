"""QTI 1.2, files and packages: sections, pools, and the banks that they draw from; items are read by their dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from lxml.etree import _Element as Element

from grader.formats.blackboard.read import BlackboardItem
from grader.formats.brightspace.read import BrightspaceItem
from grader.formats.model.xmltext import children, name_of
from grader.formats.qti12.item import QtiItem
from grader.formats.reading.drafts import Draft, Drafts, UnknownError, plain_points, slug
from grader.formats.reading.packaged import Package, opened

COPY = "assessment_qti.xml"  # a quiz of Canvas lies in a package twice: this one has what Common Cartridge knows of it
WORTH = ("points_per_item", "qmd_weighting")  # Canvas's and Blackboard's for an item that is drawn


@dataclass(frozen=True)
class _Pool:
    """Where items belong: the name of their group, and what each is worth."""

    group: str = ""
    points: float | None = None


@dataclass
class _Reader:
    """Reads documents. `drawn` has the pools that sections elsewhere make of whole documents, by path."""

    drafts: Drafts
    package: Package
    drawn: dict[str, _Pool] = field(default_factory=dict)

    def find_drawn(self, section: Element, paths: Mapping[str, str], titles: Mapping[str, str]) -> None:
        """Find which document a section draws from."""
        own = [child for child in children(section) if name_of(child) == "selection_ordering"]
        for name in (text for rule in own for text in _texts(rule, "sourcebank_ref")):
            path, line = paths.get(name), section.sourceline
            count = next((text for rule in own for text in _texts(rule, "selection_number")), "")
            if path is None:
                self.drafts.note("", "group", "a section that draws from a bank outside of the file", line)
            elif path in self.drawn:
                self.drafts.note("", "group", f"several sections draw from {path}; here one does", line)
            elif count != "1":
                said = f"the section {section.get('title') or name} draws {count or 'some'} items; here each is shown"
                self.drafts.note("", "group", said, line)
            else:
                worth = [plain_points(text, 0.0) for tag in WORTH for text in _texts(section, tag)]
                group = slug(titles[path]) or slug(name) or f"pool-{line}"
                taken = {pool.group for pool in self.drawn.values()}
                group = group if group not in taken else slug(f"{group}-{name}")
                self.drawn[path] = _Pool(group, next((points for points in worth if points), None))

    def read(self, element: Element, pool: _Pool, path: str) -> None:
        """Items, and sections that may be pools, of the document at a path."""
        if name_of(element) == "item":
            picture = self.package.picture(self.drafts.pictures, path)
            item = _dialect(element)(self.drafts, element, pool.group, pool.points, picture=picture)
            try:
                item.read()
            except UnknownError as error:
                item.leave_out("resprocessing", str(error))
            return
        if name_of(element) == "section":
            pool = self.pool(element, pool)
        for child in children(element):
            if name_of(child) in ("section", "item"):
                self.read(child, pool, path)

    def pool(self, section: Element, outer: _Pool) -> _Pool:
        """What a section makes of its own items."""
        own_rules = [child for child in children(section) if name_of(child) == "selection_ordering"]
        drawn = [text for rule in own_rules for text in _texts(rule, "selection_number")]
        own = [child for child in children(section) if name_of(child) == "item"]
        if drawn == ["1"] and len(own) > 1:
            name = (section.get("ident") or section.get("title") or "").removeprefix("pool_")
            worth = _texts(section, "points_per_item")
            points = plain_points(worth[0]) if worth else None
            return _Pool(slug(name) or f"pool-{section.sourceline}", points)
        if drawn and own and drawn != [str(len(own))]:
            said = f"the section {section.get('title')} draws {drawn[0]} of its items; here each is shown"
            self.drafts.note("", "group", said, section.sourceline)
        return outer


def read(data: bytes, file: str) -> Draft:
    """Read a package, or one document.

    Raises:
        XmlError, PackageError: it is broken or hostile.
        ImportRefusedError: no question is in it.
    """
    package = opened(data, "questestinterop")
    reader = _Reader(Drafts(file), package)
    found = _once(package.documents)
    tops = {path: _tops(root) for path, root in found.items()}
    titles = {path: next((top.get("title") or "" for top in held), "") for path, held in tops.items()}
    named = [(path, name) for path, held in tops.items() for name in (_stem(path), *(t.get("ident") for t in held))]
    paths = {name: path for path, name in named if name}
    for root in found.values():
        for section in (element for element in root.iter() if name_of(element) == "section"):
            reader.find_drawn(section, paths, titles)
    tests = [path for path, held in tops.items() if path not in reader.drawn and any(map(_is_test, held))]
    reader.drafts.title = next((titles[path] for path in [*tests, *found] if titles[path]), "")
    shuffled = []
    for path, root in found.items():
        for top in children(root):
            reader.read(top, reader.drawn.get(path, _Pool()), path)
        shuffled += [e.get("shuffle") for e in root.iter() if name_of(e) == "render_choice"]
    reader.drafts.shuffle = not any(shuffled) or any((value or "").lower() != "no" for value in shuffled)
    return reader.drafts.done()


def _once(found: Mapping[str, Element]) -> dict[str, Element]:
    """The documents with questions, each quiz once."""
    whole = {_stem(path) for path in found if path.endswith(".xml.qti")}
    kept = {path: root for path, root in found.items() if name_of(root) == "questestinterop"}
    return {
        path: root
        for path, root in kept.items()
        if PurePosixPath(path).name != COPY or PurePosixPath(path).parent.name not in whole
    }


def _tops(root: Element) -> list[Element]:
    return [top for top in children(root) if name_of(top) in ("assessment", "objectbank")]


def _stem(path: str) -> str:
    return PurePosixPath(path).name.split(".")[0]


def _is_test(top: Element) -> bool:
    """Whether it is a test, and no bank or pool."""
    kinds = _texts(top, "bbmd_assessmenttype")
    return name_of(top) == "assessment" and (not kinds or kinds[0] == "Test")


def _dialect(item: Element) -> type[QtiItem]:
    if any(name_of(element) == "bbmd_questiontype" for element in item.iter()):
        return BlackboardItem
    d2l = any("desire2learn" in address for address in item.nsmap.values())
    if d2l or any((element.get("varname") or "").startswith("D2L_") for element in item.iter()):
        return BrightspaceItem
    return QtiItem


def _texts(element: Element, name: str) -> list[str]:
    """The texts of all elements of a name inside."""
    return [(inside.text or "").strip() for inside in element.iter() if name_of(inside) == name]
