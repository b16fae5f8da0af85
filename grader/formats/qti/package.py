"""A bank as a content package of QTI 2.1 or 3.0: items, figures, a test that draws one question of each pool."""

from __future__ import annotations

from lxml import etree
from lxml.etree import _Element as Element
from pygments.formatters import HtmlFormatter

from grader.formats.model.packages import pack
from grader.formats.model.pools import Pool, Question, pools
from grader.formats.model.registry import Losses
from grader.formats.model.xmltext import dump_xml, number
from grader.formats.qti.dialect import Dialect, fill, said
from grader.formats.qti.items import STYLESHEET, ItemWriter, identifier
from grader.quizzes.rendered import RenderedBank

LOM = "http://ltsc.ieee.org/xsd/LOM"
TEST = "test.xml"


def package(dialect: Dialect, bank: RenderedBank, losses: Losses) -> bytes:
    """The package as bytes."""
    writer = ItemWriter(dialect, bank.shuffle, losses)
    drawn = pools(bank)
    files: dict[str, bytes] = {STYLESHEET: stylesheet()}
    resources = []
    for pool in drawn:
        for question in pool.questions:
            path = item_path(question)
            root = writer.item(question)
            files[path] = dump_xml(root)
            resources.append(_item_resource(dialect, question, path, root))
    files |= writer.figures.files
    files[TEST] = dump_xml(test(dialect, bank, drawn))
    if bank.attempts is not None:
        losses.add("", "attempts", f"the limit of {bank.attempts} attempts is for the delivery system to set")
    files["imsmanifest.xml"] = dump_xml(_manifest(dialect, bank, drawn, resources))
    return pack(files, first=["imsmanifest.xml"])


def item_path(question: Question) -> str:
    """Where a question lies in the package."""
    return f"items/{question.id}.xml"


def stylesheet() -> bytes:
    """The colours of listings, and their spaces."""
    colours: str = HtmlFormatter(style="default").get_style_defs("pre.code")  # type: ignore[no-untyped-call]
    return f"pre.code {{ white-space: pre; overflow-x: auto; }}\n{colours}\n".encode()


def test(dialect: Dialect, bank: RenderedBank, drawn: tuple[Pool, ...]) -> Element:
    """The test: a section for each pool of several questions, of which it selects one; and whether it was passed."""
    make = dialect.make
    note, practice = None, bank.mode == "practice"
    if bank.note:
        content = dialect.rich("div", bank.note)
        body = make("contentBody", content) if dialect.content_bodies else content
        note = make("rubricBlock", body, view="candidate")
    section = make("assessmentSection", note, identifier="all", title=bank.title, visible=True)
    for pool in drawn:
        references = [
            make("assessmentItemRef", identifier=identifier(question.id), href=item_path(question), fixed=False)
            for question in pool.questions
        ]
        if len(references) == 1:
            section.append(references[0])
            continue
        choose = make("selection", select=1)
        section.append(
            make(
                "assessmentSection", choose, *references, identifier=f"pool_{pool.id}", title=pool.title, visible=False
            )
        )
    feedback = make("itemSessionControl", maxAttempts=0 if practice else 1, showFeedback=practice)
    part = make(
        "testPart", feedback, section, identifier="part", navigationMode="nonlinear", submissionMode="individual"
    )
    root = dialect.root("assessmentTest", identifier=identifier(bank.bank), title=bank.title)
    worth = sum(pool.points for pool in drawn)
    total = make("sum", make("testVariables", variableIdentifier="SCORE"))
    passed = make(
        "gte",
        make("variable", identifier="SCORE"),
        make("baseValue", number(round(bank.pass_mark * worth, 10)), baseType="float"),
    )
    fill(
        root,
        _outcome(dialect, "SCORE", "float"),
        _outcome(dialect, "PASSED", "boolean"),
        part,
        make(
            "outcomeProcessing",
            make("setOutcomeValue", total, identifier="SCORE"),
            make("setOutcomeValue", passed, identifier="PASSED"),
        ),
    )
    return root


def _outcome(dialect: Dialect, name: str, kind: str) -> Element:
    return dialect.make("outcomeDeclaration", identifier=name, cardinality="single", baseType=kind)


# The manifest -----------------------------------------------------------------------------------------------------


def _manifest(dialect: Dialect, bank: RenderedBank, drawn: tuple[Pool, ...], resources: list[Element]) -> Element:
    root = etree.Element(f"{{{dialect.package_namespace}}}manifest", nsmap={None: dialect.package_namespace})
    root.set("identifier", f"manifest-{bank.bank}")
    metadata = _sub(dialect, root, "metadata")
    for name, text in zip(("schema", "schemaversion"), dialect.package_schema, strict=True):
        _sub(dialect, metadata, name).text = text
    metadata.append(_lom(bank.title, "", ()))
    _sub(dialect, root, "organizations")
    held = _sub(dialect, root, "resources")
    whole = _sub(dialect, held, "resource", identifier="test", type=dialect.test_type, href=TEST)
    _sub(dialect, whole, "file", href=TEST)
    for pool in drawn:
        for question in pool.questions:
            _sub(dialect, whole, "dependency", identifierref=f"item-{question.id}")
    for resource in resources:
        held.append(resource)
    return root


def _item_resource(dialect: Dialect, question: Question, path: str, root: Element) -> Element:
    held = etree.Element(f"{{{dialect.package_namespace}}}resource", nsmap={None: dialect.package_namespace})
    for key, value in {"identifier": f"item-{question.id}", "type": dialect.item_type, "href": path}.items():
        held.set(key, value)
    item = question.item
    tags = [tag for tag in (item.lab, f"bloom: {item.bloom}" if item.bloom else "", *item.families) if tag]
    _sub(dialect, held, "metadata").append(_lom(question.title, item.objective, tags))
    pictures = {element.get("src")[len("../") :] for element in root.iter(f"{{{dialect.namespace}}}img")}
    for name in [path, STYLESHEET, *sorted(pictures)]:
        _sub(dialect, held, "file", href=name)
    return held


def _lom(title: str, description: str, keywords: tuple[str, ...] | list[str]) -> Element:
    """What IEEE's Learning Object Metadata says in general about something."""
    root = etree.Element(f"{{{LOM}}}lom", nsmap={None: LOM})
    general = etree.SubElement(root, f"{{{LOM}}}general")
    for name, text in [("title", title), ("description", description), *[("keyword", word) for word in keywords]]:
        if text:
            string = etree.SubElement(etree.SubElement(general, f"{{{LOM}}}{name}"), f"{{{LOM}}}string", language="en")
            string.text = said(text)
    return root


def _sub(dialect: Dialect, parent: Element, name: str, **attributes: str) -> Element:
    return etree.SubElement(parent, f"{{{dialect.package_namespace}}}{name}", attributes)
