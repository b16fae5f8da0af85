"""Saved attempts in many forms: every question is there, keys are what the text tells, and the rest stays open."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.formats.importing import Imported, import_bytes, import_file
from grader.formats.reading.drafts import ImportRefusedError
from grader.quizzes.load import QuizError
from grader.quizzes.model import Cloze, Multiple, Single
from grader.quizzes.parts import OPEN, Words
from grader.quizzes.prove import prove, proved_bank
from tests.formats.elsewhere import elsewhere

ATTEMPTS = "the folder of saved attempts"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("plain.txt", ["???", "??"]), ("bold.md", ["-+-", "-+"]), ("marks.md", ["-+-", "+-"])],
)
def test_the_attempts_that_people_saved_are_read(name: str, wanted: list[str]) -> None:
    assert keys(import_file(elsewhere("SAVED_ATTEMPTS", ATTEMPTS) / name)) == wanted


def test_a_quoted_attempt_tells_its_choices_by_standing_out_of_the_quotation() -> None:
    first, second = import_file(elsewhere("SAVED_ATTEMPTS", ATTEMPTS) / "quoted.md").items
    assert isinstance(first, Multiple)
    assert [option.key for option in first.options] == [None, True, True]
    assert isinstance(second, Cloze)
    blank = second.blanks["answer"]
    assert isinstance(blank, Words)
    assert (blank.answers, [wrong.text for wrong in blank.wrong]) == (["(imported; say what is right)"], ["6"])


def read(text: str) -> Imported:
    return import_bytes(text.encode(), "attempt.md")


def keys(found: Imported) -> list[str]:
    """Each item's options: `+` a key, `-` a distractor, `?` open."""
    made = []
    for item in found.items:
        assert isinstance(item, Single | Multiple)
        made.append("".join("+" if o.key else "-" if o.misconception else "?" for o in item.options))
    return made


# Each of these says the same: the first question was answered rightly with its second option, in the second one the
# first of three options was wrong.
STEMS = ("Which one is frozen?", "What does beta do?")
FORMS = {
    "boxes in brackets, Q1": """
Q1. Which one is frozen?
1/1 point
[ ] The policy
[x] The reference
[ ] The value head
Correct!

Q2. What does beta do?
0/1 point
[x] It clips
[ ] It pulls
[ ] It samples
Incorrect.
""",
    "round boxes, bold heads": """
**Question 1** Which one is frozen?

○ The policy
● The reference
○ The value head

✓ Correct

**Question 2** What does beta do?

● It clips
○ It pulls
○ It samples

✗ Incorrect
""",
    "bold whole heads": """
**Question 1: Which one is frozen?**
( ) The policy
(x) The reference
( ) The value head
**Correct**
**Question 2: What does beta do?**
(x) It clips
( ) It pulls
( ) It samples
**Incorrect**
""",
    "letters and an answer line": """
1.Question 1
Which one is frozen?
A. The policy
B. The reference
C. The value head
Your answer: B
Correct

2.Question 2
What does beta do?
A) It clips
B) It pulls
C) It samples
Your answer: A
Incorrect
""",
    "bold letters": """
## Question 1 of 2
Which one is frozen?
- A. The policy
- **B. The reference**
- C. The value head

> **Correct**
> Its weights do not change.

## Question 2 of 2
What does beta do?
- **A. It clips**
- B. It pulls
- C. It samples

> **Incorrect**
""",
    "quoted": """
> 1. Question 1
> Which one is frozen?
>
> - ☐ The policy
> - ☑ The reference
> - ☐ The value head
>
> Correct
>
> 2. Question 2
> What does beta do?
>
> - ☑ It clips
> - ☐ It pulls
> - ☐ It samples
>
> Incorrect
""",
    "remains of HTML": """
<h3>Question 1</h3>
<p>Which one is frozen?</p>
- The policy<br>
- <strong>The reference</strong>
- The value&nbsp;head
<p><b>Correct</b></p>
<h3>Question 2</h3>
<p>What does beta do?</p>
- <b>It clips</b>
- It pulls
- It samples
<p><b>Incorrect</b></p>
""",
    "German": """
Frage 1
Which one is frozen?
Erreichte Punkte 1,00 von 1,00
☐ The policy
☒ The reference
☐ The value head
Richtig!

Frage 2
What does beta do?
Erreichte Punkte 0,00 von 1,00
☒ It clips
☐ It pulls
☐ It samples
Falsch.
""",
    "French": """
Question 1.
Which one is frozen?
1 / 1 point
◯ The policy
◉ The reference
◯ The value head
Bonne réponse

Question 2.
What does beta do?
0 / 1 point
◉ It clips
◯ It pulls
◯ It samples
Mauvaise réponse
""",
    "Spanish": """
Pregunta 1: Which one is frozen?
- [ ] The policy
- [x] The reference
- [ ] The value head

Correcto

Pregunta 2: What does beta do?
- [x] It clips
- [ ] It pulls
- [ ] It samples

Incorrecto
""",
    "Italian, Dutch": """
Domanda 1
Which one is frozen?
* The policy
* **The reference**
* The value head
Esatto!
Vraag 2
What does beta do?
* **It clips**
* It pulls
* It samples
Onjuist
""",
    "Portuguese, the mark behind": """
Pergunta 1
Which one is frozen?
- The policy
- **The reference**
- The value head
Correto
Pergunta 2
What does beta do?
- **It clips**
- It pulls
- It samples
Incorreto
""",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_read_with_its_keys_and_its_choices(form: str) -> None:
    found = read(FORMS[form])
    assert keys(found) == ["-+-", "-??"]
    assert [item.stem for item in found.items] == list(STEMS)
    texts = [[option.text for option in item.options] for item in found.items if isinstance(item, Single)]
    assert texts == [["The policy", "The reference", "The value head"], ["It clips", "It pulls", "It samples"]]
    assert found.attempt is not None
    assert list(found.attempt.chosen.values()) == [(1,), (0,)]
    assert found.replay is not None
    assert found.replay.differ == ()
    assert [unread.field for unread in found.unread] == ["key"]


def test_marks_before_and_behind_options_are_keys() -> None:
    found = read("Q1) One?\n- ✅ a\n- ❌ b\n\nQ2) Two?\n- a ❌\n- b ✔\n- c ❌\n")
    assert keys(found) == ["+-", "-+-"]
    assert {unread.field for unread in found.unread} == {"chosen"}


def test_a_line_that_names_the_answer_is_a_key() -> None:
    found = read(
        "Question 1\nOne?\nA. a\nB. b\nC. c\nAnswer: C\nExplanation: so it is.\n\nQuestion 2\nTwo?\nA. x\nB. y\nCorrect answer: x\n"  # noqa: E501
    )
    assert keys(found) == ["--+", "+-"]
    first = found.items[0]
    assert isinstance(first, Single)
    assert first.options[2].feedback == "so it is."


def test_an_answer_that_names_no_option_is_not_guessed() -> None:
    found = read("Question 1\nOne?\nA. a\nB. b\nAnswer: D\n")
    assert keys(found) == ["??"]
    assert "key" in {unread.field for unread in found.unread}


def test_feedback_and_verdicts_belong_to_their_options() -> None:
    text = """Question 1
Which cut the tail? Select all that apply.
0 / 1 point
- [x] top_k
Correct
Only k stay.
- [x] temperature
This should not be selected
It spreads.
- [ ] top_p
"""
    found = read(text)
    (item,) = found.items
    assert isinstance(item, Multiple)
    assert keys(found) == ["+-?"]
    assert [option.feedback for option in item.options][:2] == ["Only k stay.", "It spreads."]


def test_a_typed_answer_is_right_or_known_to_be_wrong() -> None:
    found = read(
        "Question 1\nWhat is 2 + 2?\n1 / 1 point\nYour answer: 4\nCorrect\n\nQuestion 2\n3 + 3?\n0 / 1 point\nYour answer: 5\nIncorrect\n"  # noqa: E501
    )
    blanks = [item.blanks["answer"] for item in found.items if isinstance(item, Cloze)]
    assert [blank.answers for blank in blanks if isinstance(blank, Words)] == [["4"], ["(imported; say what is right)"]]
    assert [[w.text for w in blank.wrong] for blank in blanks if isinstance(blank, Words)] == [[], ["5"]]
    assert [unread.field for unread in found.unread] == ["answers", "key"]


def test_a_typed_answer_that_is_open_is_refused_until_it_is_said(tmp_path: Path) -> None:
    bank = tmp_path / "open.yaml"
    found = read("Question 1\nWhat is 3 + 3?\n0 / 1 point\nYour answer: 5\nIncorrect\n")
    assert found.todo.open == ("q1-what-is-3",)
    bank.write_text(found.yaml)
    (failure,) = prove(bank).failures
    line = found.yaml.split("\n").index(f"          - {OPEN}") + 1
    assert (failure.item, failure.line) == ("q1-what-is-3", line)
    assert failure.message == f"its key is open: write the right answer in place of {OPEN!r}"
    with pytest.raises(QuizError, match="its key is open"):  # nothing is built or exported with it
        proved_bank(bank)
    bank.write_text(found.yaml.replace(OPEN, '"6"'))
    assert prove(bank).failures == ()


def test_a_listing_loses_the_numbers_that_were_pasted_with_it() -> None:
    found = read(
        "Question 1\nWhat is printed?\n1 total = 0\n2 for k in range(3):\n3     total += k\n4 print(total)\n- [x] 3\n- [ ] 6\nCorrect\n"  # noqa: E501
    )
    assert "```python\ntotal = 0\nfor k in range(3):\n    total += k\nprint(total)\n```" in found.items[0].stem


def test_a_question_that_cannot_be_read_drops_no_other() -> None:
    found = read(
        "Question 1\nOne?\n- [x] a\n- [ ] b\nCorrect\nQuestion 2\nWrite an essay.\nQuestion 3\nThree?\n- [ ] a\n- [x] b\nCorrect\n"  # noqa: E501
    )
    assert [item.stem for item in found.items] == ["One?", "Three?"]
    assert [(unread.field, unread.line) for unread in found.unread] == [("options", 6)]


WORDS = st.sampled_from(
    [
        "Question",
        "Q",
        "1",
        "2",
        "3",
        ".",
        ")",
        ": ",
        "\n",
        "\n\n",
        "- ",
        "* ",
        "> ",
        "☐ ",
        "☒ ",
        "✅ ",
        "❌ ",
        "[x] ",
        "[ ] ",
        "**",
        "A. ",
        "B. ",
        "Correct",
        "Incorrect",
        "1 / 1 point",
        "0/1 point",
        "Answer: ",
        "Your answer: ",
        "Explanation: ",
        "```",
        "a",
        "text ",
        "$",
        "{{ ",
        "<b>",
        "&amp;",
        " ",
        "Check",
        "Richtig",
        "This should be selected",
    ]
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(WORDS, max_size=60).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    said = ""
    try:
        import_bytes(text.encode(), "file", "text")
    except ImportRefusedError as error:
        said = str(error)
    assert said == "" or said.startswith("file: ")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.sampled_from(
            ["- [x] a\n- [ ] b\nCorrect\n", "1 / 1 point\n", "", "Two\n\nrows\n", "Your answer: 4\nCorrect\n"]
        ),
        min_size=1,
        max_size=6,
    )
)
def test_every_number_is_an_item_or_is_told(bodies: list[str]) -> None:
    text = "".join(f"Question {number}\nWhat?\n{body}\n" for number, body in enumerate(bodies, start=1))
    try:
        found = import_bytes(text.encode(), "file", "text")
    except ImportRefusedError:
        return
    told = [one.id for one in found.items] + [one.item for one in found.unread]
    numbers = {int(match[1]) for name in told if (match := re.match(r"q(\d+)", name))}
    assert numbers == set(range(1, len(bodies) + 1))
