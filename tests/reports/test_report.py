"""The class report's first screen and figures, and what is read of the gradebook for it."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree, html

from grader.course.coursedir import gradebook
from grader.course.paths import Course
from grader.quizzes.analyse import BankAnalysis, Choice, ItemAnalysis
from grader.reports import figures
from grader.reports.class_report import (
    CheckRate,
    ExerciseRate,
    LabReport,
    Misconception,
    Run,
    _missing,
    lab_report,
    report_page,
    write_report,
)
from grader.reports.glance import Week, glance, weeks_of
from grader.reports.rows import submission_rows
from grader.reports.svg import steps
from grader.text import student_text
from tests.reports.conftest import TOY
from tests.reports.test_feedback import text_of

CHECKS = (
    CheckRate("a", "It sorts.", 9, 10),
    CheckRate("b", "It keeps `ties`.", 4, 10),
    CheckRate("c", "Fast.", 10, 10),
)
EXERCISES = (
    ExerciseRate("easy", 4.0, 0.99, 9, 1, 0, ()),
    ExerciseRate("small", 1.0, 0.2, 2, 0, 8, ()),
    ExerciseRate("sort", 5.0, 0.7, 5, 4, 1, CHECKS),
    ExerciseRate("quiz", 10.0, 0.1, 0, 1, 9, ()),
)
SCORES = tuple((f"s{n}", float(n)) for n in range(10))


def report(lab: str = "01-toy", scores: tuple[tuple[str, float], ...] = SCORES, **more: object) -> LabReport:
    """A lab of 20 points with known numbers."""
    mean = sum(score for _, score in scores) / max(len(scores), 1)
    spread = (sum((score - mean) ** 2 for _, score in scores) / max(len(scores) - 1, 1)) ** 0.5
    made = LabReport(
        lab=lab, title=f"Lab {lab}", max_score=20.0, students=len(scores), graded=len(scores), waiting=0, late=0,
        mean=mean, median=mean, spread=spread, scores=scores, exercises=(), misconceptions=(), quiz=None, run=None,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def item(name: str, difficulty: float, count: int = 20) -> ItemAnalysis:
    choices = tuple(Choice("p", "", f"{n}", f"<{n}>", n == 1, 5, 0.25, 0.5, (0.2, 0.3, 0.5)) for n in range(1, 9))
    return ItemAnalysis(
        item=name, title=f"Question {name}", count=count, difficulty=difficulty, least=0, most=1, guess=None,
        discrimination=0.4, low=-0.3, high=0.6, choices=choices, variants=(), drift=None, advice=(),
    )  # fmt: skip


def run(**more: object) -> Run:
    return replace(Run("now", 1.0, "", 0.0, (), (), ()), **more)  # type: ignore[arg-type]


def test_what_to_talk_about_is_what_cost_most_and_what_says_something() -> None:
    mistakes = (
        Misconception("sort", "Follow the line.", 9),
        Misconception("easy", "Follow the line.", 8),  # at two places: it fits anything
        Misconception("sort", "A `<` that has to be `<=`.", 6),
        Misconception("small", "believes in luck", 2),
        Misconception("small", "only one", 1),
    )
    quiz = BankAnalysis("b", 20, 0.5, 0.1, None, False, (item("a", 0.6), item("b", 0.3), item("few", 0.0, 3)))
    found = glance([report(exercises=EXERCISES, misconceptions=mistakes, quiz=quiz)])
    assert found is not None
    topic = found.topic
    assert topic.exercise is not None
    assert (topic.exercise.exercise, round(topic.lost, 9)) == ("sort", 1.5)  # not small, which is worth little
    assert topic.check == CHECKS[1]
    assert [one.what for one in topic.mistakes] == ["A `<` that has to be `<=`.", "believes in luck"]
    assert topic.item is not None
    assert topic.item.item == "b"


def test_a_class_that_knows_everything_gives_nothing_to_talk_about() -> None:
    found = glance([report(exercises=EXERCISES[:1])])
    assert found is not None
    assert (found.topic.exercise, found.topic.check, found.topic.mistakes, found.topic.item) == (None, None, (), None)
    text = " ".join(html.fromstring(report_page([report(exercises=EXERCISES[:1])])).text_content().split())
    assert "No exercise stands out" in text
    assert "No misconception is shared by two students." in text


def test_whom_to_look_at_is_told_with_its_reason_the_most_urgent_first() -> None:
    before = report("01-toy", tuple((f"s{n}", 16.0) for n in range(9)))
    now = {f"s{n}": 14.0 for n in range(9)} | {"s1": 3.0, "s2": 8.0, "new": 0.0}
    after = report(
        "02-toy",
        tuple(now.items()),
        run=run(not_graded=(("x", "no JSON"), ("y", "no JSON")), flagged=(("s1", "a cell was changed"),)),
        missing=("m1", "m2", "m3", "m4", "m5"),
        failed=((student_text("z"), student_text("broken")),),
    )
    found = glance([before, after])
    assert found is not None
    told = [(one.urgency, one.named, one.why) for one in found.people]
    assert told == [
        (0, "z", ("02-toy: cannot be read: broken",)),
        (0, "x, y", ("02-toy: not graded: no JSON",)),
        (1, "s1", ("02-toy: flagged: a cell was changed", "fell to 15 % of the points; 80 % in the labs before")),
        (2, "m1, m2, m3 and 2 more", ("handed in nothing for 02-toy",)),
        (4, "new", ("0 of 20 points, far below the class",)),
    ]
    assert found.looked_at == 10


def test_who_falls_with_the_whole_class_did_not_fall() -> None:
    scores = tuple((f"s{n}", 18.0) for n in range(8))
    harder = tuple((f"s{n}", 18.0 - (9 if n else 17)) for n in range(8))
    found = glance([report("01", scores), report("02", harder)])
    assert found is not None
    assert [one.students for one in found.people] == [("s0",)]


def test_the_newest_lab_is_the_one_that_was_handed_in_last() -> None:
    first = report("01", times=(("s1", "2026-11-20T10:00"), ("s2", "2026-11-21T10:00")))
    second = report("02", times=(("s1", "2026-10-20T10:00"), ("s2", "2026-12-21T10:00"), ("s3", "2026-10-20T10:00")))
    assert [found.newest.lab for found in (glance([first, second]), glance([report("01"), report("02")])) if found] == [
        "01",
        "02",
    ]
    assert glance([report(graded=0)]) is None
    assert glance([]) is None


def test_weeks_begin_on_monday_and_add_up_over_labs() -> None:
    own = weeks_of([("2026-10-04T23:59:00", 0.5), ("2026-10-05T00:00:00", 1.0), ("2026-10-11 12:00:00", 0.0)])
    assert own == (Week("2026-09-28", 1, 0.5), Week("2026-10-05", 2, 0.5))
    found = glance([report("01", weeks=own), report("02", weeks=(Week("2026-10-05", 2, 1.0),))])
    assert found is not None
    assert found.weeks == (Week("2026-09-28", 1, 0.5), Week("2026-10-05", 4, 0.75))
    assert found.weeks[0].label == "28 Sep"
    assert [lab for lab, _ in found.labs] == ["01", "02"]


def test_the_first_screen_answers_three_questions_before_anything_else(graded: Course) -> None:
    graded.roster.write_text("platform,number,name,student,left\n,,Nobody Yet,nobody,\n,,Gone,gone,yes\n")
    write_report(graded, [TOY], graded.reports / TOY)
    path = graded.reports / TOY / "report.html"
    text = text_of(path)
    places = [text.index(f"{one}?") for one in ("How is the class", "What to talk about tomorrow", "Whom to look at")]
    assert places == sorted(places)
    assert places[-1] < text.index("Exercise by exercise")
    [one] = [lab_report(graded, TOY)]
    assert f"{len(one.scores)} of {one.students} graded, 1 handed in nothing" in text
    assert f"nobody handed in nothing for {TOY}" in text
    assert "gone handed in nothing" not in text
    tree = html.fromstring(path.read_text())
    assert {a.removeprefix("#") for a in tree.xpath("//a/@href")} <= {*tree.xpath("//@id")}
    assert "@media print" in path.read_text()


def test_labs_tell_who_handed_in_others_and_not_them(toy: Course) -> None:
    here, there = report("01", SCORES[:3]), report("02", SCORES[1:4], run=run(not_graded=(("s0", "x"),)))
    assert [one.missing for one in _missing([here, there, report("03", (), graded=0)])] == [("s3",), (), ()]


def drawn(address: str) -> etree._Element:
    kind, _, content = address.partition(",")
    assert kind == "data:image/svg+xml;base64"
    return etree.fromstring(base64.b64decode(content))


def test_figures_are_svg_within_their_frame_and_the_same_each_time() -> None:
    odd = "<script>&'\"" * 3
    made = {
        "scores": lambda: figures.score_distribution([-1.0, 0.0, 4.8, 48.0, 60.0], 48.0),
        "none": lambda: figures.score_distribution([], 0.0),
        "rates": lambda: figures.exercise_rates([*EXERCISES, ExerciseRate(odd, 1.0, 0.0, 0, 0, 0, ())]),
        "map": lambda: figures.item_map([item("a", 0.0), item("b", 1.0), replace(item("c", 0.5), discrimination=None)]),
        "curves": lambda: figures.answer_curves(item("a", 0.5)),
        "no answers": lambda: figures.answer_curves(replace(item("a", 0.5), choices=())),
        "one": lambda: figures.trend(["01"], [0.5]),
        "many": lambda: figures.trend([f"{n} Oct" for n in range(40)], [n / 39 for n in range(40)]),
    }
    for name, draw in made.items():
        assert draw() == draw(), name
        tree = drawn(draw())
        wide, high = float(tree.get("width")), float(tree.get("height"))
        for part in tree.iter("{*}rect", "{*}circle", "{*}text"):
            x = float(part.get("x", part.get("cx")))
            y = float(part.get("y", part.get("cy")))
            assert 0 <= x <= wide, (name, etree.tostring(part))
            assert -1 <= y <= high, (name, etree.tostring(part))
    assert len(list(drawn(made["scores"]()).iter("{*}rect"))) == 3  # the first, the second and the last tenth
    assert odd in [one.text for one in drawn(made["rates"]()).iter("{*}text")]


@pytest.mark.parametrize(
    ("most", "found"), [(1, [0, 1]), (3, [0, 1, 2, 3]), (47, [0, 10, 20, 30, 40]), (200, [0, 50, 100, 150, 200])]
)
def test_axes_have_round_numbers(most: float, found: list[float]) -> None:
    assert steps(most) == found


def test_rows_are_what_nbgrader_itself_says(graded: Course) -> None:
    with gradebook(graded) as book:
        book.update_or_create_assignment(TOY, duedate="2026-01-01 00:00:00 UTC")
        book.update_or_create_submission(TOY, "demo-01", timestamp="2026-01-03 00:00:00 UTC")
        book.update_or_create_student("demo-02", first_name="Ada", last_name="Lovelace")
        rows = submission_rows(book, TOY, [f"demo-0{n}" for n in range(1, 7)])
        assert len(rows) == 6
        for student, row in rows.items():
            own = book.find_submission(TOY, student)
            assert not isinstance(row, Exception)
            assert (row.submitted, row.seconds_late) == (own.timestamp, own.total_seconds_late)
            assert row.name == " ".join(filter(None, (own.student.first_name, own.student.last_name)))
            for notebook, theirs in zip(row.notebooks, own.notebooks, strict=True):
                assert notebook.name == theirs.name
                assert sorted((g.name, g.score, g.max_score, g.by_hand, g.waits) for g in notebook.grades) == sorted(
                    (g.name, g.score, g.max_score, g.manual_score is not None, g.needs_manual_grade)
                    for g in theirs.grades
                )
                assert dict(notebook.comments) == {c.name: c.comment for c in theirs.comments if c.comment}
        book.db.commit()


def test_a_report_names_no_font_or_page_of_others(graded: Course, tmp_path: Path) -> None:
    write_report(graded, [TOY], tmp_path)
    assert re.findall(r"https?://[^\s\"<]+", (tmp_path / "report.html").read_text()) == []
