"""OpenOlat: a QTI 2.1 package with what it reads in addition: TeX in elements of the class `math`, a pass, settings."""

from __future__ import annotations

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.model.packages import pack, unpack
from grader.formats.model.pools import pools
from grader.formats.model.registry import Losses, exporter
from grader.formats.model.richtext import MATHML
from grader.formats.model.xmltext import dump_xml, number
from grader.formats.qti.dialect import QTI21
from grader.formats.qti.package import TEST, package
from grader.quizzes.rendered import RenderedBank

SETTINGS = "QTI21PackageConfig.xml"
MOST_ATTEMPTS = 99_999


@exporter("openolat", title="OpenOlat (QTI 2.1)", suffix=".openolat.zip", in_words=("menus",))
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """The package of QTI 2.1, with formulas as TeX, the outcome variable `PASS`, and the settings of a test."""
    own = Losses()
    files = unpack(package(QTI21, bank, own))
    for loss in own.all():
        if loss.field != "attempts":  # which OpenOlat's settings have
            losses.add(loss.item, loss.field, loss.said)
    for path in [path for path in files if path.startswith("items/")]:
        files[path] = dump_xml(_with_tex(etree.fromstring(files[path])))
    files[TEST] = dump_xml(_with_pass(bank, _with_tex(etree.fromstring(files[TEST]))))
    files[SETTINGS] = dump_xml(_settings(bank))
    return pack(files, first=["imsmanifest.xml"])


def _with_tex(root: Element) -> Element:
    """Formulas as TeX: in a span of the class `math`, or in the div that a formula has for itself."""
    for formula in list(root.iter(f"{{{MATHML}}}math")):
        parent = formula.getparent()
        assert parent is not None
        tex = formula.get("alttext") or " ".join("".join(formula.itertext()).split())
        if formula.get("display") == "block" and parent.tag == f"{{{QTI21.namespace}}}div" and len(parent) == 1:
            parent.remove(formula)
            parent.text = tex
            parent.set("class", "math")
            continue
        made = QTI21.html("span", tex, class_="math")
        made.tail = formula.tail
        parent.replace(formula, made)
    return root


def _with_pass(bank: RenderedBank, root: Element) -> Element:
    """The outcome variables by the names that OpenOlat looks for, and what a whole test is worth."""
    for element in root.iter(QTI21_OUTCOME, QTI21_SET):
        if element.get("identifier") == "PASSED":
            element.set("identifier", "PASS")
    worth = sum(pool.points for pool in pools(bank))
    score = root.find(QTI21_OUTCOME)
    assert score is not None
    for name, value in (("MINSCORE", 0.0), ("MAXSCORE", worth)):
        default = QTI21.make("defaultValue", QTI21.make("value", number(value)))
        made = QTI21.make("outcomeDeclaration", default, identifier=name, cardinality="single", baseType="float")
        score.addnext(made)
    return root


QTI21_OUTCOME = f"{{{QTI21.namespace}}}outcomeDeclaration"
QTI21_SET = f"{{{QTI21.namespace}}}setOutcomeValue"


def _settings(bank: RenderedBank) -> Element:
    """The settings of a test; a teacher may change them there."""
    practice = bank.mode == "practice"
    attempts = 0 if bank.attempts is None else min(bank.attempts, MOST_ATTEMPTS)
    told = {
        "enableSuspend": "true",
        "displayScoreProgress": "true",
        "displayQuestionProgress": "true",
        "displayMaxScoreItem": "true",
        "showMenu": "true",
        "showTitles": "true",
        "hideFeedbacks": "false" if practice else "true",
        "maxAttempts": str(attempts),
        "showAssessmentResultsOnFinish": "true" if practice else "false",
        "passedType": "cutValue" if bank.pass_mark else "none",
    }
    root = etree.Element("deliveryOptions")
    for name, text in told.items():
        etree.SubElement(root, name).text = text
    results = etree.SubElement(root, "assessmentResultsOptions")
    for name in ("metadata", "sectionSummary", "questionSummary", "userSolutions", "correctSolutions"):
        shown = name in ("sectionSummary", "userSolutions") or practice
        etree.SubElement(results, name).text = "true" if shown else "false"
    return root
