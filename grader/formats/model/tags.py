"""What our items say about themselves as tags, for formats that have tags; our importer reads them back."""

from __future__ import annotations

from grader.quizzes.rendered import RenderedItem


def item_tags(item: RenderedItem) -> tuple[str, ...]:
    """`name: value` for the objective, the Bloom level, the difficulty, each family of mistakes, and the lab."""
    found = [f"objective: {item.objective}", f"bloom: {item.bloom}" if item.bloom else ""]
    found.append(f"difficulty: {item.difficulty:g}" if item.difficulty else "")
    found += [f"family: {family}" for family in item.families] + [f"lab: {item.lab}"]
    return tuple(" ".join(tag.split()) for tag in found if tag)
