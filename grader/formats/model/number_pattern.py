"""Numbers to type as regular expressions: every spelling that rounds to a number, for systems that compare text."""

from __future__ import annotations

from decimal import Decimal

MINUS = "[-\u2212]"


def number_pattern(answer: str, decimals: int) -> str:
    """Matches what rounds to `answer`, a number of that many decimals: `0.69` → `0.69`, `.69`, `0,690`, `0.6931`.

    A number that lies exactly half-way between two may be read either way. Only what engines agree on is used: groups,
    classes, `*`, `?` and `|`. No sign of thousands, no exponent.
    """
    value = Decimal(answer)
    unit = Decimal(1).scaleb(-decimals)
    size = abs(value)
    ways = [_begins(size, decimals)]
    if size > 0:
        ways.append(_ends(size - unit, decimals))
        sign = MINUS if value < 0 else "[+]?"
    else:
        sign = "[-+\u2212]?"
    return f"^ *{sign} *({'|'.join(ways)}) *$"


def _begins(size: Decimal, decimals: int) -> str:
    """Numbers from `size` on that are rounded down to it: its digits, then 0 to 4 or nothing; zeros may be dropped."""
    whole, fraction = _digits(size, decimals)
    kept = fraction.rstrip("0")
    zeros = len(fraction) - len(kept)
    dropped = "(0" * zeros + "([0-4][0-9]*)?" + ")?" * zeros
    if kept:
        return f"0*{whole}[.,]{kept}{dropped}"
    if whole:
        return f"0*{whole}([.,]{dropped})?"
    first = f"0{'(0' * (zeros - 1)}([0-4][0-9]*)?{')?' * (zeros - 1)}" if zeros else "[0-4][0-9]*"
    return f"0+([.,]{dropped})?|[.,]{first}"


def _ends(size: Decimal, decimals: int) -> str:
    """Numbers that are rounded up from `size`: its digits, then 5 to 9."""
    whole, fraction = _digits(size, decimals)
    return f"0*{whole}[.,]{fraction}[5-9][0-9]*"


def _digits(size: Decimal, decimals: int) -> tuple[str, str]:
    """The digits before and behind the point; none for 0 before it."""
    whole, _, fraction = f"{size:.{decimals}f}".partition(".")
    return "" if whole == "0" else whole, fraction
