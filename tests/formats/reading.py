"""What an importer read, rendered like a bank of ours without running anything, and compared with what was written."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lxml import html as lxml_html
from ruamel.yaml.comments import CommentedMap

from grader.files import write_whole
from grader.formats.importing import dump_yaml
from grader.formats.reading.drafts import EMPTY as NO_TEXT
from grader.formats.reading.drafts import NO_FEEDBACK, Draft
from grader.formats.reading.spelling import BRACES, FILLED_IN
from grader.quizzes.asking import asks
from grader.quizzes.evaluated import Evaluated
from grader.quizzes.load import Loaded
from grader.quizzes.model import AnyItem, BankModel
from grader.quizzes.render import render_bank
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedPart, RenderedVariant

NOTHING = (f"<p>{NO_FEEDBACK}</p>", f"<p>{NO_TEXT}</p>", NO_TEXT)
DROPPED = ("span", "thead", "tbody")
EMPHASIS = ("em", "strong")
EMPTY = (*EMPHASIS, "p", "h1", "h2", "h3", "blockquote")
Canonical = Any


def evaluated(item: AnyItem) -> Evaluated:
    """The texts of an imported item as they stand: nothing in them may be left to fill in but two braces."""
    results: dict[str, Any] = {}
    for ask in asks(item):
        if ask["kind"] == "text":
            assert {found[0] for found in FILLED_IN.finditer(ask["source"])} <= {BRACES}
            results[ask["path"]] = ask["source"].replace(BRACES, "{{")
        else:
            assert ask["kind"] == "value", "an imported item has neither claims nor code"
            assert not isinstance(ask["source"], str)
            results[ask["path"]] = float(ask["source"])
    return Evaluated(item.id, 0, results)


def again(draft: Draft, through_yaml: bool = False) -> RenderedBank:
    """The bank that was read; on the way it may be written as YAML, which has to read as the same items."""
    if through_yaml:
        assert dump_yaml(draft, "made")
    model = BankModel(title="Made", items=list(draft.items))
    with tempfile.TemporaryDirectory() as folder:
        for address, data in draft.pictures.items():
            write_whole(Path(folder) / address, data)
        loaded = Loaded(Path(folder) / "made.yaml", model, CommentedMap())
        rendered, faults = render_bank(loaded, {item.id: [evaluated(item)] for item in draft.items})
    assert [str(fault) for fault in faults] == []
    return rendered


def canonical(html: str) -> Canonical:
    """What a fragment shows: its elements and texts, formulas as TeX, listings without colour, white space as shown."""
    if not html.strip() or html.strip() in NOTHING:
        return ()
    root = lxml_html.fragment_fromstring(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", html), create_parent="div")
    parts: list[Any] = []
    _collect(root, parts)
    return _joined(parts)


def _collect(element: Any, parts: list[Any]) -> None:
    parts.append(_text(element.text))
    for child in element:
        name = child.tag
        if name == "math":
            block = child.get("display") == "block"
            parts.append(("math", " ".join((child.get("alttext") or "").split()), block))
        elif name == "pre":
            parts.append(("pre", "".join(child.itertext()).strip("\n")))
        elif name == "code":
            parts.append(("code", " ".join("".join(child.itertext()).split())))
        elif child.get("data-part"):
            parts.append(("blank",))
        elif name == "img" and "image/svg" in child.get("src"):
            parts.append(f"[{child.get('alt')}]")
        elif name == "img":
            parts.append(("img", " ".join((child.get("alt") or "").split()), child.get("src")))
        elif name in DROPPED or (name == "div" and "math" in (child.get("class") or "")):
            _collect(child, parts)
        else:
            inside: list[Any] = []
            _collect(child, inside)
            parts.append((name, *_joined(inside)))
        parts.append(_text(child.tail))


def _text(text: str | None) -> str:
    return re.sub(r"[ \t\n\r\f]+", " ", text or "")


def _joined(parts: Sequence[Any]) -> tuple[Any, ...]:
    """Neighbouring texts as one; white space at the ends of blocks, and beside them, does not show."""
    made: list[Any] = []
    for part in parts:
        before = made[-1] if made else None
        if part == "":
            continue
        if isinstance(part, str) and isinstance(before, str):
            made[-1] = re.sub(r" +", " ", before + part)
        elif isinstance(part, tuple) and isinstance(before, tuple) and part[0] == before[0] == "code":
            made[-1] = ("code", before[1] + part[1])
        elif isinstance(part, tuple) and isinstance(before, tuple) and part[0] == before[0] and part[0] in EMPHASIS:
            made[-1] = (part[0], *_joined([*before[1:], *part[1:]]))
        elif isinstance(part, tuple) and len(part) == 1 and part[0] in EMPTY:
            continue
        else:
            made.append(part)
    blocks = ("p", "pre", "ul", "ol", "li", "table", "tr", "td", "th", "blockquote", "hr", "br", "h1", "h2", "h3")

    def beside(place: int) -> bool:
        return not 0 <= place < len(made) or (isinstance(made[place], tuple) and made[place][0] in blocks)

    kept = []
    for place, part in enumerate(made):
        said = part
        if isinstance(said, str):
            said = said.lstrip() if beside(place - 1) else said
            said = said.rstrip() if beside(place + 1) else said
        if said != "":
            kept.append(said)
    return tuple(kept)


def without_paragraph(found: Canonical) -> Canonical:
    """The content of the only paragraph."""
    return found[0][1:] if len(found) == 1 and isinstance(found[0], tuple) and found[0][0] == "p" else found


def options_of(part: RenderedPart, inline: bool = False) -> list[Any]:
    """Options as (text, whether true, feedback), in an order that they alone decide."""
    found = [(canonical(o.html), o.true, canonical(o.feedback)) for o in part.options]
    found = [(without_paragraph(text), true, said) for text, true, said in found]
    return sorted(found, key=repr)


def answers_of(part: RenderedPart) -> dict[str, Any]:
    """What is typed, with its verdict and feedback."""
    return {answer.answer: (answer.credit, canonical(answer.feedback)) for answer in part.answers}


def shown(variant: RenderedVariant, kind: str) -> dict[str, Any]:
    """One variant as its type is compared."""
    parts = variant.parts
    told: dict[str, Any] = {"stem": canonical(variant.stem)}
    if kind in ("single", "multiple"):
        return told | {"options": options_of(parts[0])}
    if kind == "order":
        entries = [canonical(option.html) for part in parts for option in part.options if option.true]
        return told | {"entries": entries, "feedback": verdicts_of(parts)}
    if kind == "match":
        pairs = [(canonical(p.label), canonical(o.html)) for p in parts for o in p.options if o.true]
        others = {repr(canonical(option.html)) for option in parts[0].options} - {repr(right) for _, right in pairs}
        return told | {"pairs": sorted(pairs, key=repr), "others": others, "feedback": verdicts_of(parts)}
    return told | {"blanks": [typed_part(part) for part in parts]}


def typed_part(part: RenderedPart) -> dict[str, Any]:
    """A part that is typed, or a menu in a text."""
    if part.kind == "choice":
        return {"menu": options_of(part)}
    more = {"decimals": part.decimals} if part.kind == "number" else {"case": part.case}
    return {"answers": answers_of(part), "other": canonical(part.other)} | more


def verdicts_of(parts: Sequence[RenderedPart]) -> tuple[Canonical, Canonical]:
    """Feedback on a right answer, and on another."""
    right = next((option.feedback for option in parts[0].options if option.true), "")
    return canonical(right), canonical(parts[0].other)


def variants_of(bank: RenderedBank) -> list[tuple[RenderedItem, RenderedVariant]]:
    """Every variant of every item."""
    return [(item, variant) for item in bank.items for variant in item.variants]
