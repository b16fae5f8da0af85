"""From what an author wrote and what its code gave to the rendered bank; every text that cannot be shown is a fault."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from grader.quizzes.arithmetic import SAID
from grader.quizzes.asking import path_of, place_of
from grader.quizzes.evaluated import Evaluated
from grader.quizzes.keyed import Answer
from grader.quizzes.load import Fault, Loaded
from grader.quizzes.markup import MarkupError, to_code, to_html, to_inline, to_plain
from grader.quizzes.model import BLANK, AnyItem, Cloze, CodeOutput, Match, Multiple, Numeric, Order, Single, credit_of
from grader.quizzes.parts import Choice, Number, Option, Words
from grader.quizzes.pictures import Pictures
from grader.quizzes.pixels import PictureError
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedOption, RenderedPart, RenderedVariant
from grader.quizzes.spellings import MAX_ACCEPTED, accepted_numbers, half_unit
from labkit.quiz.answers import fixed_notation, read_answer

Place = tuple[str | int, ...]


def render_bank(bank: Loaded, evaluated: Mapping[str, Sequence[Evaluated]]) -> tuple[RenderedBank, list[Fault]]:
    """The rendered bank, and what in it cannot be shown.

    `evaluated` has the variants of each item by its id; they are numbered anew, in that order.
    """
    faults: list[Fault] = []
    items = []
    pictures = Pictures(bank.path)
    for item in bank.model.items:
        variants = tuple(
            replace(_Item(bank, item, one, faults, pictures).variant(), variant=place)
            for place, one in enumerate(evaluated[item.id])
        )
        review = None if item.review is None else (item.review.label, item.review.href)
        items.append(
            RenderedItem(
                id=item.id,
                title=item.title,
                type=item.type,
                objective=item.objective,
                lab=item.lab,
                points=item.points,
                credit=credit_of(item),
                review=review,
                variants=variants,
                bloom=item.bloom or "",
                difficulty=item.expected,
                families=tuple(item.families),
                source=item.source or "",
            )
        )
    note = ""
    if said := " ".join(filter(None, (bank.model.note, SAID.get(bank.model.calculator)))):
        try:
            note = pictures.put_into(to_html(said))
        except (MarkupError, PictureError) as error:
            faults.append(bank.fault(None, f"note: {error}", "note"))
    model = bank.model
    rendered = RenderedBank(
        bank=bank.name,
        title=model.title,
        mode=model.mode,
        pass_mark=model.pass_mark,
        attempts=model.attempts,
        shuffle=model.shuffle,
        note=note,
        groups=model.groups(),
        items=tuple(items),
    )
    return rendered, list(dict.fromkeys(faults))


@dataclass
class _Item:
    """One variant of one item on its way to HTML."""

    bank: Loaded
    item: AnyItem
    evaluated: Evaluated
    faults: list[Fault] = field(repr=False)
    pictures: Pictures = field(repr=False)

    def variant(self) -> RenderedVariant:
        """The stem, the figure and the parts."""
        item = self.item
        stem, figure, alt = self.html("stem"), self.evaluated.text("figure"), ""
        if isinstance(item, CodeOutput):
            ran = self.evaluated.results.get("code")
            stem += to_code(ran["code"], "python") if ran else ""
        if item.figure:
            alt = self.evaluated.text("figure/alt")
            stem += f'<p class="figure">{_image(figure, alt)}</p>'
        if isinstance(item, Cloze):
            stem = BLANK.sub(lambda match: f'<span data-part="{match.group(1)}"></span>', stem)
        return RenderedVariant(
            self.evaluated.variant, stem, to_plain(stem), self.parts(), figure, alt, self.evaluated.variant
        )

    def parts(self) -> tuple[RenderedPart, ...]:
        """The answers to give."""
        item = self.item
        if isinstance(item, Single):
            return (RenderedPart("p1", "choice", options=self.options(item.options), pool=item.id),)
        if isinstance(item, Multiple):
            return (RenderedPart("p1", "boxes", options=self.options(item.options), pool=item.id),)
        if isinstance(item, Numeric):
            return (self.number("p1", item.answer, "answer"),)
        if isinstance(item, Order):
            return self.order(item)
        if isinstance(item, Match):
            return self.match(item)
        if isinstance(item, Cloze):
            return tuple(self.blank(name, blank) for name, blank in item.blanks.items())
        return (self.output(item),)

    def html(self, path: str, inline: bool = False) -> str:
        """A filled-in text as HTML; a fault, and nothing, where that cannot be."""
        try:
            return self.pictures.put_into((to_inline if inline else to_html)(self.evaluated.text(path)))
        except (MarkupError, PictureError) as error:
            self.fault(str(error), path)
            return ""

    def fault(self, message: str, path: str) -> None:
        """Note a fault at a place of the item."""
        self.faults.append(self.bank.fault(self.item, message, *place_of(path)))

    def options(self, options: list[Option], *place: str | int) -> tuple[RenderedOption, ...]:
        """Options, true as their claims say, or as cited."""
        made = []
        for number, option in enumerate(options):
            here = path_of(*place, "options", number)
            shown = self.html(f"{here}/text", inline=bool(place))
            true = self.evaluated.holds(f"{here}/claim")
            feedback = self.html(f"{here}/feedback")
            misconception = option.misconception or ""
            known = bool(option.key) if true is None else true
            made.append(RenderedOption(shown, to_plain(shown), known, feedback, misconception, option.fixed))
        return tuple(made)

    def number(self, name: str, number: Number, *place: str | int) -> RenderedPart:
        """A number, with every spelling that is accepted or known to be wrong."""
        here = path_of(*place)
        value = self.evaluated.number(f"{here}/value") or 0.0
        tolerance = self.evaluated.number(f"{here}/tolerance") if number.tolerance is not None else None
        accepted = accepted_numbers(value, tolerance, number.decimals)
        right = self.html(f"{here}/feedback")
        answers = [Answer(spelling, 1, right) for spelling in accepted]
        for index, wrong in enumerate(number.wrong):
            found = self.evaluated.number(f"{here}/wrong/{index}/value") or 0.0
            spelling = fixed_notation(found, number.decimals)
            if spelling in [answer.answer for answer in answers]:
                said = f"the wrong value {found:g} is {spelling} to {number.decimals} decimals, which is listed already"
                self.fault(f"{said}: more decimals, a smaller tolerance, or another value", f"{here}/wrong/{index}")
                continue
            feedback = self.html(f"{here}/wrong/{index}/feedback")
            answers.append(Answer(spelling, 0, feedback, wrong.misconception))
        self.require_slots(len(answers), here)
        return RenderedPart(
            name,
            "number",
            label=self.html(f"{here}/label", inline=True),
            answers=tuple(answers),
            other=self.html(f"{here}/otherwise"),
            value=value,
            tolerance=half_unit(number.decimals) if tolerance is None else tolerance,
            decimals=number.decimals,
            unit=number.unit,
        )

    def require_slots(self, count: int, here: str) -> None:
        """What is typed has a fixed number of ciphertexts, so that their number tells nothing."""
        if count > MAX_ACCEPTED:
            said = f"{count} answers have a verdict of their own, at most {MAX_ACCEPTED} are sealed"
            self.fault(f"{said}: take fewer decimals, a smaller tolerance or fewer texts", here)

    def texts(self, answers: list[tuple[str, str, str]], case: bool, code: bool, here: str) -> tuple[Answer, ...]:
        """Verdicts on typed texts, from (path of the text, path of its feedback, misconception); right without one."""
        made: dict[str, Answer] = {}
        for path, feedback, misconception in answers:
            typed = self.evaluated.text(path)
            spelling = read_answer("text", typed, case=case, code=code).answer
            if spelling in made:
                self.fault(f"{typed!r} reads like another text of this item: take one away", path)
            made.setdefault(spelling, Answer(spelling, int(not misconception), self.html(feedback), misconception))
        self.require_slots(len(made), here)
        return tuple(made.values())

    def blank(self, name: str, blank: Number | Words | Choice) -> RenderedPart:
        """A blank of a cloze item."""
        here = f"blanks/{name}"
        if isinstance(blank, Number):
            return self.number(name, blank, "blanks", name)
        label = self.html(f"{here}/label", inline=True)
        if isinstance(blank, Choice):
            options = self.options(blank.options, "blanks", name)
            return RenderedPart(name, "choice", label, options, pool=f"{self.item.id}/{name}")
        right = [(f"{here}/answers/{n}", f"{here}/feedback", "") for n in range(len(blank.answers))]
        wrong = [
            (f"{here}/wrong/{n}/text", f"{here}/wrong/{n}/feedback", w.misconception) for n, w in enumerate(blank.wrong)
        ]
        answers = self.texts(right + wrong, blank.case, False, here)
        other = self.html(f"{here}/otherwise")
        return RenderedPart(name, "text", label, answers=answers, other=other, case=blank.case)

    def order(self, item: Order) -> tuple[RenderedPart, ...]:
        """A choice for each place; the entries are written in the right order."""
        right, wrong = self.html("feedback"), self.html("otherwise")
        entries = [self.html(f"entries/{n}/text", inline=True) for n in range(len(item.entries))]
        return tuple(
            RenderedPart(
                f"p{place + 1}",
                "choice",
                f"Place {place + 1}",
                tuple(_either(entry, number == place, right, wrong) for number, entry in enumerate(entries)),
                item.id,
                other=wrong,
            )
            for place in range(len(entries))
        )

    def match(self, item: Match) -> tuple[RenderedPart, ...]:
        """A choice for each left side, among all right sides; equal right sides are one option."""
        right, wrong = self.html("feedback"), self.html("otherwise")
        rights = [self.html(f"pairs/{n}/right", inline=True) for n in range(len(item.pairs))]
        others = [self.html(f"others/{n}/text", inline=True) for n in range(len(item.others))]
        choices = list(dict.fromkeys(rights + others))
        return tuple(
            RenderedPart(
                f"p{number + 1}",
                "choice",
                self.html(f"pairs/{number}/left", inline=True),
                tuple(_either(choice, choice == rights[number], right, wrong) for choice in choices),
                item.id,
                other=wrong,
            )
            for number in range(len(item.pairs))
        )

    def output(self, item: CodeOutput) -> RenderedPart:
        """What a listing prints, chosen or typed."""
        ran = self.evaluated.results.get("code")
        printed = ran["printed"] if ran else ""
        key = read_answer("text", printed, case=True, code=True).answer
        if item.options is None:
            wrong = [(f"wrong/{n}/text", f"wrong/{n}/feedback", w.misconception) for n, w in enumerate(item.wrong)]
            right = Answer(key, 1, self.html("feedback"))
            mistakes = self.texts(wrong, True, True, "wrong")
            if key in [mistake.answer for mistake in mistakes]:
                self.fault(f"a wrong text is what the code prints: {key!r}", "wrong")
            other = self.html("otherwise")
            return RenderedPart("p1", "text", "Output", answers=(right, *mistakes), other=other, case=True, code=True)
        made = []
        for number, option in enumerate(item.options):
            text = read_answer("text", self.evaluated.text(f"options/{number}/text"), case=True, code=True).answer
            shown = f"<pre>{html.escape(text)}</pre>"
            feedback = self.html(f"options/{number}/feedback")
            made.append(RenderedOption(shown, text, text == key, feedback, option.misconception or ""))
        return RenderedPart("p1", "choice", options=tuple(made), pool=item.id)


def _either(shown: str, true: bool, right: str, wrong: str) -> RenderedOption:
    return RenderedOption(shown, to_plain(shown), true, right if true else wrong)


def _image(svg: str, alt: str) -> str:
    data = base64.b64encode(svg.encode()).decode()
    return f'<img alt="{html.escape(" ".join(alt.split()))}" src="data:image/svg+xml;base64,{data}">'
