"""What checks say of values: what they are, in words, and whether two are alike. Both sides go by `labkit.findings`."""

from __future__ import annotations

from typing import Any

from labkit.findings import Near, compared, form, is_tensor

describe = form
is_tensor_like = is_tensor


def same(a: Any, b: Any, tol: float = 0.0) -> bool:
    """Whether two copied values are alike: same types, dtypes and shapes, numbers within `tol`.

    nan equals nan; infinities must stand in the same places with the same sign. Integers, booleans and text are exact.
    """
    return compared(a, b, Near(tol)) is None
