"""Blackboard: a package of pools, and of a test that draws one question of each; as Blackboard itself exports them."""

from __future__ import annotations

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.blackboard.items import BlackboardWriter
from grader.formats.blackboard.parts import make, metadata, object_id
from grader.formats.model.figures import Figure
from grader.formats.model.packages import pack
from grader.formats.model.pools import Pool, pools
from grader.formats.model.registry import Losses, exporter, nothing_carried
from grader.formats.model.xmltext import clean, dump_xml
from grader.quizzes.rendered import RenderedBank

BB = "http://www.blackboard.com/content-packaging/"
XML = "http://www.w3.org/XML/1998/namespace"
LOM = "http://www.imsglobal.org/xsd/imsmd_rootv1p2p1"
HOME = "csfiles/home_dir/"
POOL, TEST, LINKS = "assessment/x-bb-qti-pool", "assessment/x-bb-qti-test", "course/x-bb-csresourcelinks"
INFO = b"cx.package.info.version=6.0\n"


@exporter(
    "blackboard",
    title="Blackboard pools and test",
    suffix=".blackboard.zip",
    features=(
        "pools",
        "feedback",
        "option feedback",
        "partial credit",
        "maths",
        "code",
        "figures",
        "shuffle",
        "tolerance",
        "points",
    ),
    in_words=("menus",),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """A zip with a resource for each pool, one for the test, and the figures.

    Raises:
        NothingCarriedError: Blackboard has nothing like any of the items.
    """
    writer = BlackboardWriter(bank.shuffle, losses)
    files: dict[str, bytes] = {}
    resources: list[tuple[str, str, str]] = []
    drawn: list[tuple[Pool, str, str]] = []
    for pool in pools(bank):
        items = [made for made in map(writer.item, pool.questions) if made is not None]
        if not items:
            continue
        name = f"res{len(resources) + 1:05}"
        kind = items[0].findtext("itemmetadata/bbmd_questiontype") or ""
        files[f"{name}.dat"] = dump_xml(_pool(pool, items, kind))
        resources.append((name, pool.title, POOL))
        drawn.append((pool, name, kind))
    if not drawn:
        raise nothing_carried(bank, "Blackboard", losses)
    name = f"res{len(resources) + 1:05}"
    files[f"{name}.dat"] = dump_xml(_test(bank, drawn))
    resources.append((name, bank.title, TEST))
    if writer.pictures.found:
        name = f"res{len(resources) + 1:05}"
        files[f"{name}.dat"] = dump_xml(_links(writer.pictures.owners))
        resources.append((name, "CSResourceLinks", LINKS))
    for figure, number in writer.pictures.found.items():
        path = f"{HOME}__xid-{number}_1.{figure.kind}"
        files[path] = figure.data
        files[f"{path}.xml"] = dump_xml(_described(number, figure))
    if bank.pass_mark:
        losses.add("", "pass", f"Blackboard tests have no pass mark; ours is {bank.pass_mark:.0%}")
    if bank.attempts is not None:
        losses.add("", "attempts", f"the limit of {bank.attempts} attempts is to be set in the test's options")
    files["imsmanifest.xml"] = dump_xml(_manifest(resources))
    files[".bb-package-info"] = INFO
    return pack(files, first=["imsmanifest.xml"])


def _assessment(title: str, kind: str, worth: float, level: str, note: str, *sections: Element) -> Element:
    """An assessment, which is a pool or a test."""
    more = {"bbmd_assessmenttype": level}
    about = metadata("assessmentmetadata", object_id(f"{level} {title}"), "Assessment", kind, worth, **more)
    rubric = make("rubric", _shown(""), view="All")
    return make(
        "questestinterop",
        make("assessment", about, rubric, make("presentation_material", _shown(note)), *sections, title=title),
    )


def _shown(html: str) -> Element:
    text = make("mat_formattedtext", text=html, type="HTML")
    return make("flow_mat", make("material", make("mat_extension", text)), class_="Block")


def _pool(pool: Pool, items: list[Element], kind: str) -> Element:
    worth = pool.points * len(items)
    about = metadata("sectionmetadata", object_id(f"section {pool.id}"), "Section", kind, worth)
    return _assessment(pool.title, kind, worth, "Pool", "", make("section", about, *items))


def _test(bank: RenderedBank, drawn: list[tuple[Pool, str, str]]) -> Element:
    """A section for each pool, which draws one of its questions."""
    worth = sum(pool.points for pool, _, _ in drawn)
    blocks = []
    for pool, source, kind in drawn:
        more = {
            "bbmd_assessmenttype": "Test",
            "bbmd_sectiontype": "Random Block",
            "qmd_weighting": f"{pool.points:.5f}",
        }
        about = metadata("sectionmetadata", object_id(f"block {pool.id}"), "Section", kind, pool.points, **more)
        kinds = make("selection_metadata", text=kind, mdname="bbmd_questiontype", mdoperator="EQ")
        choose = make(
            "selection",
            make("selection_number", text="1"),
            make("or_selection", kinds),
            make("sourcebank_ref", text=source),
            seltype="All",
        )
        blocks.append(make("section", about, make("selection_ordering", choose)))
    about = metadata("sectionmetadata", object_id("whole"), "Section", drawn[0][2], worth, bbmd_assessmenttype="Test")
    return _assessment(bank.title, drawn[0][2], worth, "Test", bank.note, make("section", about, *blocks))


def _manifest(resources: list[tuple[str, str, str]]) -> Element:
    root = etree.Element("manifest", {"identifier": "man00001"}, nsmap={"bb": BB})
    etree.SubElement(root, "organizations")
    held = etree.SubElement(root, "resources")
    for name, title, kind in resources:
        made = etree.SubElement(held, "resource", {"identifier": name, "type": kind})
        made.set(f"{{{BB}}}file", f"{name}.dat")
        made.set(f"{{{BB}}}title", clean(title))
        made.set(f"{{{XML}}}base", name)
    return root


def _links(owners: dict[int, str]) -> Element:
    """Which item each figure belongs to."""
    links = []
    for place, (number, owner) in enumerate(owners.items(), start=1):
        told = [
            _typed("courseId", "_1_1", "data-type", "blackboard.data.course.Course"),
            _typed("parentId", owner, "parent_data_type", "asiobject"),
            make("resourceId", text=f"{number}_1"),
            make("storageType", text="PUBLIC"),
            _typed("id", f"_{place}_1", "data-type", "blackboard.platform.contentsystem.data.CSResourceLink"),
        ]
        links.append(make("cms_resource_link", *told))
    return make("cms_resource_link_list", *links)


def _typed(name: str, text: str, attribute: str, kind: str) -> Element:
    made = make(name, text=text)
    made.set(attribute, kind)
    return made


def _described(number: int, figure: Figure) -> Element:
    """What is known of a figure: its number and its name."""
    root = etree.Element(f"{{{LOM}}}lom", nsmap={None: LOM})
    resource = etree.SubElement(etree.SubElement(root, f"{{{LOM}}}relation"), f"{{{LOM}}}resource")
    name = f"figure-{number}.{figure.kind}"
    etree.SubElement(resource, f"{{{LOM}}}identifier").text = f"{number}_1#/courses/figures/{name}"
    return root
