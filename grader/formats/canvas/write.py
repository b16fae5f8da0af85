"""QTI 1.2 as Canvas reads it, Classic and New Quizzes: one quiz in which pools are question groups."""

from __future__ import annotations

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.canvas.items import Writer12, fields, make
from grader.formats.canvas.manifest import Resource, figures, manifest
from grader.formats.model.packages import pack
from grader.formats.model.pools import pools
from grader.formats.model.registry import Losses, exporter
from grader.formats.model.xmltext import clean, dump_xml, number
from grader.quizzes.rendered import RenderedBank

LEARNING = "associatedcontent/imscc_xmlv1p1/learning-application-resource"
CANVAS = "http://canvas.instructure.com/xsd/cccv1p0"
BASE = "%24IMS-CC-FILEBASE%24/"


@exporter(
    "qti12",
    title="QTI 1.2 (Canvas)",
    suffix=".qti12.zip",
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
    in_words=("entries", "left sides", "right sides", "menus"),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """A zip with the quiz, its settings, its figures and a manifest."""
    writer = Writer12(BASE, bank.shuffle, losses)
    root = make("section", ident="root_section")
    for pool in pools(bank):
        items = [made for made in map(writer.item, pool.questions) if made is not None]
        if len(items) <= 1:
            for item in items:
                root.append(item)
            continue
        worth = make("points_per_item", text=number(pool.points))
        choose = make("selection", make("selection_number", text="1"), make("selection_extension", worth))
        root.append(
            make("section", make("selection_ordering", choose), *items, ident=f"group-{pool.id}", title=pool.title)
        )
    attempts = "unlimited" if bank.attempts is None else str(bank.attempts)
    limit = fields({"cc_maxattempts": attempts})
    quiz = make("questestinterop", make("assessment", limit, root, ident="quiz", title=bank.title))
    if bank.pass_mark:
        losses.add("", "pass", f"Canvas quizzes have no pass mark; ours is {bank.pass_mark:.0%}")
    files = {
        f"{bank.bank}/{bank.bank}.xml": dump_xml(quiz),
        f"{bank.bank}/assessment_meta.xml": dump_xml(_settings(bank, writer)),
        **writer.figures.files,
    }
    pictures = figures(list(writer.figures.files))
    needs = ("settings", *[picture.id for picture in pictures])
    resources = [
        Resource("quiz", "imsqti_xmlv1p2", f"{bank.bank}/{bank.bank}.xml", needs, own=False),
        Resource("settings", LEARNING, f"{bank.bank}/assessment_meta.xml"),
        *pictures,
    ]
    files["imsmanifest.xml"] = dump_xml(manifest(bank.bank, bank.title, ("IMS Content", "1.1.3"), resources))
    return pack(files, first=["imsmanifest.xml"])


def _settings(bank: RenderedBank, writer: Writer12) -> Element:
    """Canvas's own file about a quiz."""
    worth = sum(pool.points for pool in pools(bank))
    root = etree.Element(f"{{{CANVAS}}}quiz", nsmap={None: CANVAS}, identifier="quiz")
    told = {
        "title": bank.title,
        "description": writer.html(bank.note) if bank.note else "",
        "shuffle_answers": "true" if bank.shuffle else "false",
        "scoring_policy": "keep_highest",
        "quiz_type": "practice_quiz" if bank.mode == "practice" else "assignment",
        "points_possible": number(worth),
        "show_correct_answers": "true" if bank.mode == "practice" else "false",
        "allowed_attempts": "-1" if bank.attempts is None else str(bank.attempts),
        "available": "false",
    }
    for name, text in told.items():
        etree.SubElement(root, f"{{{CANVAS}}}{name}").text = clean(text)
    return root
