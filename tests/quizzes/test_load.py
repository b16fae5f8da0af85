"""Reading banks: every error has its line and item, and hostile files are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from grader.course.paths import Course
from grader.course.settings import load_settings
from grader.quizzes.load import QuizError, load
from grader.quizzes.schema import schema

FILES = Path(__file__).resolve().parents[1] / "files" / "quiz"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("stem: What", "stm: What", 12, "powers: stm is no key that is known here"),
        ("    stem: What is larger, for a base of {{ base }}?\n", "", 3, "powers: stem is missing"),
        ("type: single", "type: sinlge", 3, "powers: input tag 'sinlge' found using 'type' does not match"),
        ("objective: compare powers", "objective: 7", 6, "powers: objective: input should be a valid string, found 7"),
        ("variants: 2", "variants: two", 11, "powers: variants: input should be a valid integer, found 'two'"),
        ("variants: 2", "variants: 0", 11, "powers: variants: input should be greater than or equal to 1, found 0"),
        ("id: powers", "id: Powers!", 3, "id: write lower-case words joined by hyphens"),
        ("lab: 01-decoding", "lab: decoding", 7, "powers: lab: string should match pattern"),
        ("title: A bank", "title: A bank\nmode: open", 2, "mode: input should be 'practice' or 'exam', found 'open'"),
        ("title: A bank", "title: A bank\npass: 70", 2, "pass: input should be less than or equal to 1, found 70"),
        ("title: Powers", "title: [1", 6, "no YAML"),
        ("title: Powers", "title: &a Powers\n    note: *a", 6, "aliases (*name) and tags (!name) are not read"),
        ("title: Powers", "title: !!python/object:os.system x", 5, "aliases (*name) and tags (!name) are not read"),
        ("title: Powers", "title: Powers\n    title: Again", 6, 'found duplicate key "title"'),
    ],
)
def test_an_error_names_line_and_item(bank: Callable[..., Path], old: str, new: str, line: int, says: str) -> None:
    path = bank(old=old, new=new)
    with pytest.raises(QuizError) as refused:
        load(path)
    faults = [str(fault) for fault in refused.value.faults]
    assert any(fault.startswith(f"{path}:{line}: ") and says in fault for fault in faults), faults


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "a mapping with title and items was expected"),
        (b"- a\n", "a mapping with title and items was expected"),
        (b"title: \xff\n", "byte 0xff is not UTF-8"),
        (b"a: " + b"[" * 3000, "nested more than 20 deep"),
        (b"#" * (2**21 + 1), "a bank has at most"),
    ],
)
def test_what_is_no_bank_is_refused(tmp_path: Path, raw: bytes, says: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(raw)
    with pytest.raises(QuizError, match=says):
        load(path)


def test_an_id_stands_once_and_a_group_is_worth_the_same(tmp_path: Path) -> None:
    text = (FILES / "sample.yaml").read_text()
    path = tmp_path / "sample.yaml"
    path.write_text(text.replace("id: which-prints-b", "id: which-prints"))
    with pytest.raises(QuizError, match="the id which-prints stands there twice"):
        load(path)
    path.write_text(text.replace("id: which-prints-b", "id: which-prints-b\n    points: 2"))
    with pytest.raises(QuizError, match=r"the items of group powers are worth \[1.0, 2.0\] points"):
        load(path)
    path.write_text(text.replace("[[b1]]", "[[b9]]"))
    with pytest.raises(QuizError, match=r"the stem has the blanks \['b2', 'b3', 'b9'\]"):
        load(path)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_file_is_a_bank_or_refused(tmp_path_factory: pytest.TempPathFactory, content: str | bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    with pytest.raises(QuizError):
        load(path)


def test_the_schema_beside_the_banks_is_the_models_and_accepts_them(repo: Course) -> None:
    text = (repo.quizzes / "bank.schema.json").read_text()
    assert text == schema(load_settings(repo.root).families)
    validator = jsonschema.Draft202012Validator(json.loads(text))
    for path in [*repo.bank_files().values(), FILES / "sample.yaml"]:
        assert list(validator.iter_errors(YAML(typ="safe").load(path))) == []
    assert list(validator.iter_errors({"title": "x", "items": [{"id": "a"}]}))


def test_families_are_those_of_the_banks_course_where_it_names_any(quiz_course: Course, tmp_path: Path) -> None:
    text = (FILES / "small.yaml").read_text()
    assert text.count("\n    lab:") == 1
    named = text.replace("\n    lab:", "\n    families: [beta, off-by-one]\n    lab:")
    inside, elsewhere = quiz_course.quizzes / "small.yaml", tmp_path / "small.yaml"
    for path in (inside, elsewhere):
        path.write_text(named)
    line = named[: named.index("off-by-one")].count("\n") + 1
    with pytest.raises(QuizError, match=f"{inside}:{line}: .*'off-by-one' is none of this course; there are: kl-pen"):
        load(inside)
    assert load(elsewhere).model.items[0].families == ["beta", "off-by-one"]
    config = quiz_course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.Grader.families = {}\n")
    assert load(inside).model.items[0].families == ["beta", "off-by-one"]
    inside.write_text(named.replace("off-by-one", "Off by one"))
    with pytest.raises(QuizError, match="write lower-case words joined by hyphens"):
        load(inside)
