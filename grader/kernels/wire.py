"""Messages between the trusted side and a kernel: a JSON header, plain values, tensors as safetensors. Never pickle.

A message is `header` (JSON, small), `values` (a JSON tree, see below) and one safetensors blob with the numbers of all
tensors and arrays. On the socket: three big-endian lengths, then the three parts. In the tree, None, bool, float, str
and ints of up to 53 bits stand for themselves; the rest is an object with one key:

    {"i": hex}  {"f": "nan"|"inf"|"-inf"}  {"b": base64}  {"l": [...]}  {"t": [...]}  {"d": [[key, value], ...]}
    {"T": n} tensor n of the blob   {"A": [n, dtype]} array   {"c": {...}} complex, as pairs   {"h": name} a handle

What arrives is built from exact built-in types only, within bounds of size and depth, whatever was sent. torch is
imported where a tensor arrives, numpy and safetensors where an array does: messages without either need nothing.
"""

from __future__ import annotations

import base64
import json
import math
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from grader.kernels.blob import TABLE_LENGTH, Numbers, TwiceError, written
from grader.kernels.values import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_INT_BITS,
    NUMBERS,
    Handle,
    NotAValueError,
    copy_value,
    is_array,
    is_tensor,
)

LENGTHS = struct.Struct(">III")
MAX_HEADER = 8 * 2**20
MAX_TREE = 3 * MAX_BYTES
MAX_BLOB = 2 * MAX_BYTES
MAX_SAFE_INT = 2**53
MAX_NODES = 2_000_000
MAX_TENSOR_TABLE = 4 * 2**20
ARRAYS = frozenset(NUMBERS)

Message = tuple[dict[str, Any], list[Any]]


class WireError(Exception):
    """What arrived is no message: cut off, too large, or malformed."""


class Closed(WireError):  # noqa: N818 - an outcome: the other side has gone
    """The other side closed the connection, or died."""


class TimeUp(Exception):  # noqa: N818 - an outcome
    """No message arrived before the deadline."""


@dataclass(frozen=True)
class Values:
    """The values of a message as bytes: what is sent to many is made once."""

    body: bytes
    blob: bytes

    @staticmethod
    def of(values: Sequence[Any]) -> Values:
        """Values as they are sent.

        Raises:
            NotAValueError: one of them may not pass.
        """
        numbers: list[Any] = []
        tree = [_encode(value if isinstance(value, Handle) else copy_value(value), numbers) for value in values]
        return Values(_json(tree), written(numbers) if numbers else b"")


def dump(header: dict[str, Any], values: Sequence[Any] | Values = ()) -> bytes:
    """A message as bytes.

    Raises:
        NotAValueError: one of `values` may not pass.
    """
    made = values if isinstance(values, Values) else Values.of(values)
    head = _json(header)
    return LENGTHS.pack(len(head), len(made.body), len(made.blob)) + head + made.body + made.blob


def load(head: bytes, body: bytes, blob: bytes) -> Message:
    """The header and the values of a message.

    Raises:
        WireError: it is malformed.
    """
    try:
        # Counted before parsing: forty megabytes of empty lists would become gigabytes of objects.
        if body.count(b"[") + body.count(b"{") + body.count(b",") > 2 * MAX_NODES:
            raise WireError("too many parts")
        if blob and TABLE_LENGTH.unpack_from(blob)[0] > MAX_TENSOR_TABLE:
            raise WireError("too many tensors")
        header, tree = json.loads(head), json.loads(body)
        numbers = Numbers(blob)
        if type(header) is not dict or type(tree) is not list:
            raise WireError("a header or a list of values is missing")
        budget = [MAX_NODES]
        values = [_decode(node, numbers, 0, budget) for node in tree]
        return header, [value if isinstance(value, Handle) else copy_value(value) for value in values]
    except WireError:
        raise
    except TwiceError:
        raise WireError("a tensor that stands for two values") from None
    except Exception as error:  # json, safetensors and torch raise many kinds for hostile bytes
        raise WireError(f"malformed message ({type(error).__name__})") from error


def send(connection: socket.socket, header: dict[str, Any], values: Sequence[Any] | Values = ()) -> None:
    """Send one message.

    Raises:
        NotAValueError: one of `values` may not pass; nothing was sent.
        Closed: the other side has gone.
        TimeUp: it takes nothing in.
    """
    data = dump(header, values)
    try:
        connection.sendall(data)
    except TimeoutError as slow:
        raise TimeUp from slow
    except OSError as gone:
        raise Closed(str(gone)) from gone


class Incoming(Protocol):
    """What a message is received from: a socket, or something that acts as one."""

    def settimeout(self, seconds: float, /) -> None:
        """Let `recv` wait for that long."""

    def recv(self, size: int, /) -> bytes:
        """At most `size` bytes; none when the other side has gone."""


def receive(connection: Incoming, deadline: float | None = None, tick: Callable[[], None] = lambda: None) -> Message:
    """Receive one message; `tick` is called at least four times a second while waiting, and may raise.

    Raises:
        TimeUp: `deadline` (of `time.monotonic`) passed.
        Closed: the other side has gone.
        WireError: what arrived is malformed or too large.
    """
    lengths = LENGTHS.unpack(_exactly(connection, LENGTHS.size, deadline, tick))
    for length, most in zip(lengths, (MAX_HEADER, MAX_TREE, MAX_BLOB), strict=True):
        if length > most:
            raise WireError(f"a part of {length} bytes arrived, at most {most} are taken")
    data = _exactly(connection, sum(lengths), deadline, tick)
    body, blob = lengths[0], lengths[0] + lengths[1]
    return load(data[:body], data[body:blob], data[blob:])


def _exactly(connection: Incoming, size: int, deadline: float | None, tick: Callable[[], None]) -> bytes:
    parts, missing = bytearray(), size
    while missing:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeUp
        connection.settimeout(0.25 if left is None else min(0.25, left))
        tick()
        try:
            part = connection.recv(min(missing, 2**20))
        except TimeoutError:
            continue
        except OSError as gone:
            raise Closed(str(gone)) from gone
        if not part:
            raise Closed("the connection ended")
        parts += part
        missing -= len(part)
    return bytes(parts)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def _encode(value: Any, numbers: list[Any]) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if abs(value) < MAX_SAFE_INT else {"i": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"f": repr(value)}
    if kind is bytes:
        return {"b": base64.b64encode(value).decode("ascii")}
    if kind is Handle:
        return {"h": value.name}
    if kind is list or kind is tuple:
        return {"l" if kind is list else "t": [_encode(part, numbers) for part in value]}
    if kind is dict:
        return {"d": [[_encode(key, numbers), _encode(part, numbers)] for key, part in value.items()]}
    if is_array(value):
        import numpy as np

        if value.dtype.kind == "c":
            pairs = np.ascontiguousarray(value).view(value.real.dtype).reshape(*value.shape, 2)
            return {"c": _encode(pairs, numbers)}
        numbers.append(np.ascontiguousarray(value).reshape(value.shape))
        return {"A": [len(numbers) - 1, value.dtype.name]}
    if value.is_complex():
        import torch

        return {"c": _encode(torch.view_as_real(value.resolve_conj()).clone(), numbers)}
    numbers.append(value)
    return {"T": len(numbers) - 1}


def _decode(node: Any, numbers: Numbers, depth: int, budget: list[int]) -> Any:
    budget[0] -= 1
    if depth > MAX_DEPTH + 2 or budget[0] < 0:
        raise NotAValueError("too deep or too many parts")
    kind = type(node)
    if node is None or kind in (bool, str, int, float):
        return node
    if kind is not dict or len(node) != 1:
        raise WireError("a value of an unknown form")
    (tag, inner), deeper = next(iter(node.items())), depth + 1
    if tag in ("l", "t"):
        parts = [_decode(part, numbers, deeper, budget) for part in _list(inner)]
        return parts if tag == "l" else tuple(parts)
    if tag == "d":
        pairs = [_list(pair, 2) for pair in _list(inner)]
        return {_decode(k, numbers, deeper, budget): _decode(v, numbers, deeper, budget) for k, v in pairs}
    if tag == "T":
        return numbers.tensor(str(inner))
    if tag == "A":
        index, dtype = _list(inner, 2)
        array = numbers.array(str(index))
        if array.dtype.name != dtype or dtype not in ARRAYS:
            raise WireError("an array of another dtype than it says")
        return array
    if tag == "c":
        pairs_of = _decode(inner, numbers, deeper, budget)
        if is_tensor(pairs_of):
            import torch

            return torch.view_as_complex(pairs_of)
        import numpy as np

        return np.ascontiguousarray(pairs_of).view(np.result_type(pairs_of.dtype, np.complex64))[..., 0]
    return _decode_text(tag, inner)


def _decode_text(tag: str, text: Any) -> Any:
    if type(text) is not str:
        raise WireError("text was expected")
    if tag == "i" and len(text) <= MAX_INT_BITS // 4 + 8:
        return int(text, 16)
    if tag == "f" and text in ("nan", "inf", "-inf"):
        return float(text)
    if tag == "b":
        return base64.b64decode(text, validate=True)
    if tag == "h" and len(text) <= 100:
        return Handle(text)
    raise WireError("a value of an unknown form")


def _list(value: Any, length: int | None = None) -> list[Any]:
    if type(value) is not list or (length is not None and len(value) != length):
        raise WireError("a list was expected")
    return value
