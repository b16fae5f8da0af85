"""The numbers of a message: all its arrays and tensors, each by its index, as one blob in the format of safetensors.

The format ("Format" in the README of safetensors): a length, a table as JSON of that length, then all numbers, one
entry after another, little-endian. The library reads it, as it may be hostile. What is written here the library would
write, too, in ten times as long: it makes an array of C of each entry.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

from grader.kernels.values import NotAValueError, is_tensor

TABLE_LENGTH = struct.Struct("<Q")
ALIGNED = 8
DTYPES = {
    "bool": "BOOL",
    **{f"int{bits}": f"I{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"U{bits}" for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"F{bits}" for bits in (16, 32, 64)},
    "bfloat16": "BF16",
}
"""Types of numbers as the format calls them, by the name that numpy and torch have for them."""


class TwiceError(Exception):
    """An entry was named before."""


def written(numbers: Sequence[Any]) -> bytes:
    """Arrays and tensors, contiguous and on the CPU, as a blob.

    Raises:
        NotAValueError: numbers of a type that the format, or this environment, does not know.
    """
    if sys.byteorder != "little" or not all(_name(one) in DTYPES for one in numbers):
        return _by_the_library(numbers)
    parts = [_bytes_of(one) for one in numbers]
    ends = list(accumulate(map(len, parts)))
    table = {
        str(i): {"dtype": DTYPES[_name(one)], "shape": list(one.shape), "data_offsets": [end - len(part), end]}
        for i, (one, part, end) in enumerate(zip(numbers, parts, ends, strict=True))
    }
    head = json.dumps(table, separators=(",", ":")).encode("ascii")
    head += b" " * (-len(head) % ALIGNED)
    return b"".join([TABLE_LENGTH.pack(len(head)), head, *parts])


def _name(one: Any) -> str:
    return str(one.dtype).removeprefix("torch.")


def _bytes_of(one: Any) -> bytes:
    if is_tensor(one):
        if _name(one) == "bfloat16":  # which numpy does not know
            one = one.view(sys.modules["torch"].int16)
        one = one.numpy()
    content: bytes = one.tobytes()
    return content


def _by_the_library(numbers: Sequence[Any]) -> bytes:
    try:
        from safetensors import numpy as of_arrays
    except ImportError as missing:
        raise NotAValueError("arrays and tensors need safetensors, which this environment has not") from missing
    if not any(map(is_tensor, numbers)):
        return bytes(of_arrays.save({str(i): array for i, array in enumerate(numbers)}))
    import torch
    from safetensors import torch as of_tensors

    tensors = (one if is_tensor(one) else torch.from_numpy(one) for one in numbers)
    return bytes(of_tensors.save({str(i): tensor for i, tensor in enumerate(tensors)}))


class Numbers:
    """A blob of which each entry stands for one value: named twice, one would count for many."""

    def __init__(self, blob: bytes) -> None:
        self.blob = blob
        self.taken: set[str] = set()

    @cached_property
    def _arrays(self) -> dict[str, Any]:
        from safetensors import numpy as of_arrays

        return dict(of_arrays.load(self.blob))

    @cached_property
    def _tensors(self) -> dict[str, Any]:
        from safetensors import torch as of_tensors

        return dict(of_tensors.load(self.blob))

    def array(self, name: str) -> Any:
        """An entry as an array; by way of torch where numpy has no type for an entry beside it."""
        self._take(name)
        try:
            return self._arrays[name]
        except KeyError:  # of the type's name
            return self._tensors[name].numpy()

    def tensor(self, name: str) -> Any:
        """An entry as a tensor."""
        self._take(name)
        return self._tensors[name]

    def _take(self, name: str) -> None:
        if name in self.taken:
            raise TwiceError
        self.taken.add(name)
