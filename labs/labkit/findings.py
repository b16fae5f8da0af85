"""Findings: what differs between an answer and the right one, by kind, and the words for it. No values are told.

Visible and hidden checks both go by what stands here. A finding has a kind, and a hint is chosen by the kind first:
words about an algorithm help nobody whose answer has the wrong dtype.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

KINDS = {
    "time": "A loop that does not end, or far more work than the task asks for?",
    "error": "Follow what its line is given for such inputs.",
    "other error": "Its docstring says which inputs it refuses, and with which error.",
    "no error": "Test the arguments before anything else. Its docstring says which inputs it refuses, and how.",
    "type": "Its docstring says what it returns.",
    "dtype": "Its docstring says which dtype comes back: compare it with the dtypes that came in.",
    "shape": "Its docstring says which shape comes back: follow the shape from line to line.",
    "value": "Work a small example by hand and compare each step.",
    "family": "For all other inputs it is right: what is special about these?",
    "nan": "Where does it divide by 0, take inf less inf, or 0 times inf? A mask that comes after that is too late.",
    "gradient": "Compare with its formula which steps the gradient passes: no detach, no no_grad, no .item(), no copy.",
    "nan gradient": "`where` hides a nan from the value, not from the gradient: mask before the step that makes it.",
    "changed": "Return a new value: no `/=` and no assignment into what you are given, no `requires_grad_()` on it.",
    "shared": "Return a copy, so that a later change of one leaves the other alone.",
}
"""The kinds of findings, by how much they hide of an answer, each with the hint where a lab has no better one."""

OF_FORM = ("type", "dtype", "shape")
"""Kinds of an answer whose values cannot be looked at yet: nothing is said of the algorithm."""

# How many roundings apart two right answers may be, by dtype; a float of Python counts as float64.
ROUNDINGS = {"float16": 4.0, "bfloat16": 4.0, "float32": 32.0, "float64": 4096.0}
EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
SMALLEST = {"float16": 2.0**-24, "bfloat16": 2.0**-133, "float32": 2.0**-149, "float64": 5e-324}
PARTS = {"complex64": "float32", "complex128": "float64"}


@dataclass(frozen=True)
class Finding:
    """What is wrong with one answer. `said` is a whole sentence; `family` names the kind of input, if it has a name."""

    kind: str
    said: str = ""
    family: str = ""

    def for_family(self, family: str) -> Finding:
        """The finding, of an input of that family."""
        return replace(self, family=family)


@dataclass(frozen=True)
class Near:
    """How far apart numbers may be: `fixed` is absolute; else it follows dtype and magnitude, `factor` times that.

    `floats` is the relative precision of what went in, which a float of Python does not tell; `coarse` is one for all.
    """

    fixed: float | None = None
    floats: float = 0.0
    factor: float = 1.0
    coarse: float = 0.0

    def relative(self, dtype: str) -> float:
        """How far apart two right numbers of a dtype may be, as a part of their size."""
        return self.factor * max(self.coarse, ROUNDINGS.get(dtype, 1.0) * EPSILON.get(dtype, 0.0))

    def limit(self, dtype: str, size: Any) -> Any:
        """How far apart two right numbers of a dtype and size may be."""
        return self.relative(dtype) * size + _ulps(dtype) if self.fixed is None else self.fixed

    def of_floats(self) -> float:
        """The relative limit for floats of Python."""
        return max(self.relative("float64"), self.factor * self.floats)


EXACT = Near(0.0)


def compared(found: Any, expected: Any, near: Near = Near()) -> Finding | None:
    """The first of type, dtype, shape, value in which `found` is not as `expected`; None where it is.

    nan equals nan; infinities must stand in the same places; integers, booleans and text are exact.
    """
    fault = _fault(found, expected, near)
    if fault is None:
        return None
    kind, one, other, inside = fault
    if kind in ("value", "nan") and form(one) == form(other):
        return Finding(kind, "There is nan where a number is due." if kind == "nan" else "The values differ.")
    outer = "In it, expected" if inside else "Expected"
    return Finding(kind, f"{outer} {form(other)}, found {form(one)}.")


@dataclass(frozen=True)
class Wide:
    """An outcome whose tensors are of float64, to be laid beside others, and the precision that it came with."""

    value: Any
    precision: float

    @staticmethod
    def of(value: Any) -> Wide:
        """That of a value."""
        return Wide(_widened(value), precision(value))

    def is_like(self, other: Wide, near: Near = Near()) -> bool:
        """Whether both have the same values, whatever dtype tensors had."""
        coarse = Near(near.fixed, near.floats, near.factor, max(self.precision, other.precision))
        return _fault(self.value, other.value, coarse, ignore_dtype=True) is None


def alike(found: Any, expected: Any, near: Near = Near()) -> bool:
    """Whether two outcomes have the same values, whatever dtype tensors have."""
    return Wide.of(found).is_like(Wide.of(expected), near)


def compared_gradient(found: Any, expected: Any, name: str, near: Near) -> Finding | None:
    """As `compared` for a gradient with respect to `name`, where the expected one is finite; None counts as zeros."""
    if expected is None or (found is not None and tuple(found.shape) != tuple(expected.shape)):
        if expected is None and (found is None or not bool(found.any())):
            return None
        if expected is None:
            return Finding("gradient", f"The value is right, but a gradient reaches {name}, where none is due.")
        return _other_gradient(name)
    torch = sys.modules["torch"]
    if found is not None and torch.equal(found, expected):
        return None
    wanted = expected.to(torch.float64)
    finite = torch.isfinite(wanted)
    if not bool(finite.any()):
        return None
    got = torch.zeros_like(wanted) if found is None else found.to(torch.float64)
    wanted, got = wanted[finite], got[finite]
    dtype = _dtype(expected)
    limit = max(near.relative(dtype) * float(wanted.abs().max()) + _ulps(dtype), near.fixed or 0.0)
    if bool(((wanted - got).abs() <= limit).all()):
        return None
    if bool(got.isnan().any()):
        return Finding("nan gradient", f"The value is right, but its gradient with respect to {name} is nan.")
    if not bool(got.any()):
        return Finding("gradient", f"The value is right, but no gradient reaches {name}.")
    return _other_gradient(name)


def _other_gradient(name: str) -> Finding:
    return Finding("gradient", f"The value is right, but its gradient with respect to {name} is another one.")


def form(value: Any) -> str:
    """What may be told of any value: its type, dtype and shape, never its content, nor the name of a student's class.

    >>> form([1, 2])
    'a list of 2'
    """
    if is_tensor(value):
        return f"a {_dtype(value)} tensor of shape {list(value.shape)}"
    if is_array(value):
        return f"a {_dtype(value)} array of shape {list(value.shape)}"
    if type(value) in (list, tuple, dict):
        return f"a {type(value).__name__} of {len(value)}"
    if value is None:
        return "None"
    if type(value) in (bool, int, float, str, bytes, set):
        return _a(type(value).__name__)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic) and type(value).__module__ == "numpy":
        return f"a numpy {value.dtype.name}" if value.dtype.kind in "biufc" else "another kind of object"
    return "another kind of object"


def dtypes_in(value: Any) -> Iterator[str]:
    """The dtypes of all tensors and arrays in a value."""
    if is_tensor(value) or is_array(value):
        yield _dtype(value)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from dtypes_in(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from dtypes_in(part)


def precision(values: Any) -> float:
    """The relative precision that results of these inputs can have: that of the coarsest floats among them."""
    found = [ROUNDINGS[name] * EPSILON[name] for name in dtypes_in(values) if name in EPSILON]
    return max(found, default=0.0)


Fault = tuple[str, Any, Any, bool]


def _fault(found: Any, expected: Any, near: Near, inside: bool = False, ignore_dtype: bool = False) -> Fault | None:
    if type(found) is not type(expected):
        return "type", found, expected, inside
    if is_tensor(expected) or is_array(expected):
        if found.dtype != expected.dtype and not ignore_dtype:
            return "dtype", found, expected, inside
        if tuple(found.shape) != tuple(expected.shape):
            return "shape", found, expected, inside
        kind = _numbers_differ(found, expected, near)
        return (kind, found, expected, inside) if kind else None
    if isinstance(expected, float | complex):
        kind = _floats_differ([found], [expected], near)
        return (kind, found, expected, inside) if kind else None
    if isinstance(expected, list | tuple):
        return _sequences_differ(found, expected, near, inside, ignore_dtype)
    if isinstance(expected, dict):
        if list(found) != list(expected):
            return "shape" if len(found) != len(expected) else "value", found, expected, inside
        pairs = ((found[key], expected[key]) for key in expected)
        return next((f for a, b in pairs if (f := _fault(a, b, near, True, ignore_dtype)) is not None), None)
    return None if bool(found == expected) else ("value", found, expected, inside)


def _sequences_differ(found: Any, expected: Any, near: Near, inside: bool, ignore_dtype: bool) -> Fault | None:
    if len(found) != len(expected):  # how many there are is part of what is worked out; in a tuple it is its form
        return "value" if type(expected) is list else "shape", found, expected, inside
    if all(type(a) is float and type(b) is float for a, b in zip(found, expected, strict=True)):
        kind = _floats_differ(found, expected, near)
        return (kind, found, expected, inside) if kind else None
    faults = [_fault(a, b, near, True, ignore_dtype) for a, b in zip(found, expected, strict=True)]
    order = list(KINDS)
    return min((f for f in faults if f is not None), key=lambda f: order.index(f[0]), default=None)


def _floats_differ(found: Any, expected: Any, near: Near) -> str:
    size = max((abs(x) for x in expected if math.isfinite(abs(x))), default=0.0)
    limit = near.of_floats() * size if near.fixed is None else near.fixed
    pairs = zip(found, expected, strict=True)
    differs = [a for a, b in pairs if not (a == b or (a != a and b != b) or abs(a - b) <= limit)]
    return _kind_of(any(a != a for a in differs), bool(differs))


def _numbers_differ(found: Any, expected: Any, near: Near) -> str:
    dtype = _dtype(expected)
    dtype = PARTS.get(dtype, dtype)
    numpy = sys.modules["numpy"]
    if is_tensor(expected):
        torch = sys.modules["torch"]
        if torch.equal(found, expected):
            return ""
        if dtype not in EPSILON:
            return "value"
        wide = torch.complex128 if expected.is_complex() else torch.float64
        one, other = (
            value.detach().to("cpu", wide).resolve_conj().resolve_neg().numpy() for value in (found, expected)
        )
    else:
        if dtype not in EPSILON:
            return "" if bool(numpy.array_equal(found, expected)) else "value"
        wide = numpy.complex128 if expected.dtype.kind == "c" else numpy.float64
        one, other = found.astype(wide), expected.astype(wide)
    with numpy.errstate(all="ignore"):
        size = numpy.where(numpy.isfinite(other), abs(other), 0.0)
        size = size.max(axis=-1, keepdims=True) if size.ndim and size.size else size
        differs = ~((abs(one - other) <= near.limit(dtype, size)) | (one == other))
        if not differs.any():
            return ""
        nan = numpy.isnan(one)
        differs &= ~(nan & numpy.isnan(other))
        return _kind_of(bool((differs & nan).any()), bool(differs.any()))


def _kind_of(nan: bool, differs: bool) -> str:
    return ("nan" if nan else "value") if differs else ""


def _ulps(dtype: str) -> float:
    """What two right answers may differ by where numbers are so small that their precision ends."""
    return ROUNDINGS.get(dtype, 0.0) * SMALLEST.get(dtype, 0.0) if dtype != "float64" else 0.0


def _widened(value: Any) -> Any:
    """A value whose tensors are of float64, so that those of other dtypes can be laid beside them."""
    if is_tensor(value):
        torch = sys.modules["torch"]
        return value.to(torch.complex128 if value.is_complex() else torch.float64)
    if is_array(value):
        return value.astype("complex128" if value.dtype.kind == "c" else "float64")
    if type(value) in (list, tuple):
        return type(value)([_widened(part) for part in value])
    return {key: _widened(part) for key, part in value.items()} if type(value) is dict else value


def is_tensor(value: object) -> bool:
    """Whether a value is a tensor of torch or of a class made from it. Where torch is not loaded, there is none."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_array(value: object) -> bool:
    """Whether a value is an array of numpy, which is not imported for that."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def _dtype(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.")


def _a(words: str) -> str:
    return f"{'an' if words[0] in 'aeio' else 'a'} {words}"
