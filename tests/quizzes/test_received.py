"""What students receive: signs of zero, options that hardly differ, one answer over and over, links, clues."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.quizzes.across import doubles, skeleton
from grader.quizzes.prove import prove
from grader.quizzes.spread import spread

Write = Callable[..., Path]

BANK = """\
title: A bank
bound: required
items:
  - id: thirds
    type: single
    title: Thirds
    objective: compute
    lab: 01-decoding
    given: |
      base = 2 + variant
      cube = lambda: base * base * base
    variants: 8
    stem: What is the third power of {{ base }}?
    claim: answer == cube()
    options:
      - {text: "{{ answer }}", value: base ** 3, feedback: Right.}
      - {text: "{{ answer }}", value: -base, feedback: No., misconception: multiplies}
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("feedback: No.", 'feedback: "That is −0.0."', "a text shows '−0.0'"),
        ("feedback: No.", 'feedback: "That is $-0.0$."', "a text shows '− 0.0'"),
        ("value: -base", "value: base ** 3 * 1.001", "two options hardly differ"),
        ("base = 2 + variant", "base = 2 + variant // 5", "in 5 of the 5 released variants"),
        ("feedback: No.", 'feedback: "It is $3-0$, and 4 − 0."', ""),
        ("feedback: No.", 'feedback: "Between -0.05 and −0.5 lies −10."', ""),
    ],
)
def test_what_a_reader_could_stumble_over_is_found(bank: Write, old: str, new: str, says: str) -> None:
    text = BANK.replace("stem: What", "stem: |\n      {{ variant }}. What") if "// 5" in new else BANK
    text = text.replace("base = 2 + variant", "base = 2 + [0, 0, 1, 0, 1, 0, 1, 0][variant]") if "// 5" in new else text
    failures = [str(one) for one in prove(bank(text, "" if "// 5" in new else old, new)).failures]
    if "// 5" in new:
        assert any("released variants" in failure for failure in failures), failures
    elif says:
        assert any(says in failure for failure in failures), failures
    else:
        assert failures == []


def test_released_variants_lie_all_over_the_space() -> None:
    for count in range(1, 21):
        assert sorted(spread(count)) == list(range(count))
        assert spread(count)[0] == 0
    first = spread(20)[:5]
    assert {one % 4 for one in first} == {0, 1, 2, 3}
    assert len({one // 4 for one in first}) >= 4
    assert len({one % 5 for one in first}) >= 4


def test_one_stem_in_two_banks_is_told(bank: Write, tmp_path: Path) -> None:
    long = BANK.replace(
        "What is the third power of {{ base }}?", "Here is a question with {{ base }} " + "words " * 12 + "?"
    )
    first = bank(long)
    second = first.with_name("other.yaml")
    second.write_text(
        long.replace("id: thirds", "id: cubes").replace("words ?", "words, 3 ?").replace("base = 2", "base = 3")
    )
    [fault] = [one for one in doubles([first, second]) if "stem" in one.message] or doubles([first, second])[:1]
    assert "thirds in small" in str(fault)
    assert doubles([first]) == []
    assert skeleton("With {{ beta:.1f }} and 3.5") == skeleton("with {{ x }}  and 7")


def test_dead_links_and_other_labels_are_told_of_the_courses_banks(repo_bank: Callable[[str, str], list[str]]) -> None:
    assert any("has no heading '3-·-Nothing'" in one for one in repo_bank('#3-·-Temperature"', '#3-·-Nothing"'))
    assert any("the label says 3: 'heat'" in one for one in repo_bank("section 3: temperature", "section 3: heat"))


@pytest.fixture
def repo_bank(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str, str], list[str]]:
    repo = request.getfixturevalue("repo")

    def failures(old: str, new: str) -> list[str]:
        text = (repo.quizzes / "assessment.yaml").read_text()
        start = text.index("  - id: two-temperatures-in-a-row")
        one = text[: text.index("items:")] + "items:\n" + text[start : text.index("\n  - id:", start)] + "\n"
        assert old in one
        folder = tmp_path / "course"
        (folder / "quizzes").mkdir(parents=True, exist_ok=True)
        (folder / "nbgrader_config.py").write_text((repo.root / "nbgrader_config.py").read_text())
        (folder / "solutions").mkdir(exist_ok=True)
        if not (folder / "labs").exists():
            (folder / "labs").symlink_to(repo.labs)
        path = folder / "quizzes" / "one.yaml"
        path.write_text(one.replace(old, new, 1))
        return [str(fault) for fault in prove(path).failures]

    return failures
