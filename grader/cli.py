"""The command `grader`: thin, and quick to start, because each command imports what it needs when it runs."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.console import LabArgument, OneLab, chosen_labs, finish, new_table, stderr, stdout, wrong_use
from grader.exchange.backup_commands import backup, restore
from grader.exchange.commands import bundle, collect, return_feedback
from grader.exchange.roster_commands import roster_app
from grader.exchange.student_commands import student_app
from grader.formats.commands import quiz_app
from grader.grading.forks import modules_of, start_server
from grader.live.commands import serve, watch
from grader.quizzes import author_commands as author_commands
from grader.reports.commands import analyse_quiz, export_grades, feedback, report_class, self_check
from grader.site.commands import site
from grader.usage import AsJson

if TYPE_CHECKING:
    from grader.build.mutants import Mutated
    from grader.build.verify import Verification
    from grader.course.paths import Course
    from grader.grading.autograde import Engine, Row
    from grader.grading.regrade import Moved
    from grader.text import StudentText

app = typer.Typer(
    help="Grade any nbgrader course, fast and shut in; build and verify labs with trusted checks; quizzes.\n\n"
    "Run it in the folder of a course. An assignment is named as nbgrader names it. Exit codes: 0 all held, "
    "1 something fell short (it is listed), 2 wrong use.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.add_typer(quiz_app, name="quiz")
quiz_app.command("analyse")(analyse_quiz)
app.command()(feedback)
app.command("report")(report_class)
app.command("export-grades")(export_grades)
app.command("self-check")(self_check)
app.command()(bundle)
app.command()(site)
app.command()(collect)
app.command()(return_feedback)
app.add_typer(roster_app, name="roster")
app.add_typer(student_app, name="student")
app.command()(backup)
app.command()(restore)
app.command()(watch)
app.command()(serve)


@app.command()
def build(
    lab: LabArgument = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; fail on drift and on leaked answers.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make labs/ from solutions/ and register the assignments with nbgrader.

    With --check it builds in a temporary folder, compares byte for byte, and looks for answers in labs/.
    """
    from grader.build.side_by_side import begin, for_each_lab

    with wrong_use() as course, stderr().status("building") as status:
        names = chosen_labs(lab, course.lab_names())
        if len(names) > 1:
            begin("grader.build.release")  # it imports what takes seconds while this process does
        from grader.build.counts import check_counts, write_counts
        from grader.build.leaks import find_leaks
        from grader.build.release import build_lab, check_lab, prepare

        if check:
            checked = for_each_lab(partial(check_lab, course), names, status.update)
            failures = [str(drift) for drifts in checked for drift in drifts]
            failures += [str(drift) for drift in check_counts(course)]
            failures += [str(leak) for leak in find_leaks(course)]
            finish({"labs": names, "failures": failures}, failures, f"{len(names)} labs as their sources say", as_json)
            return
        prepared = for_each_lab(partial(prepare, course), names, status.update)
        changed = [
            str(path) for name, one in zip(names, prepared, strict=True) for path in build_lab(course, name, one)
        ]
        changed += [str(path) for path in write_counts(course)]
        leaks = [str(leak) for leak in find_leaks(course)]
    done = f"{len(names)} labs built, {len(changed)} files changed"
    finish({"labs": names, "changed": changed, "failures": leaks}, leaks, done, as_json)


@app.command()
def verify(
    lab: LabArgument = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds for checks that draw random inputs.")] = 50,
    exercise: Annotated[str | None, typer.Option(help="Only this exercise of the one lab that is named.")] = None,
    mutants: Annotated[
        bool, typer.Option("--mutants", help="Instead: every small change of a right answer is told from it.")
    ] = False,
    choose: Annotated[
        bool, typer.Option("--choose", help="With --mutants: choose the graded cases anew (graded.json).")
    ] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, help="With --mutants: so many of each exercise, always the same.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove the checks: right answers get full marks, a blank zero, and each wrong answer is caught as it says."""
    if mutants or choose:
        _verify_mutants(lab, exercise, choose, sample, as_json)
        return
    from grader.build.side_by_side import for_each_lab
    from grader.build.verify import verify_lab

    with wrong_use() as course, stderr().status("verifying") as status:
        names = chosen_labs(lab, course.assignments())
        if len(names) == 1:
            results = [verify_lab(course, names[0], seeds, status.update, exercise)]
        else:
            results = for_each_lab(partial(verify_lab, course, seeds=seeds), names, status.update)
    if not as_json:
        _show_verifications(results)
    failures = [failure for result in results for failure in result.failures]
    finish([result.as_dict() for result in results], failures, "", as_json)


def _verify_mutants(lab: str | None, exercise: str | None, choose: bool, sample: int | None, as_json: bool) -> None:
    from dataclasses import asdict

    from grader.build.mutants import mutate_lab

    with wrong_use() as course, stderr().status("mutants") as status:
        names = [name for name in chosen_labs(lab, course.assignments()) if course.has_checks(name)]
        results = [mutate_lab(course, name, exercise, choose, sample, status.update) for name in names]
    if not as_json:
        _show_mutants(results)
    finish([asdict(one) for one in results], [said for one in results for said in one.failures], "", as_json)


@app.command()
def grade(
    lab: OneLab,
    student: Annotated[str | None, typer.Option(help="Only students whose names match, such as 'a*'.")] = None,
    notebook: Annotated[str, typer.Option(help="Only notebooks whose names match.")] = "*",
    force: Annotated[bool, typer.Option("--force", "-f", help="Execute again what has not changed.")] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Only work that was never graded, or is newer than what was.")
    ] = False,
    side: Annotated[
        str | None,
        typer.Option(help="With --student: the side of git's conflict markers that counts, ours or theirs."),
    ] = None,
    move: Annotated[
        bool, typer.Option("--move", help="Work that is another assignment's is put there first, and not graded here.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Workers on this machine; as many as cores by default.")
    ] = None,
    engine: Annotated[str, typer.Option(help="'local', or 'dask' for a Dask cluster.")] = "local",
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a Dask scheduler; without it, a cluster of --jobs workers is started."),
    ] = None,
    db: Annotated[
        str | None,
        typer.Option(help="The gradebook's address, such as postgresql+psycopg://…; the configuration's else."),
    ] = None,
    sandbox: Annotated[
        str,
        typer.Option(help="'auto', or 'none': student code then runs with your rights. For a class that you trust."),
    ] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no table; failures only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Grade one assignment of any nbgrader course, with a row for every student, whatever was handed in.

    Student code runs in sandboxed kernels; trusted checks run outside of them, ordinary tests inside. It goes by
    nbgrader_config.py, writes nbgrader's gradebook and the folder of graded notebooks, and the rows to
    reports/ASSIGNMENT/grading.csv and .json. Finished results are kept: a run that was stopped goes on where it was,
    and an unchanged submission is not executed again. Exit code 1 where a submission could not be graded; the table
    says why and what to do.

    Examples: `grader grade ps1`, `grader grade ps1 --student ada --force`, `grader grade ps1 --engine dask`
    """
    with wrong_use() as course:
        if engine == "local":  # it imports what workers need, and what checks do, while this process does
            sources = sorted((course.solutions / lab).glob("*.py")) if course.has_checks(lab) else []
            start_server(modules_of([path.read_text(encoding="utf-8") for path in sources]))
        from grader.grading.autograde import write_rows
        from grader.grading.selection import chosen

        if db:
            os.environ["GRADER_DB"] = _database(db)
        runs_on = _engine(engine, scheduler, jobs)
        if sandbox not in ("auto", "none"):
            raise LookupError(f"--sandbox is auto or none, not {sandbox!r}.")
        some = student is not None or update
        names = chosen(course, lab, student, update) if some else None
        for line in _decide(course, lab, student, names, side, move):
            stderr().print(line)
        sandboxed = sandbox == "auto"
        rows = _grade_with_progress(course, lab, names, runs_on, sandboxed, quiet, notebook, force)
        files = [str(path) for path in write_rows(course, lab, rows, keep_others=some)]
    if not as_json and not quiet:
        _show_rows(rows)
        stderr().print(f"Written: {', '.join(files)}")
    failures = [f"{row.student}: {row.reason}" for row in rows if not row.graded and not row.gone]
    finish([asdict(row) for row in rows], failures, "", as_json)


def _decide(
    course: Course, lab: str, student: str | None, names: list[str] | None, side: str | None, move: bool
) -> list[StudentText]:
    """What --side and --move say is done before anything is graded; in lines."""
    if side is None and not move:
        return []
    from grader.course.as_they_come import SIDES
    from grader.grading.decided import move_all, take_side
    from grader.grading.selection import require_assignment, roster

    require_assignment(course, lab)
    if side is not None and (side not in SIDES or student is None):
        raise LookupError("--side is ours or theirs, and goes with --student: each conflict is looked at.")
    everyone = roster(course, lab) if names is None else names
    said = take_side(course, lab, everyone, side) if side else []
    return said + (move_all(course, lab, everyone) if move else [])


def _database(address: str) -> str:
    """SQLAlchemy's address of a database; plain `postgresql://` takes the driver that is installed with the grader."""
    return address.replace("postgresql://", "postgresql+psycopg://", 1)


def _engine(name: str, scheduler: str | None, jobs: int | None) -> Engine:
    from grader.grading.autograde import local_engine

    if name == "local" and scheduler is None:
        return local_engine(jobs)
    if name == "dask":
        from grader.grading.on_dask import dask_engine

        return dask_engine(scheduler, jobs)
    raise LookupError(f"--engine is local or dask, not {name!r}; --scheduler goes with dask.")


@app.command("convert")
def convert_asserts(
    assignment: Annotated[str, typer.Argument(help="An assignment with a folder in source/, such as ps1.")],
    as_json: AsJson = False,
) -> None:
    """Write the skeleton of trusted checks from the asserts of an assignment: solutions/ASSIGNMENT/checks.py.

    Ordinary tests run in the student's kernel, as nbgrader has it, and a student who knows how can change what they
    see. Trusted checks run outside of it. What an assert says of a call with literal arguments becomes a check; what
    else it says is copied as a comment. Nothing that is there is overwritten.
    """
    from grader.build.convert import convert, summary
    from grader.files import write_whole

    with wrong_use() as course:
        path = course.solutions / assignment / "checks.py"
        if path.exists():
            raise LookupError(f"{path} is there already: look at it, or move it away.")
        text, found = convert(course, assignment)
        write_whole(path, text.encode("utf-8"))
    told = summary(found)
    done = (
        f"{told['checks']} checks from {told['cells']} test cells in {path}; {told['left']} lines are left to you. "
        "Its head says what to put into the notebooks. Until then, the asserts go on giving the points."
    )
    finish({"file": str(path), **told}, [], done, as_json)


@app.command()
def regrade(
    lab: OneLab,
    what_if: Annotated[bool, typer.Option("--what-if", help="Show what would move, and write nothing.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Workers; as many as cores by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show which scores the checks as they are now would move; without --what-if, write them too.

    Every submission is graded again with today's checks and quiz keys, and compared with the gradebook, cell by cell.
    Points given by hand stay. `score` is the student's grade as the gradebook has it: with --what-if before anything
    is written, else after it. Exit code 1 where something moves and nothing was written.
    """
    from grader.grading.autograde import local_engine, write_rows
    from grader.grading.regrade import what_if as compare

    with wrong_use() as course, stderr().status("grading again") as status:

        def show(done: int, total: int) -> None:
            status.update(f"grading again: {done} of {total}")

        moved = compare(course, lab, local_engine(jobs), show)
    if not what_if:
        with wrong_use() as course:
            rows = _grade_with_progress(course, lab, engine=local_engine(jobs), quiet=True)
            write_rows(course, lab, rows)
        scores: dict[str, float] = {row.student: row.score for row in rows}
        moved = [replace(one, score=scores.get(one.student, one.score)) for one in moved]
    if not as_json:
        _show_moved(moved)
    waiting = [f"{len(moved)} scores would move; `grader regrade {lab}` writes them"] if moved and what_if else []
    finish([asdict(one) for one in moved], waiting, f"{len(moved)} scores moved", as_json)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Look at this machine and this course: versions, data, model, sandbox, browser, database, disk, and what to do.

    Exit code 1 where something is broken; what is only missing stops some work, and the table says which.
    """
    from rich.text import Text

    from grader.doctor import examine

    with wrong_use() as course, stderr().status("looking") as status:
        found = []
        for one in examine(course):
            found.append(one)
            status.update(f"looking: {one.what}")
    if not as_json:
        table = new_table("", "", "what", "found", "what to do")
        for one in found:
            mark = {"works": "[green]✓[/]", "missing": "[yellow]–[/]", "broken": "[red]✗[/]"}[one.verdict]
            table.add_row(Text.from_markup(mark), one.what, one.found, one.remedy)
        stdout().print(table)
    broken = [f"{one.what}: {one.found}; {one.remedy}" for one in found if one.verdict == "broken"]
    finish([asdict(one) for one in found], broken, "", as_json)


@app.command("demo-class")
def demo_class(
    lab: LabArgument = None,
    students: Annotated[int, typer.Option(min=2, help="How many students to simulate in each lab.")] = 12,
    seed: Annotated[int, typer.Option(help="Another seed gives another class.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Write a simulated class, grade it, and compare every score with the expected one.

    The students are called demo-01, demo-02 …: the first has the solution, the second nothing, the others a mixture of
    right, wrong and blank answers. Submissions of other students are not touched.
    """
    from grader.grading.autograde import write_rows
    from grader.grading.demo_class import make_class

    results, failures = [], []
    with wrong_use() as course:
        for name in chosen_labs(lab, course.assignments()):
            made = make_class(course, name, students, seed)
            graded = _grade_with_progress(course, name, [s.name for s in made])
            write_rows(course, name, graded, keep_others=True)
            rows: dict[str, Row] = {row.student: row for row in graded}
            for student in made:
                row = rows[student.name]
                held = row.graded and abs(row.score - student.expected) < 0.005
                if not held:
                    failures.append(f"{name} {student.name}: {row.score:g}, expected {student.expected:g} {row.reason}")
                told = {"expected": student.expected, "as_expected": held, "answers": student.answers}
                results.append({"lab": name, **asdict(row), **told})
    if not as_json:
        _show_demo(results)
    finish(results, failures, f"{len(results) - len(failures)} of {len(results)} scores as expected", as_json)


@app.command()
def bench(
    lab: Annotated[str | None, typer.Argument(help="A lab, or `toy`; without it, all of them and the toy.")] = None,
    jobs: Annotated[int, typer.Option(help="Worker processes.")] = 2,
    scale: Annotated[int, typer.Option(help="Submissions of the toy in its largest class.")] = 300,
    anew: Annotated[bool, typer.Option("--anew", help="Measure what is known, too.")] = False,
    simulate: Annotated[int, typer.Option(help="Simulate a deadline day of so many submissions instead.")] = 0,
    workers: Annotated[int, typer.Option(help="Worker processes of the simulated day.")] = 64,
) -> None:
    """Measure classes graded by stock nbgrader and here, lab by lab; a run that is stopped goes on.

    What was found is kept in class/reports/bench.json, and class/reports/bench.md is the table. With --simulate, the
    times found here are those of a day on which all hand in shortly before the deadline.
    """
    from grader.grading import bench as measuring
    from grader.grading.simulate import arrivals, said
    from grader.grading.simulate import simulate as simulated

    with wrong_use() as course:
        if simulate:
            service = measuring.service(course, jobs)
            typer.echo("\n".join(said(simulate, workers, service, simulated(arrivals(simulate), workers, service))))
            return
        labs = chosen_labs(lab, measuring.all_labs(course))
        sizes = [size for size in measuring.SCALE if size <= scale]
        found, lines = measuring.bench(course, labs, jobs, lambda text: typer.echo(text, err=True), sizes, anew)
    finish(None, [f"{one.lab}: the grades differ" for one in found if not one.equal], "\n".join(lines), False)


def _grade_with_progress(
    course: Course,
    lab: str,
    students: list[str] | None = None,
    engine: Engine | None = None,
    sandboxed: bool = True,
    quiet: bool = False,
    notebooks: str = "*",
    force: bool = False,
) -> list[Row]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from grader.grading.autograde import Progress, grade_class

    columns = (TextColumn(lab), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Bar(*columns, TextColumn("{task.description}"), console=stderr(), disable=quiet) as bar:
        task = bar.add_task("starting", total=None)

        def show(now: Progress) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:.1f}/s" if speed else ""
            counts = [
                rate,
                f"{now.cached} unchanged" if now.cached else "",
                f"{now.failed} failed" if now.failed else "",
            ]
            said = ", ".join(part for part in counts if part)
            bar.update(task, description=said, completed=now.done, total=now.total)

        def waits() -> None:
            bar.update(task, description="another run is grading this lab: waiting for it")

        return grade_class(
            course,
            lab,
            students,
            show,
            engine,
            sandboxed=sandboxed,
            waits=waits,
            notebooks=notebooks,
            force=force,
        )


def _show_rows(rows: list[Row]) -> None:
    part = {"late": [-row.late_penalty for row in rows], "by hand": [row.by_hand for row in rows]}
    parts = {name: points for name, points in part.items() if any(points)}  # columns that say something
    table = new_table("", "student", "score", "of", *parts, "what went wrong", "what to do")
    for place, row in enumerate(rows):
        wrong = "\n".join([part for part in (row.reason, *row.events) if part] + [f"⚑ {flag}" for flag in row.flags])
        look = "look at the notebook" if row.flags and not row.remedy else row.remedy
        included = [f"{points[place]:+g}" if points[place] else "" for points in parts.values()]
        table.add_row(row.student, f"{row.score:g}", f"{row.max_score:g}", *included, wrong, look)
    stdout().print(table)


def _show_moved(moved: list[Moved]) -> None:
    table = new_table("", "student", "cell", "before", "after", "of", "", "score")
    for one in moved:
        kept = "stays as given by hand" if one.by_hand else ""
        points = (f"{one.before:g}", f"{one.after:g}", f"{one.max_score:g}")
        table.add_row(one.student, one.cell, *points, kept, f"{one.score:g}")
    stdout().print(table)


def _show_demo(results: list[dict[str, Any]]) -> None:
    table = new_table("", "lab", "student", "score", "expected", "of", "")
    for r in results:
        same = "✓" if r["as_expected"] else "✗ differs"
        table.add_row(r["lab"], r["student"], f"{r['score']:g}", f"{r['expected']:g}", f"{r['max_score']:g}", same)
    stdout().print(table)


def _show_verifications(results: list[Verification]) -> None:
    table = new_table("", "lab", "exercises", "checks", "points", "caught", "failures")
    for r in results:
        caught = f"{r.caught} of {r.wrong}"
        counts = (str(r.exercises), str(r.checks), f"{r.points:g}", caught, str(len(r.failures)))
        table.add_row(r.lab, *counts)
    stdout().print(table)


def _show_mutants(results: list[Mutated]) -> None:
    for r in results:
        table = new_table(r.lab, "exercise", "cases", "graded", "ms", "mutants", "killed", "waived", "failures")
        for e in r.exercises:
            counts = (e.cases, e.graded, e.milliseconds, e.mutants, e.killed, e.waived, len(e.failures))
            table.add_row(e.exercise, *map(str, counts))
        total = [sum(getattr(e, name) for e in r.exercises) for name in ("mutants", "killed", "waived")]
        table.add_row("all", "", "", "", *map(str, total), str(len(r.failures)))
        stdout().print(table)


if __name__ == "__main__":
    app()
