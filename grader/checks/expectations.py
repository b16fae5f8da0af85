"""`expect(result)`: what an answer should be, and the hint that is shown when it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from grader.checks.student import Result
from grader.checks.values import describe, is_tensor_like, same
from grader.kernels.values import copy_value

if TYPE_CHECKING:
    import torch


class Missed(Exception):  # noqa: N818 - an outcome, not a fault
    """A check is not passed. `reason` tells the form of what came back, `hint` the likely mistake."""

    def __init__(self, hint: str, reason: str = "") -> None:
        super().__init__(f"{reason} {hint}".strip())
        self.hint = hint
        self.reason = reason


@dataclass(frozen=True)
class Expectation:
    """The answer of one call; every method raises `Missed` where the answer falls short."""

    result: Result

    def _miss(self, hint: str, reason: str) -> NoReturn:
        raise Missed(hint, reason)

    def _returned(self, hint: str) -> Any:
        if self.result.error is not None:
            self._miss(hint, self.result.error.said())
        return self.result.value

    def equals(self, expected: Any, *, hint: str) -> None:
        """Same type, dtype, shape and values; nan equals nan."""
        self.close(expected, tol=0.0, hint=hint)

    def close(self, expected: Any, *, tol: float = 1e-6, hint: str) -> None:
        """Same type, dtype and shape; floating-point numbers within `tol`, infinities in the same places."""
        value, wanted = self._returned(hint), copy_value(expected)
        if same(value, wanted, tol):
            return
        if describe(value) != describe(wanted):
            self._miss(hint, f"Expected {describe(wanted)}, found {describe(value)}.")
        self._miss(hint, "The values differ.")

    def raises(self, kind: str, *, hint: str) -> None:
        """The call raised the built-in exception `kind`, or a subclass that is no built-in itself."""
        if self.result.error is None:
            self._miss(hint, f"Expected {kind}, but it returned {describe(self.result.value)}.")
        if self.result.error.kind != kind:
            self._miss(hint, f"Expected {kind}. {self.result.error.said()}")

    def unchanged(self, *, hint: str) -> None:
        """The arguments after the call equal those before it; counts only after a value came back."""
        if self._returned(hint) is None:
            self._miss(hint, "It returned None.")
        if not same(self.result.args_before, self.result.args_after):
            self._miss(hint, "An argument changed during the call.")

    def tensor(
        self, shape: Sequence[int] | None = None, dtype: torch.dtype | None = None, *, hint: str = ""
    ) -> torch.Tensor:
        """The value, a tensor of this shape and dtype (where given), for further trusted computation."""
        value = self._returned(hint)
        wanted = f"a {_short(dtype) + ' ' if dtype else ''}tensor"
        wanted += f" of shape {list(shape)}" if shape is not None else ""
        if (
            not is_tensor_like(value)
            or (shape is not None and list(value.shape) != list(shape))
            or (dtype is not None and value.dtype != dtype)
        ):
            self._miss(hint, f"Expected {wanted}, found {describe(value)}.")
        tensor: torch.Tensor = value
        return tensor

    def value(self, kind: type | None = None, *, hint: str = "") -> Any:
        """The value if its type is exactly `kind`."""
        value = self._returned(hint)
        if kind is not None and type(value) is not kind:
            self._miss(hint, f"Expected {kind.__name__}, found {describe(value)}.")
        return value

    def that(self, condition: bool, *, hint: str) -> None:
        """A condition that the check worked out holds; counts only after a value came back."""
        if self._returned(hint) is None or not condition:
            self._miss(hint, "")


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def expect(result: Result) -> Expectation:
    """Start an expectation about the result of a call."""
    return Expectation(result)
