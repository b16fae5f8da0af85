"""The command `grader site`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader.console import LabArgument, chosen_labs, finish, stderr, wrong_use
from grader.usage import AsJson


def site(
    lab: LabArgument = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder; build/site else. It can be put on any web space.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the labs as web pages, with the figures of solved runs, quizzes to play, and a search box. No solutions.

    Each lab's solution is run once, its training too, and what it showed is kept until its source changes. Exams are
    left out. The pages are searched for answers, as `grader build --check` does, and are not kept where one is found.
    """
    from grader.site.write import write_site

    with wrong_use() as course, stderr().status("site") as status:
        names = chosen_labs(lab, course.lab_names())
        goal = out or course.root / "build" / "site"
        pages, leaks = write_site(course, names, goal, status.update)
    failures = [str(leak) for leak in leaks]
    finish({"pages": pages, "failures": failures}, failures, f"{len(pages)} pages in {goal}", as_json)
