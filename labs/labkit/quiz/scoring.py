"""From credits to points: the named rules, used by the player and by the grader alike."""

from __future__ import annotations

from collections.abc import Sequence


def item_score(rule: str, credits: Sequence[int], of: int = 0) -> float:
    """The share of an item's points that its parts' credits earn, from 0 to 1.

    Args:
        rule: `all-or-nothing`: 1 if every part has credit 1, else 0. `per-part`: the share of parts with credit 1.
            `right-minus-wrong`: boxes rightly ticked less boxes wrongly ticked, over the number of true options, not
            less than 0.
        credits: one a part: 1 right, 0, or −1 for a box wrongly ticked.
        of: the number of true options, for `right-minus-wrong`.

    Raises:
        ValueError: no such rule, no part, or `right-minus-wrong` without true options.
    """
    if not credits:
        raise ValueError("an item has at least one part")
    if rule == "all-or-nothing":
        return 1.0 if all(credit == 1 for credit in credits) else 0.0
    if rule == "per-part":
        return sum(credit == 1 for credit in credits) / len(credits)
    if rule == "right-minus-wrong":
        if of < 1:
            raise ValueError("right-minus-wrong needs at least one true option")
        return min(max(sum(credits) / of, 0.0), 1.0)
    raise ValueError(f"no rule is called {rule!r}; there are all-or-nothing, per-part, right-minus-wrong")
