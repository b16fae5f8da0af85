"""What the README for authors says is so: its example is proved."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from grader.course.paths import Course
from grader.quizzes.prove import prove


def test_the_example_is_proved(repo: Course, tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.*?)```", (repo.quizzes / "README.md").read_text(), re.S)
    assert found
    (tmp_path / "example.yaml").write_text(found.group(1))
    shutil.copyfile(repo.quizzes / "figures.py", tmp_path / "figures.py")
    proof = prove(tmp_path / "example.yaml")
    assert [str(fault) for fault in proof.failures] == []
    assert (proof.items, proof.options, proof.variants) == (1, 2, 3)
