"""Common Cartridge 1.1 with one quiz, in the narrow profile of QTI 1.2.1 that cartridges allow."""

from __future__ import annotations

from grader.formats.canvas.items import Writer12, fields, make
from grader.formats.canvas.manifest import Resource, figures, manifest
from grader.formats.model.packages import pack
from grader.formats.model.pools import numbered
from grader.formats.model.registry import Losses, exporter, nothing_carried
from grader.formats.model.xmltext import dump_xml
from grader.quizzes.rendered import RenderedBank

BASE = "$IMS-CC-FILEBASE$/"
QUIZ = "imsqti_xmlv1p2/imscc_xmlv1p1/assessment"
SCHEMA = ("IMS Common Cartridge", "1.1.0")


@exporter(
    "imscc",
    title="Common Cartridge 1.1",
    suffix=".imscc",
    types=("single", "multiple", "numeric", "code-output"),
    features=("feedback", "option feedback", "maths", "code", "figures", "shuffle"),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """A cartridge with an assessment, its figures and a table of contents."""
    writer = Writer12(BASE, bank.shuffle, losses, cartridge=True)
    made = [writer.item(question) for question in numbered(bank, losses)]
    items = [item for item in made if item is not None]
    if not items:
        raise nothing_carried(bank, "Common Cartridge 1.1", losses)
    about = {"cc_profile": "cc.exam.v0p1", "qmd_assessmenttype": "Examination", "qmd_scoretype": "Percentage"}
    about["cc_maxattempts"] = "unlimited" if bank.attempts is None else str(bank.attempts)
    section = make("section", *items, ident="root_section")
    quiz = make("questestinterop", make("assessment", fields(about), section, ident="quiz", title=bank.title))
    if bank.pass_mark:
        losses.add("", "pass", f"cartridges have no pass mark; ours is {bank.pass_mark:.0%}")
    if bank.note:
        losses.add("", "note", "the note above the questions is left out")
    path = f"{bank.bank}/{bank.bank}.xml"
    pictures = figures(list(writer.figures.files))
    resources = [Resource("quiz", QUIZ, path, tuple(picture.id for picture in pictures), own=False), *pictures]
    files = {path: dump_xml(quiz), **writer.figures.files}
    files["imsmanifest.xml"] = dump_xml(manifest(bank.bank, bank.title, SCHEMA, resources, listed="quiz"))
    return pack(files, first=["imsmanifest.xml"])
