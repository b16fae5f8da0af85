"""ILIAS: a question pool as ILIAS exports it, in a folder named like the zip, with its questions in QTI 1.2."""

from __future__ import annotations

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.ilias.items import IliasWriter
from grader.formats.ilias.parts import make
from grader.formats.model.packages import pack
from grader.formats.model.pools import numbered
from grader.formats.model.registry import FEATURES, Losses, exporter, nothing_carried
from grader.formats.model.xmltext import clean, dump_xml
from grader.quizzes.rendered import RenderedBank

SUFFIX = ".ilias_qpl.zip"


@exporter(
    "ilias",
    title="ILIAS question pool",
    suffix=SUFFIX,
    features=frozenset(FEATURES) - {"pools", "fixed options", "tags"},
    in_words=("menus",),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """A zip with one folder. ILIAS finds the files by the name of the zip, which therefore must stay as it is.

    Raises:
        NothingCarriedError: ILIAS has nothing like any of the items.
    """
    writer = IliasWriter(bank.shuffle, losses)
    items = [made for made in map(writer.item, numbered(bank, losses)) if made is not None]
    if not items:
        raise nothing_carried(bank, "ILIAS", losses)
    if bank.pass_mark:
        losses.add("", "pass", f"a pool has no pass mark; ours is {bank.pass_mark:.0%}")
    folder = (bank.bank + SUFFIX).removesuffix(".zip")
    files = {
        f"{folder}/{folder}.xml": dump_xml(_pool(bank, items)),
        f"{folder}/{folder.replace('qpl', 'qti')}.xml": dump_xml(make("questestinterop", *items)),
    }
    return pack(files)


def _pool(bank: RenderedBank, items: list[Element]) -> Element:
    """The pool: its title, its settings, and a page for each question."""
    general = make("General", Structure="Hierarchical")
    etree.SubElement(general, "Identifier", {"Catalog": "ILIAS", "Entry": f"il_0_qpl_{bank.bank}"})
    for name, text in (("Title", bank.title), ("Language", ""), ("Description", ""), ("Keyword", "")):
        etree.SubElement(general, name, {"Language": "en"}).text = clean(text) or None
    settings = make("Settings")
    for name in ("ShowTaxonomies", "NavTaxonomy", "SkillService"):
        etree.SubElement(settings, name).text = "0"
    pages = [make("PageObject", make("PageContent", make("Question", QRef=item.get("ident") or ""))) for item in items]
    return make("ContentObject", make("MetaData", general), settings, *pages, Type="Questionpool_Test")
