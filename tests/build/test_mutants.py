"""`grader verify --mutants`: what kills a mutant, what survives, what is waived, and the choice of graded cases."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.build import choosing
from grader.build.choosing import choose
from grader.build.forked import TooLongError, for_each_forked, within
from grader.build.mutants import Mutated, mutate_lab, sampled
from grader.build.mutate import mutants_of
from grader.build.tables import tables_refused
from grader.build.verify import verify_lab
from grader.build.visible import visible_refused
from grader.build.waivers import WaiverError, waived
from grader.checks.registry import load_lab
from grader.cli import app
from grader.course.paths import Course

LAB = "01-toy"
CASES = '''
from collections.abc import Iterator

from grader.checks import Case, Cases, Mistake


def reference(values: list[float]) -> float:
    return max(values) - min(values)


def pool() -> Iterator[Case]:
    yield Case("one", ([2.0],), family="one value")
    yield Case("up", ([1.0, 2.0],), family="values in order")
    yield Case("down", ([3.0, 1.0],), family="values out of order")
    yield Case("further down", ([4.0, 1.0],), family="values out of order")
    yield Case("three", ([2.0, 5.0, -1.0],), family="values out of order")


def last_less_first(values: list[float]) -> float:
    return values[-1] - values[0]


spread = Cases(
    "spread",
    name="spans_all",
    promise="The spread is never negative, and the values stay.",
    points=1,
    reference=reference,
    pool=pool,
    keeps_inputs=True,
    mistakes=(Mistake("Largest less smallest, not last less first.", last_less_first),),
)
'''
PATCH = """
from grader.checks import patched

{name} = patched("spread", "{old}", "{new}", caught_by="{check}", hint="")
"""
RIGHT = '''
from grader.checks import right


@right("spread")
def by_sorting(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[-1] - ordered[0]
'''


@pytest.fixture
def lab(toy: Course) -> Course:
    """The toy lab, whose exercise spread has cases and a right answer."""
    folder = toy.solutions / LAB
    (folder / "cases.py").write_text(CASES)
    (folder / "right.py").write_text(RIGHT)
    with (folder / "wrong.py").open("a") as file:
        file.write(PATCH.format(name="turned", old="highest - lowest", new="lowest - highest", check="spans_all"))
    source = folder / "lab.py"
    hidden = '"grade_id": "spread-hidden", "locked": true, "points": 2'
    assert hidden in source.read_text()
    source.write_text(source.read_text().replace(hidden, hidden.replace("2", "3")))
    return toy


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def mutated(course: Course, **options: Any) -> Mutated:
    return mutate_lab(course, LAB, "spread", **options)


def test_all_mutants_are_killed_once_cases_are_chosen(lab: Course) -> None:
    unchosen = mutated(lab)
    assert [said.partition(": ")[2] for said in unchosen.failures] == [
        "spread: spans_all: its graded cases are not chosen: run with --choose"
    ]
    [one] = mutated(lab, choosing=True).exercises
    assert one.failures == []
    assert (one.right, one.cases) == (2, 5)
    assert one.mutants == one.killed > 20
    chosen = json.loads((lab.solutions / LAB / "graded.json").read_text())
    assert set(chosen) == {"spans_all"}
    assert {"one", "up", "down"} <= set(chosen["spans_all"])  # one of each family
    again = (lab.solutions / LAB / "graded.json").read_bytes()
    assert mutated(lab).failures == []
    mutated(lab, choosing=True)
    assert (lab.solutions / LAB / "graded.json").read_bytes() == again


def test_each_refusal_is_graded(lab: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """One word of several may be refused and another one taken; no mutant of the right answers does that."""
    refusals = [f'    yield Case("none {number}", ([],), family="no value")' for number in range(5)]
    first = '    yield Case("one", ([2.0],), family="one value")'
    edit(lab.solutions / LAB / "cases.py", first, "\n".join([first, *refusals]))
    monkeypatch.setattr(choosing, "BUDGET_MS", 0.0)
    assert mutated(lab, choosing=True).failures == []
    chosen = json.loads((lab.solutions / LAB / "graded.json").read_text())
    assert {f"none {number}" for number in range(5)} < set(chosen["spans_all"])


def test_a_choice_that_lets_a_mutant_through_falls_short(lab: Course) -> None:
    (lab.solutions / LAB / "graded.json").write_text('{"spans_all": ["one"]}')
    edit(lab.solutions / LAB / "checks.py", "[2.0, -1.0, 5.0]", "[2.0, 2.0]")
    edit(lab.solutions / LAB / "checks.py", "equals(6.0", "equals(0.0")
    failures = mutated(lab).failures
    assert any("the graded cases pass it, but 'spans_all / up' tells it apart: choose again" in f for f in failures)


def test_a_survivor_is_named_until_it_is_waived_and_a_waiver_that_is_stale_is_named_too(lab: Course) -> None:
    folder = lab.solutions / LAB
    edit(folder / "right.py", "return ordered[-1] - ordered[0]", "return ordered[-1] - ordered[0] + 0.0 * len(values)")
    [one] = mutated(lab, choosing=True).exercises
    survivors = [said.removesuffix(": nothing tells it apart: widen the pool, or waive it") for said in one.failures]
    assert survivors
    assert all(said.startswith("by_sorting: ") for said in survivors)
    lines = "".join(f"  - {json.dumps(name)}\n" for name in survivors)
    (folder / "waived.yaml").write_text(f"spread:\n- because: nothing times a length is nothing\n  mutants:\n{lines}")
    [one] = mutated(lab).exercises
    assert (one.failures, one.waived) == ([], len(survivors))
    edit(folder / "right.py", " + 0.0 * len(values)", "")
    stale = mutated(lab).failures
    assert len(stale) == len(survivors)
    assert all("waived.yaml" in said and said.endswith("take it out") for said in stale)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a", "expected exercises"),
        ("spread: x", "each entry has"),
        ("spread:\n- mutants: [a]", "each entry has `because:`"),
        ("spread:\n- because: b\n  mutants: []", "each entry has"),
        ("spread:\n- because: b\n  mutants: [a]\n- because: c\n  mutants: [a]", "'a' is waived twice"),
        ("spread: [", "waived.yaml: while parsing"),
    ],
)
def test_waivers_without_a_reason_are_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "waived.yaml").write_text(text)
    with pytest.raises(WaiverError, match=says):
        waived(tmp_path)


def test_verify_tries_right_answers_on_both_roads_and_on_visible_checks(lab: Course) -> None:
    assert verify_lab(lab, LAB, seeds=2, exercise="spread").failures == []
    edit(lab.solutions / LAB / "lab.py", "spread([1.0, 4.0]) == 3.0", "spread([1.0, 4.0]) == 3.0 and spread.__doc__")
    failures = verify_lab(lab, LAB, seeds=2, exercise="spread").failures
    assert failures == ["right.py:5 by_sorting: a visible check refuses it: AssertionError: "]
    edit(lab.solutions / LAB / "right.py", "sorted(values)", "[*values]")
    failures = verify_lab(lab, LAB, seeds=2, exercise="spread").failures
    assert any("right.py:5 by_sorting: spans: " in said or "refuses it" in said for said in failures)
    assert any("in a kernel" in said for said in failures)


def test_an_unknown_exercise_is_wrong_use(lab: Course) -> None:
    for words in (["verify", LAB, "--exercise", "nothing"], ["verify", LAB, "--exercise", "nothing", "--mutants"]):
        said = CliRunner().invoke(app, words)
        assert said.exit_code == 2
        assert "it has: mean, spread" in said.output


def test_the_command_shows_what_it_found(lab: Course) -> None:
    done = CliRunner().invoke(app, ["verify", LAB, "--mutants", "--choose", "--json"])
    assert done.exit_code == 0, done.output
    [found] = json.loads(done.stdout)
    assert [one["exercise"] for one in found["exercises"]] == ["mean", "spread"]
    shown = CliRunner().invoke(app, ["verify", LAB, "--mutants", "--sample", "3"])
    assert shown.exit_code == 0
    assert "killed" in shown.stdout


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("return values[-1] - values[0]", "return max(values) - min(values)", "no different from the right answer"),
        ("last_less_first),)", "last_less_first), Mistake('Two.', lambda values: values[-1] - values[0]))", "is no dif"),
        ("def last_less_first(values: list[float])", "def last_less_first(values, more=0)", "other parameters"),
        ("keeps_inputs=True,", "keeps_inputs=True, hints={'valeu': 'x'},", "hints for 'valeu'"),
        ("keeps_inputs=True,", "keeps_inputs=True, hints={'ValueErorr': 'x'},", "hints for 'ValueErorr'"),
        ("keeps_inputs=True,", "keeps_inputs=True, hints={'ValueError or KeyError': 'x'},", None),
        ("([4.0, 1.0],)", "([4.0],)", None),
    ],
)
def test_tables_that_cannot_be_true_are_refused(lab: Course, old: str, new: str, says: str | None) -> None:
    edit(lab.solutions / LAB / "cases.py", old, new)
    found = tables_refused(load_lab(lab.solutions / LAB))
    assert any(says in said for said in found) if says else found == []


def test_visible_checks_leave_no_progress(lab: Course, tmp_path: Path) -> None:
    source = lab.solutions / LAB / "lab.py"
    cell = "from labkit import checks\nwith checks('spread') as check:\n    check.equal(spread([1.0, 4.0]), 3.0, 'is')"
    edit(source, "assert spread([1.0, 4.0]) == 3.0", cell)
    namespace: dict[str, Any] = {}
    exec("def spread(values):\n    return max(values) - min(values)", namespace)
    loaded = load_lab(lab.solutions / LAB)
    assert visible_refused(lab, LAB, loaded, namespace, lambda _: None) == [
        said for said in visible_refused(lab, LAB, loaded, namespace, lambda _: None) if "mean" in said
    ]
    assert not (Path.cwd() / "progress.jsonl").exists()


def test_a_patch_must_fit_once(lab: Course) -> None:
    wrong = lab.solutions / LAB / "wrong.py"
    text = wrong.read_text()
    wrong.write_text(text + PATCH.format(name="smallest", old="min(values)", new="0", check="spans"))
    [found] = [one for one in load_lab(wrong.parent).wrong if one.name == "smallest"]
    assert "lowest, highest = 0, max(values)" in found.source
    assert found.mistake == "min(values) becomes 0"
    for old in ("values", "median(values)"):
        wrong.write_text(text + PATCH.format(name="smallest", old=old, new="0", check="spans"))
        with pytest.raises(ValueError, match=r"wrong.py:\d+: .* times in the solution of spread; it must stand"):
            load_lab(wrong.parent)


def test_files_of_cases_import_one_another_and_no_other_labs(lab: Course) -> None:
    folder = lab.solutions / LAB
    (folder / "cases_common.py").write_text(CASES.partition("spread = Cases")[0])
    declared = "spread = Cases" + CASES.partition("spread = Cases")[2]
    (folder / "cases.py").write_text(f"from cases_common import *\nfrom cases_common import Cases, Mistake\n{declared}")
    names = [check.name for check in load_lab(folder).checks]
    assert names == ["averages", "refuses_nothing", "spans", "spans_all"]
    assert [check.file for check in load_lab(folder).checks][-1] == "cases.py"
    (folder / "checks.py").unlink()
    with pytest.raises(ValueError, match="is to be caught by"):
        load_lab(folder)
    (folder / "wrong.py").unlink()
    assert [check.exercise for check in load_lab(folder).checks] == ["spread"]


def test_what_hangs_dies_or_fails_in_a_forked_process_costs_itself(tmp_path: Path) -> None:
    def work(number: int) -> Any:
        if number == 2:
            os._exit(3)
        if number == 3:
            try:
                with within(0.2):
                    while True:
                        pass
            except TooLongError:
                return "too long"
        if number == 4:
            return bytearray(10**12)  # more than there is: a MemoryError ends the process
        return number * number

    found = dict(for_each_forked(work, range(7), 2))
    assert found == {0: 0, 1: 1, 2: None, 3: "too long", 4: None, 5: 25, 6: 36}


def test_a_process_that_says_nothing_is_ended() -> None:
    def work(number: int) -> int:
        while number == 1:
            time.sleep(60)
        return number

    assert dict(for_each_forked(work, range(3), 1, silent=2.0)) == {0: 0, 1: None, 2: 2}


def test_a_choice_is_small() -> None:
    a, b, c, d = (("check", name) for name in "abcd")
    costs = dict.fromkeys((a, b, c, d), 1.0)
    assert choose([[a, b], [b, c], [d], []], costs) == [b, d]
    assert choose([[a, b], [b, c], [d], []], costs | {b: 5.0}) == [a, c, d]  # both together are quicker
    assert choose([[a, b], [b, c], [d], []], costs, {a, d}) == [b]
    assert choose([], {a: 1.0}) == []


def test_a_sample_is_the_same_each_time() -> None:
    made = mutants_of("solution", "def f(x, n):\n    return x[n:].sum(-1) < n\n")
    once = [mutant.name for mutant in sampled(made, 5)]
    assert len(once) == 5
    assert once == [mutant.name for mutant in sampled(made[::-1], 5)][::-1]
    assert len(sampled(made, 10**6)) == len(made)


