"""How two values differ, in a few short lines: numbers, text, lists, numpy arrays and torch tensors."""

from __future__ import annotations

import math
import reprlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

SHOWN = 6  # numbers shown of an array or a list

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 80
_repr.maxlist = _repr.maxtuple = _repr.maxdict = SHOWN


def difference(found: Any, expected: Any, tol: float = 0.0) -> list[str]:
    """What differs between `found` and `expected`, as lines to show; an empty list where nothing does.

    Types, dtypes, shapes, the order of keys and all values must agree. Floating-point numbers may be `tol` apart
    (absolutely); nan equals nan, and infinities must stand in the same places.

    >>> difference([1, 2], [1, 3])
    ['expected  [1, 3]', 'found     [1, 2]', 'first difference at [1]: expected 3, found 2']
    """
    where = _first_difference(found, expected, tol)
    if where is None:
        return []
    lines = [f"expected  {describe(expected)}", f"found     {describe(found)}"]
    return [*lines, where] if where else lines


def describe(value: Any) -> str:
    """A value in short: its type, dtype and shape where it has them, and its first few numbers.

    >>> describe("abc")
    "'abc'"
    """
    if _is_tensor(value) or _is_array(value):
        kind = "tensor" if _is_tensor(value) else "array"
        dtype = str(value.dtype).removeprefix("torch.")
        return f"{dtype} {kind} {_shape(value)}: {_first_numbers(_to_numpy(value).ravel())}"
    if _is_numpy_scalar(value):
        return f"numpy {value.dtype} {_number(value.item())}"
    if type(value) in (list, tuple, dict):
        return f"{_repr.repr(value)}" + (f" ({len(value)} items)" if len(value) > SHOWN else "")
    return _number(value) if type(value) in (int, float, complex) else _repr.repr(value)


def _first_difference(found: Any, expected: Any, tol: float) -> str | None:
    """None where the values agree, "" where the two descriptions say it all, else where they differ first."""
    if type(found) is not type(expected):
        return f"the type differs: expected {_type(expected)}, found {_type(found)}"
    if _is_tensor(expected) or _is_array(expected):
        return _arrays(found, expected, tol)
    if _is_numpy_scalar(expected):
        return _first_difference(found.item(), expected.item(), tol)
    if isinstance(expected, float | complex):
        return None if _close(found, expected, tol) else ""
    if isinstance(expected, Mapping):
        return _mappings(found, expected, tol)
    if isinstance(expected, list | tuple):
        return _sequences(found, expected, tol)
    return None if bool(found == expected) else ""


def _sequences(found: Sequence[Any], expected: Sequence[Any], tol: float) -> str | None:
    if len(found) != len(expected):
        return f"the length differs: expected {len(expected)}, found {len(found)}"
    for place, (one, other) in enumerate(zip(found, expected, strict=True)):
        said = _first_difference(one, other, tol)
        if said is not None:
            return f"first difference at [{place}]: {said or _both(one, other)}"
    return None


def _mappings(found: Mapping[Any, Any], expected: Mapping[Any, Any], tol: float) -> str | None:
    if list(found) != list(expected):
        return f"the keys differ: expected {_repr.repr(list(expected))}, found {_repr.repr(list(found))}"
    for key in expected:
        said = _first_difference(found[key], expected[key], tol)
        if said is not None:
            return f"at key {_repr.repr(key)}: {said or _both(found[key], expected[key])}"
    return None


def _arrays(found: Any, expected: Any, tol: float) -> str | None:
    import numpy as np

    if _shape(found) != _shape(expected):
        return f"the shape differs: expected {_shape(expected)}, found {_shape(found)}"
    if found.dtype != expected.dtype:
        return f"the dtype differs: expected {_dtype(expected)}, found {_dtype(found)}"
    one, other = _to_numpy(found), _to_numpy(expected)
    if one.dtype.kind == "O":
        return _first_difference(one.tolist(), other.tolist(), tol)
    differs = one != other
    if one.dtype.kind in "fc":
        wide = np.complex128 if one.dtype.kind == "c" else np.float64
        with np.errstate(invalid="ignore", over="ignore"):
            near = np.abs(one.astype(wide) - other.astype(wide)) <= tol
        differs = differs & ~near & ~(np.isnan(one) & np.isnan(other))
    count = int(differs.sum())
    if count == 0:
        return None
    place = tuple(int(i) for i in np.argwhere(differs)[0])
    both = _both(one[place].item(), other[place].item())
    if one.ndim == 0:
        return "" if describe(found) != describe(expected) else both
    return f"first difference at {list(place)}: {both} ({count} of {one.size} differ)"


def _both(found: Any, expected: Any) -> str:
    """Two values side by side, with as many digits as it takes to tell them apart."""
    one, other = describe(found), describe(expected)
    if one == other:
        one, other = repr(found)[:80], repr(expected)[:80]
    return f"expected {other}, found {one}"


def _close(found: complex, expected: complex, tol: float) -> bool:
    if found == expected or (found != found and expected != expected):
        return True
    apart = abs(found - expected)
    return math.isfinite(apart) and apart <= tol


def _first_numbers(flat: Any) -> str:
    if flat.size == 0:
        return "empty"
    more = ", …" if flat.size > SHOWN else ""
    return ", ".join(_number(x) for x in flat[:SHOWN].tolist()) + more


def _number(value: Any) -> str:
    """A number as short as it can be said.

    >>> _number(1.0), _number(0.1 + 0.2), _number(True)
    ('1.0', '0.3', 'True')
    """
    if type(value) is not float:
        return _repr.repr(value)
    short = f"{value:.6g}"
    return short if not math.isfinite(value) or any(c in short for c in ".e") else short + ".0"


def _to_numpy(value: Any) -> Any:
    if not _is_tensor(value):
        return value
    dense = value.detach().cpu()
    dense = dense if str(dense.layout) == "torch.strided" else dense.to_dense()
    return (dense.float() if str(dense.dtype) in ("torch.bfloat16",) else dense).resolve_conj().numpy()


def _shape(value: Any) -> list[int]:
    return [int(n) for n in value.shape]


def _dtype(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.")


def _type(value: Any) -> str:
    if value is None:
        return "None (is there a return?)"
    if type(value).__name__ in ("Tensor", "ndarray"):
        return f"a {'torch tensor' if _is_tensor(value) else 'numpy array'}"
    return f"numpy {type(value).__name__}" if _is_numpy_scalar(value) else type(value).__name__


# Neither library is imported here: a value of its kind can only exist where it is loaded already.
def _is_tensor(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _is_array(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def _is_numpy_scalar(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.generic)
