"""Small packages as other systems export them, written here by hand after their documentation."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from html import escape

from tests.formats.pictures import gif, jpeg, png


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """A zip of texts and other files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as package:
        for path, text in files.items():
            package.writestr(path, text)
    return made.getvalue()


# Blackboard --------------------------------------------------------------------------------------------------------


def formatted(html: str) -> str:
    """A text of Blackboard."""
    text = f'<mat_formattedtext type="HTML">{escape(html)}</mat_formattedtext>'
    return f'<flow class="FORMATTED_TEXT_BLOCK"><material><mat_extension>{text}</mat_extension></material></flow>'


def condition(tests: str, score: str = "SCORE.max", title: str = "correct", shows: str = "correct") -> str:
    """A condition of Blackboard."""
    return (
        f'<respcondition title="{title}"><conditionvar>{tests}</conditionvar>'
        f'<setvar variablename="SCORE" action="Set">{score}</setvar>'
        f'<displayfeedback linkrefid="{shows}" feedbacktype="Response"/></respcondition>'
    )


def equal(text: str, name: str = "response") -> str:
    """A test for a value."""
    return f'<varequal respident="{name}" case="No">{escape(text)}</varequal>'


def options(labels: Mapping[str, str], many: str = "Single") -> str:
    """Options of Blackboard."""
    shown = "".join(
        f'<flow_label class="Block"><response_label ident="{name}" shuffle="Yes"><flow_mat>{formatted(text)}</flow_mat>'
        "</response_label></flow_label>"
        for name, text in labels.items()
    )
    return (
        f'<response_lid ident="response" rcardinality="{many}"><render_choice shuffle="No">{shown}</render_choice>'
        "</response_lid>"
    )


def field(name: str = "response", kind: str = "str") -> str:
    """A field of Blackboard."""
    return (
        f'<response_{kind} ident="{name}" rcardinality="Single"><render_fib fibtype="String" prompt="Box"/>'
        f"</response_{kind}>"
    )


def percent(name: str, earned: float) -> str:
    """What an option earns by itself."""
    return condition(f'<varequal respident="{name}" case="No"/>', f"{earned:g}", "", name)


def bb_item(
    kind: str,
    stem: str,
    responses: str,
    conditions: str,
    said: Mapping[str, str] | None = None,
    points: float = 4.0,
    partial: str = "false",
    beside: str = "",
) -> str:
    """An item of Blackboard."""
    told = {"correct": "Well done.", "incorrect": "Look again."} | dict(said or {})
    feedback = "".join(
        f'<itemfeedback ident="{n}"><flow_mat>{formatted(t)}</flow_mat></itemfeedback>' for n, t in told.items()
    )
    other = condition("<other/>", "0", "incorrect", "incorrect")
    return (
        f'<item title="{escape(kind)}" maxattempts="0"><itemmetadata><bbmd_asitype>Item</bbmd_asitype>'
        f"<bbmd_questiontype>{kind}</bbmd_questiontype><bbmd_partialcredit>{partial}</bbmd_partialcredit>"
        f"<bbmd_negative_points_ind>N</bbmd_negative_points_ind>"
        f"<qmd_absolutescore_max>{points:.5f}</qmd_absolutescore_max><qmd_weighting>0.0</qmd_weighting></itemmetadata>"
        f'<presentation><flow class="Block"><flow class="QUESTION_BLOCK">{formatted(stem)}</flow>'
        f'<flow class="RESPONSE_BLOCK">{responses}</flow>{beside}</flow></presentation>'
        f'<resprocessing scoremodel="SumOfScores"><outcomes><decvar varname="SCORE" maxvalue="{points}"/></outcomes>'
        f"{conditions.replace('@other', other)}</resprocessing>{feedback}</item>"
    )


THREE = {"h1": "one", "h2": "two", "h3": "three"}
NOT3 = f"<and>{equal('h1')}{equal('h2')}<not>{equal('h3')}</not></and>"
TEXTS = "".join(map(formatted, ("<p>eight</p>", "<p>nine</p>", "<p>ten</p>")))
RIGHTS = f'<flow class="RIGHT_MATCH_BLOCK">{TEXTS}</flow>'


def side(name: str, left: str) -> str:
    """A left side, whose right sides are names alone."""
    labels = "".join(f'<response_label ident="{name}{n}"/>' for n in (1, 2, 3))
    return (
        f'<flow class="Block"><response_lid ident="{name}" rcardinality="Single"><render_choice><flow_label>{labels}'
        f"</flow_label></render_choice></response_lid>{formatted(left)}</flow>"
    )


def menu(name: str) -> str:
    """A menu in a text of Blackboard; all have the same entries."""
    shown = options({"j1": "reference", "j2": "policy", "j3": "frozen"})
    return shown.replace('<response_lid ident="response"', f'<response_lid ident="{name}"')


BB_IMAGE = '<img src="@X@EmbeddedFile.requestUrlStub@X@bbcswebdav/xid-17_1" alt="a parabola">'
BB_FILES = {"csfiles/home_dir/parabola__xid-17_1.jpg": jpeg(1)}
BLACKBOARD_ITEMS = {
    "Multiple Choice": bb_item(
        "Multiple Choice",
        f"<p>Which is $$x^2$$? {BB_IMAGE}</p>",
        options(THREE),
        condition(equal("h2")) + "@other" + percent("h1", 0) + percent("h2", 100) + percent("h3", 0),
        {"h2": "two it is"},
    ),
    "True/False": bb_item(
        "True/False",
        "Is it so?",
        options({"true": "true", "false": "false"}).replace("HTML", "PLAIN_TEXT"),
        condition(equal("false")) + "@other",
        points=2,
    ),
    "Either/Or": bb_item(
        "Either/Or",
        "Do you agree?",
        options({"yes_no.true": "yes_no.true", "yes_no.false": "yes_no.false"}),
        condition(equal("yes_no.true")) + "@other",
    ),
    "Multiple Answer": bb_item(
        "Multiple Answer",
        "Which ones?",
        options(THREE, "Multiple"),
        condition(NOT3) + "@other" + percent("h1", 50) + percent("h2", 50) + percent("h3", -50),
        {"h3": "not three"},
        partial="true",
    ),
    "Ordering": bb_item(
        "Ordering",
        "In which order?",
        options(THREE, "Ordered"),
        condition(f"<and>{equal('h3')}{equal('h1')}{equal('h2')}</and>") + "@other",
    ),
    "Matching": bb_item(
        "Matching",
        "Match them.",
        side("a", "2^3") + side("b", "3^2"),
        condition(equal("a1", "a"), "50", "") + condition(equal("b2", "b"), "50", "") + "@other",
        partial="true",
        beside=RIGHTS,
    ),
    "Numeric": bb_item(
        "Numeric",
        "What is ln 2?",
        field(kind="num"),
        condition(
            '<vargte respident="response">0.68</vargte><varlte respident="response">0.70</varlte>' + equal("0.69")
        )
        + "@other",
    ),
    "Fill in the Blank": bb_item(
        "Fill in the Blank",
        "Which model is frozen?",
        field(),
        "".join(
            f'<respcondition title="x"><conditionvar>{equal(text)}</conditionvar><setvar variablename="EvaluationType" '
            'action="Set">EXACT</setvar><displayfeedback linkrefid="correct"/></respcondition>'
            for text in ("the reference", "reference")
        )
        + "@other",
    ),
    "Fill in the Blank Plus": bb_item(
        "Fill in the Blank Plus",
        "The [who] is [what].",
        field("who") + field("what"),
        condition(
            f"<and><or>{equal('reference', 'who')}</or><or>{equal('frozen', 'what')}{equal('fixed', 'what')}</or></and>"
        )
        + "@other",
        partial="true",
    ),
    "Jumbled Sentence": bb_item(
        "Jumbled Sentence",
        "The [who] is [what].",
        menu("who") + menu("what"),
        condition(f"<and>{equal('j1', 'who')}{equal('j3', 'what')}</and>") + "@other",
        partial="true",
    ),
    "Essay": bb_item("Essay", "Tell.", field(), ""),
}


def blackboard(items: Mapping[str, str] = BLACKBOARD_ITEMS, more: Mapping[str, bytes] = BB_FILES) -> bytes:
    """A package with a pool of all items and a test that draws one of another pool; and more files."""
    truths = options({"true": "true", "false": "false"})
    drawn = "".join(
        bb_item("True/False", stem, truths, condition(equal("true")) + "@other", points=9)
        for stem in ("Is one drawn?", "Or this one?")
    )
    draws = (
        "<section><sectionmetadata><qmd_weighting>3.0</qmd_weighting></sectionmetadata><selection_ordering><selection>"
        "<selection_number>1</selection_number><sourcebank_ref>res00002</sourcebank_ref></selection></selection_ordering>"
        "</section>"
    )
    files = {
        "res00001.dat": bb_document("Pool", "Pool", "".join(items.values())),
        "res00002.dat": bb_document("Drawn", "Pool", drawn),
        "res00003.dat": bb_document("The test", "Test", draws),
    }
    resources = "".join(f'<resource identifier="{path[:8]}" file="{path}"/>' for path in files)
    files["imsmanifest.xml"] = f"<manifest><organizations/><resources>{resources}</resources></manifest>"
    return zipped({**files, ".bb-package-info": "cx.package.info.version=6.0\n", **more})


def bb_document(title: str, kind: str, inside: str) -> str:
    """A pool or a test of Blackboard."""
    return (
        f'<questestinterop><assessment title="{title}"><assessmentmetadata><bbmd_assessmenttype>{kind}'
        f"</bbmd_assessmenttype></assessmentmetadata><section>{inside}</section></assessment></questestinterop>"
    )


# Brightspace -------------------------------------------------------------------------------------------------------


def text(html: str) -> str:
    """A text of QTI 1.2."""
    return f'<material><mattext texttype="text/html">{escape(html)}</mattext></material>'


def labels(shown: Mapping[str, str]) -> str:
    """Options of QTI 1.2."""
    made = "".join(
        f'<response_label ident="{name}"><flow_mat>{text(t)}</flow_mat></response_label>' for name, t in shown.items()
    )
    return f'<render_choice shuffle="yes"><flow_label class="Block">{made}</flow_label></render_choice>'


def lid(shown: Mapping[str, str], many: str = "Single", name: str = "Q") -> str:
    """A choice of QTI 1.2."""
    return f'<response_lid ident="{name}" rcardinality="{many}">{labels(shown)}</response_lid>'


def when(test: str, score: str, name: str = "", action: str = "Set", shows: str = "", more: str = "") -> str:
    """A condition of QTI 1.2."""
    told = f'<displayfeedback feedbacktype="Response" linkrefid="{shows}"/>' if shows else ""
    named = f' varname="{name}"' if name else ""
    return (
        f"<respcondition{more}><conditionvar>{test}</conditionvar>"
        f'<setvar{named} action="{action}">{score}</setvar>{told}</respcondition>'
    )


def same(value: str, name: str = "Q", case: str = "no") -> str:
    """A test for a value."""
    return f'<varequal respident="{name}" case="{case}">{escape(value)}</varequal>'


def d2l_item(kind: str, presentation: str, rules: str, said: Mapping[str, str] | None = None, points: float = 2) -> str:
    """An item of Brightspace."""
    fields = {"qmd_computerscored": "yes", "qmd_questiontype": kind, "qmd_weighting": f"{points:.10f}"}
    about = "".join(
        f"<qti_metadatafield><fieldlabel>{k}</fieldlabel><fieldentry>{v}</fieldentry></qti_metadatafield>"
        for k, v in fields.items()
    )
    feedback = "".join(f'<itemfeedback ident="{n}">{text(t)}</itemfeedback>' for n, t in (said or {}).items())
    return (
        f'<item ident="OBJ" label="QUES" title="{kind}"><itemmetadata><qtimetadata>{about}</qtimetadata></itemmetadata>'
        f"<presentation><flow>{presentation}</flow></presentation><resprocessing><outcomes>"
        '<decvar vartype="Integer" minvalue="0" maxvalue="100" varname="que_score"/></outcomes>'
        f"{rules}</resprocessing>{feedback}</item>"
    )


AB = {"A1": "one", "A2": "two", "A3": "three"}


def ticks(right: str, wrong: str) -> str:
    """What Brightspace counts where options are ticked and left."""
    made = ""
    for name in right.split():
        made += when(same(name), "1", "D2L_Correct", "Add", f"F{name}", ' continue="yes"')
        made += when(f"<not>{same(name)}</not>", "1", "D2L_Incorrect", "Add", "", ' continue="yes"')
    for name in wrong.split():
        made += when(same(name), "1", "D2L_Incorrect", "Add", f"F{name}", ' continue="yes"')
        made += when(f"<not>{same(name)}</not>", "1", "D2L_Correct", "Add", "", ' continue="yes"')
    return made


def group(name: str, left: str) -> str:
    """A left side of Brightspace."""
    rights = {"C1": "eight", "C2": "nine", "C3": "ten"}
    return f'<response_grp respident="{name}" rcardinality="Single">{text(left)}{labels(rights)}</response_grp>'


def str_field(name: str) -> str:
    """A field of Brightspace."""
    label = f'<response_label ident="{name}_ANS"/>'
    shown = f'<render_fib fibtype="String">{label}</render_fib>'
    return f'<response_str ident="{name}" rcardinality="Single">{shown}</response_str>'


D2L_IMAGE = '<img src="/content/enforced/12-Course/figures/dot.gif" alt="a dot">'
D2L_FILES = {"figures/dot.gif": gif(1)}
D2L_ITEMS = {
    "Multiple Choice": d2l_item(
        "Multiple Choice",
        text(f"<p>Which? {D2L_IMAGE}</p>") + lid(AB, "Multiple"),
        when(same("A1"), "0", shows="F1") + when(same("A2"), "100", shows="F2") + when(same("A3"), "0"),
        {"F1": "not one", "F2": "two it is"},
    ),
    "True/False": d2l_item(
        "True/False",
        text("So?") + lid({"A1": "True", "A2": "False"}),
        when(same("A1"), "0") + when(same("A2"), "100"),
    ),
    "Multi-Select": d2l_item(
        "Multi-Select", text("Which?") + lid(AB, "Multiple"), ticks("A1 A2", "A3"), {"FA3": "not three"}
    ),
    "Fill in the Blanks": d2l_item(
        "Fill in the Blanks",
        text("The") + str_field("S1") + text("is") + str_field("S2"),
        when(same("reference", "S1_ANS"), "50")
        + when(same("frozen", "S2_ANS"), "50")
        + when(same("fixed", "S2_ANS"), "50"),
    ),
    "Matching": d2l_item(
        "Matching",
        text("Match.") + group("M1", "cube") + group("M2", "square"),
        when(same("C1", "M1"), "1", "D2L_Correct", "Add") + when(same("C2", "M2"), "1", "D2L_Correct", "Add"),
    ),
    "Ordering": d2l_item(
        "Ordering",
        text("Order.") + f'<response_grp respident="O" rcardinality="Ordered">{labels(AB)}</response_grp>',
        when(same("2", "O_A1"), "1", "D2L_Correct", "Add")
        + when(same("1", "O_A2"), "1", "D2L_Correct", "Add")
        + when(same("3", "O_A3"), "1", "D2L_Correct", "Add"),
    ),
    "Long Answer": d2l_item("Long Answer", text("Tell.") + str_field("S"), ""),
}


def brightspace(items: Mapping[str, str] = D2L_ITEMS, more: Mapping[str, bytes] = D2L_FILES) -> bytes:
    """A package with a question library; and more files."""
    space = 'xmlns:d2l_2p0="http://desire2learn.com/xsd/d2lcp_v2p0"'
    inside = f'<section title="Questions">{"".join(items.values())}</section>'
    library = f'<questestinterop {space}><objectbank ident="QLIB">{inside}</objectbank></questestinterop>'
    return zipped({"imsmanifest.xml": "<manifest/>", "questiondb.xml": library, **more})


# WebCT and Canvas --------------------------------------------------------------------------------------------------


def plain_item(
    title: str, presentation: str, rules: str, said: Mapping[str, str] | None = None, about: str = ""
) -> str:
    """An item of QTI 1.2 without a dialect."""
    feedback = "".join(f'<itemfeedback ident="{n}">{text(t)}</itemfeedback>' for n, t in (said or {}).items())
    return (
        f'<item ident="{title}" title="{title}">{about}<presentation><flow>{presentation}</flow></presentation>'
        f'<resprocessing scoremodel="SumofScores"><outcomes><decvar varname="SCORE" maxvalue="100"/></outcomes>{rules}'
        f"</resprocessing>{feedback}</item>"
    )


def right_side(name: str, left: str) -> str:
    """A left side of WebCT."""
    shown = text(left) + labels({"R1": "eight", "R2": "nine"})
    return f'<response_grp ident="{name}" rcardinality="Single">{shown}</response_grp>'


WEBCT_ITEMS = {
    "single": plain_item(
        "single",
        text("Which?") + lid(AB),
        when(same("A1"), "-50", "SCORE", "Add", "F1") + when(same("A2"), "100", "SCORE", "Add"),
        {"F1": "not one"},
    ),
    "several": plain_item(
        "several",
        text("Which?") + lid(AB, "Multiple"),
        when(same("A1"), "50", "SCORE", "Add")
        + when(same("A2"), "50", "SCORE", "Add")
        + when(same("A3"), "-50", "SCORE", "Add"),
    ),
    "match": plain_item(
        "match",
        text("Match.") + right_side("M1", "cube") + right_side("M2", "square"),
        when(same("R1", "M1"), "50", "SCORE", "Add") + when(same("R2", "M2"), "50", "SCORE", "Add"),
    ),
}


def webct() -> bytes:
    """A question database of WebCT or Vista."""
    inside = f"<section title='Questions'>{''.join(WEBCT_ITEMS.values())}</section>"
    return zipped({"imsmanifest.xml": "<manifest/>", "qti.xml": f"<questestinterop>{inside}</questestinterop>"})


def canvas_quiz(stem: str, files: Mapping[str, bytes], presentation: str = "") -> bytes:
    """A quiz of Canvas with one question; and files."""
    shown = (presentation or text(stem)) + lid(AB)
    item = plain_item("it", shown, when(same("A2"), "100", "SCORE", shows="F"), {"F": "two it is"})
    quiz = f"<questestinterop><assessment ident='q' title='Q'><section>{item}</section></assessment></questestinterop>"
    return zipped({"imsmanifest.xml": "<manifest/>", "quiz/quiz.xml": quiz, **files})


def canvas() -> bytes:
    """A course of Canvas: a quiz, which lies in it twice, draws one item of a bank and has one of its own."""
    fields = {"question_type": "multiple_choice_question", "points_possible": "2.0"}
    told = "".join(
        f"<qtimetadatafield><fieldlabel>{k}</fieldlabel><fieldentry>{v}</fieldentry></qtimetadatafield>"
        for k, v in fields.items()
    )
    about = f"<itemmetadata><qtimetadata>{told}</qtimetadata></itemmetadata>"

    def item(title: str) -> str:
        image = '<p>See <img src="$IMS-CC-FILEBASE$/curve.png" alt="a curve"></p>'
        rules = when(same("A2"), "100", "SCORE", shows="F", more=' continue="No"')
        return plain_item(title, text(image) + lid(AB), rules, {"F": "two it is"}, about)

    draws = (
        "<section ident='g1' title='Group'><selection_ordering><selection><sourcebank_ref>bank</sourcebank_ref>"
        "<selection_number>1</selection_number><selection_extension><points_per_item>3.0</points_per_item>"
        "</selection_extension></selection></selection_ordering></section>"
    )
    inside = f"<section ident='root_section'>{item('own')}{draws}</section>"
    quiz = f"<questestinterop><assessment ident='quiz' title='The quiz'>{inside}</assessment></questestinterop>"
    held = f"<objectbank ident='bank'>{item('first')}{item('second')}</objectbank>"
    return zipped(
        {
            "imsmanifest.xml": "<manifest/>",
            "quiz/assessment_meta.xml": "<quiz><title>The quiz</title></quiz>",
            "quiz/assessment_qti.xml": quiz,
            "non_cc_assessments/quiz.xml.qti": quiz,
            "non_cc_assessments/bank.xml.qti": f"<questestinterop>{held}</questestinterop>",
            "web_resources/curve.png": png(1),
        }
    )
