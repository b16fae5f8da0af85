"""Manifests of packages that hold one quiz of QTI 1.2: Canvas's own, and Common Cartridge 1.1."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.model.xmltext import clean

PACKAGE = "http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1"
LOM = "http://ltsc.ieee.org/xsd/imsccv1p1/LOM/manifest"


@dataclass(frozen=True)
class Resource:
    """A file of a package, and the resources that it needs. `own` says whether the file is what the resource is."""

    id: str
    kind: str
    path: str
    needs: tuple[str, ...] = ()
    own: bool = True


def figures(paths: list[str]) -> list[Resource]:
    """Figures as resources."""
    return [Resource(f"figure-{place}", "webcontent", path) for place, path in enumerate(sorted(paths), start=1)]


def manifest(name: str, title: str, schema: tuple[str, str], resources: list[Resource], listed: str = "") -> Element:
    """A manifest; `listed` is the resource that the table of contents shows, if there is one."""
    root = etree.Element(f"{{{PACKAGE}}}manifest", nsmap={None: PACKAGE, "lom": LOM}, identifier=f"manifest-{name}")
    metadata = _sub(root, "metadata")
    _sub(metadata, "schema").text, _sub(metadata, "schemaversion").text = schema
    path = [f"{{{LOM}}}{step}" for step in ("lom", "general", "title", "string")]
    held = metadata
    for step in path:
        held = etree.SubElement(held, step)
    held.set("language", "en")
    held.text = clean(title)
    contents = _sub(root, "organizations")
    if listed:
        tree = _sub(contents, "organization", identifier="contents", structure="rooted-hierarchy")
        entry = _sub(_sub(tree, "item", identifier="root"), "item", identifier="entry", identifierref=listed)
        _sub(entry, "title").text = clean(title)
    held = _sub(root, "resources")
    for resource in resources:
        attributes = {"href": resource.path} if resource.own else {}
        made = _sub(held, "resource", identifier=resource.id, type=resource.kind, **attributes)
        _sub(made, "file", href=resource.path)
        for need in resource.needs:
            _sub(made, "dependency", identifierref=need)
    return root


def _sub(parent: Element, name: str, **attributes: str) -> Element:
    return etree.SubElement(parent, f"{{{PACKAGE}}}{name}", attributes)
