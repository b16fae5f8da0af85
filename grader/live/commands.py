"""The commands `grader watch` and `grader serve`."""

from __future__ import annotations

import json
import signal
from dataclasses import asdict
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from grader.console import finish, stderr, stdout, wrong_use
from grader.text import student_text
from grader.threads import cores
from grader.usage import AsJson

if TYPE_CHECKING:
    from grader.live.watch import Told


def watch(
    labs: Annotated[list[str] | None, typer.Argument(help="Assignments; without any, all that can be graded.")] = None,
    hourly: Annotated[
        int | None,
        typer.Option(min=1, help="The most gradings of one student and assignment in an hour; c.Grader.hourly else."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Workers on this machine; as many as cores by default.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be graded now, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Grade what arrives, at once: in the folder of submissions, and in nbgrader's exchange, until Ctrl+C.

    Kernels stay warm, so that feedback is there within seconds. It is written where `grader feedback` writes it and,
    where the course has an exchange, released to the student. What a student hands in more often than --hourly waits.
    Everything that was not graded by it is graded first; a run that was stopped or killed goes on where it was.

    Examples: `grader watch`, `grader watch ps1 --hourly 12`, `grader watch --dry-run`
    """
    with wrong_use() as course:
        from grader.course.coursedir import assignment_names
        from grader.course.settings import load_settings
        from grader.live.watch import waiting
        from grader.live.watch import watch as watching

        known = assignment_names(course)
        chosen = list(labs or known)
        for name in chosen:
            if name not in known:
                raise LookupError(f"no lab is called {name!r}; there are: {', '.join(known) or 'none'}.")
        if dry_run:
            keys = waiting(course, chosen)
            if not as_json:
                for lab, student in keys:
                    stdout().print(f"{lab} {student_text(student)}")
            finish(keys, [], f"{len(keys)} submissions would be graded", as_json)
            return
        stop = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        stderr().print(f"watching {', '.join(chosen)}; Ctrl+C ends it after what is being graded")
        most = hourly or load_settings(course.root).hourly
        watching(
            course,
            chosen,
            lambda seconds: not stop.wait(seconds),
            _as_json if as_json else _in_words,
            most,
            jobs or cores(),
        )


def serve() -> None:
    """Mark exams and take hand-ins, as a service of a JupyterHub, until the hub ends it.

    The hub starts it: c.JupyterHub.services names it, see grader/README.md. Exams that c.Quizzes.served names are
    marked at once: the player shows verdict and feedback, each student's attempts are counted and written down here,
    and no key is on a student's machine. Labs that are handed in through it lie in the folder of submissions, where
    `grader watch` grades them.
    """
    with wrong_use() as course:
        from grader.live.hub import serve as serving

        serving(course)


def _in_words(told: Told) -> None:
    if told.row is None:
        stderr().print(" ".join(part for part in (told.lab, told.student, told.words) if part))
        return
    said = f"{told.row.score:g} of {told.row.max_score:g}" if told.row.graded else f"{told.row.reason}"
    stdout().print(f"{told.lab} {told.student}: {said} ({told.seconds:.1f} s)")


def _as_json(told: Told) -> None:
    typer.echo(json.dumps(asdict(told)))
