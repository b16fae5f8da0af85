"""The words with which a statement of a quiz compares, and what each says of the values beside it.

A statement such as "the loss falls" or "lower for $u<1$ than for $u>1$" is read by `grader.quizzes.reading`; the words
for what is compared are the author's, the words for how it compares are these, so that no author can write "rises"
over numbers that fall.
"""

from __future__ import annotations

from collections.abc import Mapping

# Of one thing (a sequence), of two things; then words that come in opposites, first the one and then the other.
Kind = tuple[str, str]
UP: Kind = ("rises", "above")
DOWN: Kind = ("falls", "below")
SAME: Kind = ("stays", "equal")
OTHER: Kind = ("changes", "differs")
OPPOSITES: tuple[tuple[Kind, Kind, tuple[tuple[str, str], ...]], ...] = (
    (
        ("rises", ""),
        ("falls", ""),
        (
            *(("rises", "falls"), ("rise", "fall"), ("rising", "falling"), ("grows", "shrinks"), ("grow", "shrink")),
            *(("increases", "decreases"), ("increase", "decrease"), ("gains", "loses"), ("gain", "lose")),
        ),
    ),
    (
        UP,
        DOWN,
        (
            *(
                ("larger", "smaller"),
                ("higher", "lower"),
                ("greater", "less"),
                ("more", "fewer"),
                ("longer", "shorter"),
            ),
            *(("above", "below"), ("over", "under"), ("further", "closer"), ("farther", "nearer"), ("up", "down")),
            *(("likelier", "rarer"), ("more likely", "less likely"), ("stronger", "weaker"), ("better", "worse")),
            *(("dearer", "cheaper"), ("heavier", "lighter"), ("more often", "less often"), ("wider", "narrower")),
        ),
    ),
    (
        SAME,
        OTHER,
        (
            *(("stays", "changes"), ("stay", "change"), ("equal", "different"), ("the same", "another")),
            *(("keeps", "alters"), ("unchanged", "changed"), ("equals", "differs from"), ("equal", "differ")),
            *(("does not depend", "depends"), ("do not depend", "depend"), ("constant", "varying")),
        ),
    ),
    (
        ("highest", ""),
        ("lowest", ""),
        (
            *(("highest", "lowest"), ("largest", "smallest"), ("most", "least"), ("longest", "shortest")),
            *(("furthest", "closest"), ("farthest", "nearest"), ("likeliest", "rarest"), ("greatest", "fewest")),
            *(("most likely", "least likely"), ("maximum", "minimum")),
        ),
    ),
    (("between", ""), ("highest", ""), (("in between", "highest"), ("in the middle", "highest"))),
    (("doubles", "twice"), ("halves", "half"), (("twice", "half"), ("doubles", "halves"), ("double", "halve"))),
    (("finite", ""), ("infinite", ""), (("finite", "infinite"),)),
)
WORDS: Mapping[str, Kind] = {
    word: kind
    for first, second, pairs in reversed(OPPOSITES)
    for pair in pairs
    for word, kind in zip(pair, (first, second), strict=True)
}
EXTREMES = frozenset({"highest", "lowest", "between", "finite", "infinite"})

# Words outside of statements that turn a sentence round as well: what a proof tries to exchange, and nothing reads.
TURNS = (
    *(("all", "none"), ("always", "never"), ("first", "last"), ("chosen", "rejected"), ("left", "right")),
    *(("before", "after"), ("with", "without"), ("true", "false"), ("positive", "negative"), ("only", "also")),
    *(("winning", "losing"), ("numerator", "denominator"), ("add", "subtract"), ("adds", "subtracts")),
)
OPPOSITE: Mapping[str, str] = {
    word: other
    for pairs in reversed((*(pairs for _, _, pairs in OPPOSITES), TURNS))
    for a, b in pairs
    for word, other in ((a, b), (b, a))
}
