"""`grader verify --mutants`: each mutant of a right answer must be told from it by a check, or be waived by name.

The solution and every right answer are mutated. A mutant is killed by the graded cases or by a hand-written check; what
only another case of the pool kills is a hole in the choice; what nothing kills is equivalent, or a hole in the pool.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

from grader.build.choosing import Choice, Known, choose, milliseconds
from grader.build.forked import TooLongError, for_each_forked, within
from grader.build.mutate import Mutant, mutants_of
from grader.build.notebooks import checks_of, solution_namespace
from grader.build.waivers import FILE, waived
from grader.checks.cases import Case
from grader.checks.judging import Judge
from grader.checks.answers import solution_source
from grader.checks.registry import LabChecks
from grader.checks.running import run_check
from grader.checks.student import InProcess, recipe_of
from grader.course.paths import Course
from grader.course.settings import load_settings
from grader.files import write_whole
from grader.kernels.many import Builder, answer_to
from grader.threads import one_thread
from labkit.findings import EPSILON, dtypes_in

SECRET = b"mutants"
MOST_MILLISECONDS = 25.0
JOBS = 2
LIMIT_SECONDS = 10.0
SOLUTION = "solution"
GRADED = "graded.json"
Progress = Callable[[str], None]
Key = tuple[str, str]  # of a case: the name of its check, and its own


@dataclass(frozen=True)
class MutatedExercise:
    """What became of the mutants of one exercise."""

    exercise: str
    right: int
    cases: int
    graded: int
    milliseconds: float
    """CPU time of one run of the graded cases on the solution, without what the reference takes."""
    mutants: int
    killed: int
    waived: int
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Mutated:
    """What `grader verify --mutants` found about one lab; it holds when `failures` is empty."""

    lab: str
    exercises: list[MutatedExercise]

    @property
    def failures(self) -> list[str]:
        """All that fell short."""
        return [f"{self.lab}: {one.exercise}: {said}" for one in self.exercises for said in one.failures]


def mutate_lab(
    course: Course,
    lab: str,
    exercise: str | None = None,
    choosing: bool = False,
    sample: int | None = None,
    progress: Progress = lambda _: None,
) -> Mutated:
    """Run the checks of a lab on mutants of its right answers.

    With `choosing`, the graded cases are chosen anew and written to `graded.json`; with `sample`, only so many mutants
    of each exercise are tried, always the same.

    Raises:
        LookupError: the lab has no such exercise, or its waivers cannot be read.
    """
    checks = checks_of(course, lab)
    one_thread()
    os.environ.update(load_settings(course.root).variables())  # what libraries say of forks, among others
    names = [exercise] if exercise else checks.exercises()
    if exercise and exercise not in checks.exercises():
        raise LookupError(f"{lab} has no exercise {exercise!r}; it has: {', '.join(checks.exercises())}.")
    folder = course.solutions / lab
    namespace, reasons = solution_namespace(lab, course), waived(folder)
    done = []
    for name in names:
        bench = Bench(checks, name, namespace, solution_source(folder / "lab.py", name), choosing)
        if choosing:
            chosen = bench.choose(progress)
            _keep(course, lab, chosen)
        done.append(bench.report(reasons.get(name, {}), sample, progress))
    return Mutated(lab, done)


def _keep(course: Course, lab: str, chosen: Mapping[str, list[str]]) -> None:
    """Write a choice beside those of the other exercises."""
    if not chosen:
        return
    path = course.solutions / lab / GRADED
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known = dict(sorted({**known, **chosen}.items()))
    write_whole(path, json.dumps(known, indent=1, ensure_ascii=False).encode() + b"\n")


class Bench:
    """One exercise: its checks, its right answers, and the namespace that they run in."""

    def __init__(
        self, checks: LabChecks, exercise: str, namespace: dict[str, Any], solution: str, choosing: bool = False
    ) -> None:
        self.checks, self.exercise, self.namespace = checks, exercise, namespace
        self.answers = [(SOLUTION, solution)]
        self.answers += [(one.name, one.source) for one in checks.right if one.exercise == exercise]
        self.judges = {check.name: check.judge for check in checks.of(exercise) if check.judge is not None}
        self.written = [check for check in checks.of(exercise) if check.judge is None]
        self.pool: dict[Key, tuple[Judge, Case]] = {
            (name, case.name): (judge, case) for name, judge in self.judges.items() for case in judge.pool.values()
        }
        before = {} if choosing else self.judges  # what was chosen before may be gone from the pool
        self.graded: list[Key] = [(name, case.name) for name, judge in before.items() for case in judge.graded]
        self.unchosen = [name for name, judge in self.judges.items() if judge.chosen is None]
        self.build = Builder(lambda recipe: recipe_of(checks.fixtures, recipe))
        for judge, case in self.pool.values():
            judge.expected(case)  # before the fork: all processes have it
        gradient = sorted({name for judge in self.judges.values() for name in judge.cases.gradient})
        made = [mutant for name, source in self.answers for mutant in mutants_of(name, source, gradient)]
        self.mutants = [mutant for mutant in made if not self._is_no_cast(mutant)]

    def _is_no_cast(self, mutant: Mutant) -> bool:
        """Whether a mutant casts to the only dtype there is: of all that goes in, or of all that comes out."""
        if mutant.operator == "cast":
            return bool(self.pool) and self._dtypes[0] <= {"float32"}
        kept = {".float()": {"float32"}, ".double()": {"float64"}}
        return mutant.operator == "result" and any(
            mutant.after.endswith(cast) and self._dtypes[1] == only for cast, only in kept.items()
        )

    @cached_property
    def _dtypes(self) -> tuple[set[str], set[str]]:
        """Dtypes of floats that go in, and that come out, of all cases."""
        given = {name for _, case in self.pool.values() for name in dtypes_in([*case.args, *case.kwargs.values()])}
        found = {name for judge, case in self.pool.values() for name in dtypes_in(judge.expected(case).value)}
        return given & set(EPSILON), found & set(EPSILON)

    def choose(self, progress: Progress) -> dict[str, list[str]]:
        """The cases that give the points, by check: they kill all that the pool kills."""
        choice = Choice(self.namespace[self.exercise], self.pool, self.build, list(self._known_wrong()))
        chosen: list[Key] = []
        for turn in (1, 2):  # in the second, those that the first choice leaves
            found = self._run(self.mutants, f"choosing, {turn} of 2", progress, chosen, choosing=True)
            kills = [[tuple(key) for key in verdict["cases"]] for _, verdict in found if verdict and verdict.get("cases")]
            chosen += choose(kills, choice.costs, set(chosen))
        filled = choice.filled(chosen)
        self.graded, self.unchosen = [key for key in self.pool if key in filled], []
        return {name: [case for check, case in self.graded if check == name] for name in self.judges}

    def _known_wrong(self) -> Iterator[Known]:
        """The lab's wrong answers that a `Cases` is to catch, with what they answer."""
        right = self.namespace[self.exercise]
        for one in self.checks.wrong:
            if one.exercise != self.exercise or one.caught_by not in self.judges:
                continue
            judge = self.judges[one.caught_by]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(compile(one.source, f"<{one.name}>", "exec", dont_inherit=True), self.namespace)
                wrong = self.namespace[self.exercise]
                answers = {name: answer_to(wrong, judge.asked(case), self.build) for name, case in judge.pool.items()}
            self.namespace[self.exercise] = right
            yield Known(one.caught_by, one.hint, answers)

    def report(self, reasons: Mapping[str, str], sample: int | None, progress: Progress) -> MutatedExercise:
        """Run the mutants on the graded cases, the hand-written checks and the rest of the pool."""
        tried = self.mutants if sample is None else sampled(self.mutants, sample)
        survived, failures = [], []
        failures += [f"{name}: its graded cases are not chosen: run with --choose" for name in self.unchosen]
        for mutant, verdict in self._run(tried, "mutants", progress, self.graded):
            if verdict is None or verdict["by"] in ("graded", "check"):
                continue
            if verdict["by"] == "pool":
                told = " / ".join(verdict["cases"][0])
                failures.append(f"{mutant.name}: the graded cases pass it, but {told!r} tells it apart: choose again")
            else:
                survived.append(mutant.name)
        names = {mutant.name for mutant in tried}
        failures += [f"{name}: nothing tells it apart: widen the pool, or waive it" for name in survived if name not in reasons]
        if sample is None:
            stale = [name for name in reasons if name not in survived]
            failures += [f"{FILE}: {name}: {'killed' if name in names else 'no such mutant'}, take it out" for name in stale]
        spent = milliseconds(self.namespace[self.exercise], [self.pool[key] for key in self.graded], self.build)
        return MutatedExercise(
            exercise=self.exercise,
            right=len(self.answers),
            cases=len(self.pool),
            graded=len(self.graded),
            milliseconds=round(spent, 1),
            mutants=len(tried),
            killed=len(tried) - len(survived),
            waived=sum(name in reasons for name in survived),
            failures=failures,
        )

    def _run(
        self,
        mutants: Sequence[Mutant],
        what: str,
        progress: Progress,
        first: Sequence[Key],
        choosing: bool = False,
    ) -> Iterator[tuple[Mutant, Any]]:
        """Each mutant with its verdict: {"by": graded, check, pool or nothing; "cases": those that kill it}.

        None stands for one that ended its process. `first` are the cases that are tried first. With `choosing`, all
        cases that kill what they leave are told, of which one joins them; else one is, after the hand-written checks.
        """
        trial = Trial(self, list(first), choosing)
        found = for_each_forked(lambda number: trial.verdict(mutants[number]), range(len(mutants)), JOBS)
        for done, (number, verdict) in enumerate(found, start=1):
            mutant = mutants[number]
            progress(f"{self.exercise}: {what}, {done} of {len(mutants)}: {mutant.name[:90]}")
            yield mutant, verdict


class Trial:
    """What a forked process does with mutants, one after another."""

    def __init__(self, bench: Bench, first: list[Key], choosing: bool) -> None:
        self.bench, self.first, self.choosing = bench, first, choosing

    def verdict(self, mutant: Mutant) -> dict[str, Any]:
        """What kills a mutant."""
        namespace = self.bench.namespace
        right = namespace[self.bench.exercise]
        try:
            with warnings.catch_warnings(), within(LIMIT_SECONDS):
                warnings.simplefilter("ignore")
                exec(compile(mutant.source, "<mutant>", "exec", dont_inherit=True), namespace)
                return self._told_apart(namespace[self.bench.exercise])
        except TooLongError:
            return {"by": "graded"}
        except Exception as broken:  # noqa: BLE001 - a mutant that cannot be defined
            return {"by": "graded", "broken": repr(broken)[:200]}
        finally:
            namespace[self.bench.exercise] = right

    def _told_apart(self, function: Any) -> dict[str, Any]:
        for place, key in enumerate(self.first):
            if self._kills(key, function):
                if self.choosing and place:  # what kills most comes first
                    self.first.insert(place - 1, self.first.pop(place))
                return {"by": "graded"}
        tried = set(self.first)
        rest = (key for key in self.bench.pool if key not in tried)
        if self.choosing:
            killers = [key for key in rest if self._kills(key, function)]
            self.first += killers[:1]
        elif self._killed_by_hand():
            return {"by": "check"}
        else:
            killers = list(islice((key for key in rest if self._kills(key, function)), 1))
        return {"by": "pool", "cases": killers} if killers else {"by": "nothing"}

    def _killed_by_hand(self) -> bool:
        student = InProcess(self.bench.namespace, self.bench.checks.fixtures)
        lab = self.bench.checks.lab
        return any(not run_check(check, lab, student, SECRET).passed for check in self.bench.written)

    def _kills(self, key: Key, function: Any) -> bool:
        judge, case = self.bench.pool[key]
        return judge.finding(case, answer_to(function, judge.asked(case), self.bench.build)) is not None


def sampled(mutants: Sequence[Mutant], count: int) -> list[Mutant]:
    """So many of the mutants, always the same, spread over all."""
    ranked = sorted(mutants, key=lambda mutant: hashlib.sha256(mutant.name.encode()).digest())
    kept = {id(mutant) for mutant in ranked[:count]}
    return [mutant for mutant in mutants if id(mutant) in kept]
