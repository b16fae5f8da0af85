"""The proof of a bank: every claim over every variant, then the lints; and what came of it, counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from grader.quizzes.asking import request
from grader.quizzes.binding import TIES, binding_faults, bindings
from grader.quizzes.evaluate import LIMIT, Walls
from grader.quizzes.evaluated import Evaluated
from grader.quizzes.lint import lint
from grader.quizzes.load import Fault, Loaded, QuizError, load
from grader.quizzes.model import MAX_VARIANTS
from grader.quizzes.own import course_of, made_exam, settings_of
from grader.quizzes.received import received_faults
from grader.quizzes.remember import evaluate_or_recall
from grader.quizzes.render import render_bank
from grader.quizzes.rendered import RenderedBank, RenderedItem
from grader.quizzes.signing import read_signed
from grader.quizzes.spread import spread
from grader.quizzes.truth import truth_faults

Progress = Callable[[str], None]
MEMORY = Path("build") / "claims"
PROBED = 5  # variants whose claims are disturbed: what they can say is a matter of their text, not of the numbers


@dataclass(frozen=True)
class Proof:
    """What `grader quiz prove` found about one bank; it holds when `failures` is empty.

    `options` counts what can be chosen, ticked or recognised when typed, in one variant of each item; `claims` what was
    evaluated over all variants to decide them, listings included; `computed` the items that have several variants, and
    `fewest` the least number of variants among those. `ties` counts what can be chosen by what ties its text to its
    claim (see `grader.quizzes.binding`), `mutants` the changes that were tried, `survivors` names those that went
    through, by item.
    """

    bank: str
    items: int
    options: int
    claims: int
    cited: int
    variants: int
    failures: tuple[Fault, ...]
    computed: int = 0
    fewest: int = 0
    ties: Mapping[str, int] = field(default_factory=dict)
    mutants: int = 0
    survivors: tuple[tuple[str, str], ...] = ()

    @property
    def claimed(self) -> float:
        """The share of options that claims decide."""
        return 1 - self.cited / self.options if self.options else 0.0

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        told = [
            {"file": str(fault.file), "line": fault.line, "item": fault.item, "message": fault.message}
            for fault in self.failures
        ]
        counts = {"items": self.items, "options": self.options, "claims": self.claims, "cited": self.cited}
        computed = {"claimed": self.claimed, "computed": self.computed, "fewest_variants": self.fewest}
        bound = {"ties": dict(self.ties), "mutants": self.mutants}
        survivors = [{"item": item, "change": change} for item, change in self.survivors]
        counted = {"bank": self.bank, **counts, **computed, "variants": self.variants, **bound}
        return counted | {"survivors": survivors, "failures": told}


def prove(
    path: Path,
    limit: float = LIMIT,
    progress: Progress = lambda _: None,
    walls: Walls | None = None,
    only: str | None = None,
) -> Proof:
    """Prove a bank: what is untrue, what ties its texts to its claims, and its form, all told together.

    Args:
        path: the YAML file.
        limit: in seconds, for each thing that is evaluated.
        progress: told what was evaluated, a variant at a time.
        walls: whether its code is shut in; by default always, but a course's own banks only where that can be had.
        only: the id of the one item that is proved, without what is said of a bank as a whole.

    Raises:
        FileNotFoundError: there is no such bank.
        LookupError: it has no item of that id.
        SandboxError: its code cannot be shut in here.
    """
    try:
        bank = load(path)
        signed = read_signed(bank)
    except QuizError as error:
        return Proof(path.stem, 0, 0, 0, 0, 0, tuple(error.faults))
    except ValueError as error:
        return Proof(path.stem, 0, 0, 0, 0, 0, (Fault(path, 1, "", str(error)),))
    if only is not None:
        bank = bank.only(only)
    results, faults = _examine(bank, True, limit, progress, walls=walls)
    untrue = {fault.item for fault in faults}
    rendered, unshown = render_bank(bank, results)
    faults += unshown
    whole = [item for item in rendered.items if item.id not in untrue]
    faults += lint(bank, replace(rendered, items=tuple(whole)), of_all=only is None and not untrue)
    bound = [
        bindings(bank, item, next((one for one in results[item.id] if one.variant == 0), None), signed)
        for item in bank.model.items
    ]
    if bank.model.bound:
        faults += received_faults(bank, replace(rendered, items=tuple(whole)), only is None and not untrue)
        faults += [fault for one in bound if one.item.id not in untrue for fault in binding_faults(bank, one)]
    claims = [
        value
        for variants in results.values()
        for one in variants
        for path, value in one.results.items()
        if (isinstance(value, dict) and ("holds" in value or "printed" in value)) or _orders(path)
    ]
    shown = {item.id: item for item in rendered.items}
    computed = [item.variants for item in bank.model.items if item.variants > 1]
    return Proof(
        bank=bank.name,
        items=len(bank.model.items),
        options=sum(_options(item) for item in rendered.items),
        claims=len(claims),
        cited=sum(_cited(shown[item.id], results[item.id][0]) for item in bank.model.items if item.source),
        variants=sum(item.variants for item in bank.model.items),
        failures=tuple(dict.fromkeys(faults)),
        computed=len(computed),
        fewest=min(computed, default=0),
        ties={tie: sum(one.counts()[tie] for one in bound) for tie in TIES},
        mutants=sum(one.tried for one in bound),
        survivors=tuple((one.item.id, name) for one in bound for name in one.names()),
    )


def proved_bank(path: Path, variants: int | None = None, limit: float = LIMIT) -> RenderedBank:
    """The rendered bank, for building and exports: claims are run and must hold, form is left to `prove`.

    Args:
        path: the YAML file.
        variants: the most variants of an item; as many as the bank releases to students by default.
        limit: in seconds, for each thing that is evaluated.

    Raises:
        QuizError: something in it is untrue, broken, or cannot be shown.
    """
    bank = load(path)
    rendered, faults = examined(bank, bank.model.released if variants is None else variants, limit=limit)
    if faults:
        raise QuizError(faults)
    return rendered


def examined(
    bank: Loaded,
    variants: int,
    progress: Progress = lambda _: None,
    limit: float = LIMIT,
    walls: Walls | None = None,
) -> tuple[RenderedBank, list[Fault]]:
    """The rendered bank with at most that many variants of an item, and what in it is untrue or cannot be shown.

    Its mode is exam where the bank says so, or its course (see `grader.quizzes.own`).
    """
    results, faults = _examine(bank, False, limit, progress, variants, walls)
    rendered, unshown = render_bank(bank, results)
    rendered = replace(rendered, course=settings_of(bank.path).title)
    if made_exam(bank.path):
        rendered = replace(rendered, mode="exam")
    return rendered, list(dict.fromkeys(faults + unshown))


def _examine(
    bank: Loaded,
    probe: bool,
    limit: float,
    progress: Progress,
    most: int = MAX_VARIANTS,
    walls: Walls | None = None,
) -> tuple[dict[str, list[Evaluated]], list[Fault]]:
    places = [
        (item, place, variant)
        for item in bank.model.items
        for place, variant in enumerate(spread(item.variants)[:most])
    ]
    seen = max(PROBED, bank.model.released)  # further variants are looked at by nobody until they are exported
    requests = [request(bank, item, v, probe and at < PROBED, rough=probe and at >= seen) for item, at, v in places]
    own = course_of(bank.path)  # any other bank is shut in or not run at all, and evaluated each time
    walls = walls or ("required" if own is None else "preferred")
    results: dict[str, list[Evaluated]] = {item.id: [] for item in bank.model.items}
    remembered = None if own is None else own.root / MEMORY
    items = {item.id: item for item in bank.model.items}

    def enough(one: Evaluated) -> bool:
        """Whether an item is untrue here, so that its other variants need not be tried."""
        return bool(truth_faults(bank, items[one.item], [one]))

    for one in evaluate_or_recall(requests, remembered, limit, walls, settings_of(bank.path), enough):
        progress(f"{bank.name}: {one.item}")
        results[one.item].append(one)
    for item in bank.model.items:
        results[item.id].sort(key=lambda one: spread(item.variants).index(one.variant))
    faults = [fault for item in bank.model.items for fault in truth_faults(bank, item, results[item.id])]
    return results, faults


def _orders(path: str) -> bool:
    """Whether a value decides an order."""
    return path.startswith("entries/") and path.endswith("/value")


def _options(item: RenderedItem) -> int:
    """What can be chosen, ticked or recognised in a variant; options that several parts share count once."""
    parts = item.variants[0].parts
    pools = {part.pool: len(part.options) for part in parts if part.options}
    return sum(pools.values()) + sum(len(part.answers) for part in parts)


def _cited(item: RenderedItem, one: Evaluated) -> int:
    """How many options of an item with a source no claim decides."""
    decided = [path for path in one.results if one.holds(path) is not None and path.endswith("/claim")]
    if item.type in ("order", "match", "numeric"):
        return 0 if decided or any(map(_orders, one.results)) else _options(item)
    return max(0, _options(item) - len(decided))
