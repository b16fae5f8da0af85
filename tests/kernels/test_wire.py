"""Messages: every plain value comes back as it was; whatever arrives instead is refused, and never more than that."""

from __future__ import annotations

import contextlib
import json
import math
import socket
import struct
import time
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from grader.checks.values import same
from grader.kernels.values import MAX_BYTES, MAX_DEPTH, Handle, NotAValueError, copy_value
from grader.kernels.wire import LENGTHS, MAX_BLOB, MAX_HEADER, MAX_TREE, Closed, TimeUp, WireError, dump, load, receive

TEXT = st.text(st.characters(), max_size=20)  # lone surrogates too: a student may return them
SCALARS = st.none() | st.booleans() | st.integers(-(2**4000), 2**4000) | st.floats() | TEXT | st.binary(max_size=20)
NUMBERS = arrays.arrays(
    st.sampled_from(["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
TENSORS = arrays.arrays(
    st.sampled_from(["?", "i1", "i2", "i4", "i8", "u1", "f2", "f4", "f8", "c8", "c16"]),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
).map(lambda array: torch.from_numpy(array.copy()))
VALUES = st.recursive(
    SCALARS | NUMBERS | TENSORS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple) | st.dictionaries(SCALARS, inner)
    ),
    max_leaves=12,
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*"ifbltdTAch", "x"]), inner, max_size=2)
        | st.sampled_from([{"T": 0}, {"A": [0, "float32"]}, {"c": {"T": 0}}, {"c": {"A": [0, "float32"]}}])
    ),
    max_leaves=20,
)


def parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    """The three parts of a message."""
    head, body, blob = LENGTHS.unpack_from(data)
    start = LENGTHS.size
    ends = (start, start + head, start + head + body, start + head + body + blob)
    assert len(data) == ends[3]
    return data[ends[0] : ends[1]], data[ends[1] : ends[2]], data[ends[2] : ends[3]]


def alike(a: Any, b: Any) -> bool:
    """As `same`, but dict keys that are nan equal themselves by identity only: they are left to `same`'s order."""
    if isinstance(a, dict) and isinstance(b, dict):
        return len(a) == len(b) and all(
            same(k, m) and alike(v, w) for (k, v), (m, w) in zip(a.items(), b.items(), strict=True)
        )
    if isinstance(a, list | tuple) and type(a) is type(b):
        return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b, strict=True))
    return same(a, b)


@settings(max_examples=150, deadline=None)
@given(st.lists(VALUES, max_size=3))
def test_values_come_back_as_they_were(values: list[Any]) -> None:
    header, back = load(*parts(dump({"id": "x"}, values)))
    assert header == {"id": "x"}
    assert alike(back, [copy_value(value) for value in values])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=60))
def test_arbitrary_bytes_are_refused(head: bytes, body: bytes, blob: bytes) -> None:
    with pytest.raises(WireError):
        load(b"\xff" + head, body, blob)
    with contextlib.suppress(WireError):
        load(b"{}", body or b"[]", blob)


@settings(max_examples=500, deadline=None)
@given(st.lists(TREES, max_size=4), st.booleans())
def test_an_arbitrary_tree_gives_plain_values_or_is_refused(tree: list[Any], integers: bool) -> None:
    blob = safetensors.torch.save({"0": torch.zeros(3, 2, dtype=torch.int64 if integers else torch.float32)})
    try:
        _, values = load(b"{}", json.dumps(tree).encode(), blob)
    except WireError:
        return
    for value in values:
        assert type(value) is Handle or alike(copy_value(value), value)


def test_a_tensor_stands_for_one_value_only() -> None:
    blob = safetensors.torch.save({"0": torch.zeros(2)})
    assert load(b"{}", b'[{"T": 0}]', blob)[1][0].tolist() == [0.0, 0.0]
    for twice in (b'[{"T": 0}, {"T": 0}]', b'[{"T": 0}, {"A": [0, "float32"]}]', b'[{"A": [0, "float32"]}, {"T": 0}]'):
        with pytest.raises(WireError, match="stands for two values"):
            load(b"{}", twice, blob)
    for missing in (b'[{"T": 1}]', b'[{"A": [1, "float32"]}]'):
        for some in (blob, b""):
            with pytest.raises(WireError):
                load(b"{}", missing, some)


def test_arrays_cross_beside_tensors_that_numpy_has_no_type_for() -> None:
    values = [np.arange(3, dtype=np.uint16), torch.ones(2, dtype=torch.bfloat16), np.array(1 + 2j), torch.tensor(1j)]
    _, back = load(*parts(dump({}, values)))
    assert alike(back, values)
    assert back[0].flags.writeable


def test_more_parts_than_any_value_has_are_not_even_parsed() -> None:
    with pytest.raises(WireError, match="too many parts"):
        load(b"{}", b"[" + b"[]," * 2_500_000 + b"[]]", b"")
    with pytest.raises(WireError, match="too many tensors"):
        load(b"{}", b"[]", struct.pack("<Q", 2**40))


def test_large_and_deep_values_do_not_pass() -> None:
    tensor = torch.zeros(MAX_BYTES // 8, dtype=torch.float32)  # half of what may pass
    assert copy_value([tensor]) is not None
    with pytest.raises(NotAValueError, match="larger than 16 MB"):
        copy_value([tensor] * 1_000_000)  # counted before it is copied: this takes no time and no memory
    with pytest.raises(NotAValueError, match="larger than 16 MB"):
        copy_value(torch.zeros(1).expand(2**40))
    deep: list[Any] = []
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]
    with pytest.raises(NotAValueError, match="nested deeper than 32"):
        copy_value(deep)
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    with pytest.raises(NotAValueError, match="nested deeper than 32"):
        dump({}, [cyclic])


class Liar(float):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = float.__hash__


@pytest.mark.parametrize(
    "value",
    [
        Liar(1.0),
        np.float64(1.0),
        np.zeros(2, dtype=object),
        np.zeros(2).view(np.recarray),
        np.zeros(2, dtype=">f8"),
        np.array(["a"]),
        torch.nn.Parameter(torch.zeros(2)),
        torch.zeros(2).to_sparse(),
        torch.empty(2, device="meta"),
        {1, 2},
        {(1, 2): 3},
        range(3),
        object(),
        2**5000,
        Handle("inner"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_exact_types_pass(value: Any) -> None:
    with pytest.raises(NotAValueError):
        dump({}, [[value]])


@pytest.mark.parametrize("place", range(3))
def test_what_says_that_it_is_too_large_is_not_read(place: int) -> None:
    lengths = [2, 2, 0]
    lengths[place] = (MAX_HEADER, MAX_TREE, MAX_BLOB)[place] + 1
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(LENGTHS.pack(*lengths))
        with pytest.raises(WireError, match="at most"):
            receive(ours)


def test_the_other_side_may_go_or_be_silent() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(b"\0\0")
            with pytest.raises(TimeUp):
                receive(ours, time.monotonic() + 0.01)
        with pytest.raises(Closed):
            receive(ours)


def test_looking_at_usage_does_not_wait_for_silence() -> None:
    class EnoughError(Exception):
        pass

    def look() -> None:
        raise EnoughError

    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(dump({}, [math.pi]))  # the answer is there already, and still the kernel is looked at
        with pytest.raises(EnoughError):
            receive(ours, None, look)
