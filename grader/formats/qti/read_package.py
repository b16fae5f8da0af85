"""What a QTI 2.1 package says about its items outside of them: tests' sections that draw, and the manifest."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml.etree import _Element as Element

from grader.formats.model.xmltext import children, name_of
from grader.formats.reading.drafts import LAB, Drafts

LAB_NAME = re.compile(r"\d\d-[a-z0-9-]+(?:#[\w-]+)?")


@dataclass(frozen=True)
class About:
    """What a package says about an item outside of it."""

    group: str = ""
    objective: str = ""
    lab: str = LAB


def about_items(drafts: Drafts, found: Mapping[str, Element]) -> dict[str, About]:
    """Groups out of tests' sections that draw one of their items; objectives and labs out of manifests."""
    groups: dict[str, str] = {}
    told: dict[str, tuple[str, str]] = {}
    for path, root in found.items():
        folder = posixpath.dirname(path)
        if name_of(root) == "assessmentTest":
            drafts.title = drafts.title or root.get("title") or ""
            for section in (element for element in root.iter() if name_of(element) == "assessmentSection"):
                drawn = [child.get("select") for child in children(section) if name_of(child) == "selection"]
                refs = [child for child in children(section) if name_of(child) == "assessmentItemRef"]
                if drawn and drawn != ["1"] and len(refs) > 1:
                    said = f"the section {section.get('identifier')} draws {drawn[0]} of its items; here each is shown"
                    drafts.note("", "group", said, section.sourceline)
                elif drawn:
                    name = (section.get("identifier") or "").removeprefix("pool_")
                    groups |= {_join(folder, ref.get("href")): name for ref in refs}
        elif name_of(root) == "manifest":
            for resource in (element for element in root.iter() if name_of(element) == "resource"):
                texts = {"description": "", "keyword": ""}
                for element in resource.iter():
                    if name_of(element) in texts:
                        texts[name_of(element)] = " ".join("".join(element.itertext()).split())
                told[_join(folder, resource.get("href"))] = (texts["description"], texts["keyword"])
    made = {}
    for path in found:
        objective, lab = told.get(path, ("", ""))
        made[path] = About(groups.get(path, ""), objective, lab if LAB_NAME.fullmatch(lab) else LAB)
    return made


def _join(folder: str, href: str | None) -> str:
    return posixpath.normpath(posixpath.join(folder, href or ""))
