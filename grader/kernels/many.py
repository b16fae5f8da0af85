"""Calls of one function with many sets of arguments: what each gave, what it did to its arguments, and gradients.

The same code runs in a kernel, in process and for references, so that their answers can be laid side by side. Places
are numbers of arguments: first those by position, then those by name.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Any

from grader.kernels.calls import public_name
from grader.kernels.values import NotAValueError, copy_value, is_array, is_tensor

LAYOUTS = ("transposed", "expanded", "strided", "column")
MAX_LINES = 100_000
GOLDEN = 0.6180339887498949
NO_GRAPH = "no graph"
JUNK = 3.0
"""What stands between the elements of a tensor that is strided, or a column of a wider one."""


class Built:
    """An argument that no plain value carries: what a recipe of the lab's `fixtures.py` builds, anew for each call."""

    def __init__(self, recipe: str, /, **kwargs: Any) -> None:
        self.recipe, self.kwargs = recipe, kwargs

    def __repr__(self) -> str:
        return f"Built({', '.join([repr(self.recipe), *(f'{k}={v!r}' for k, v in self.kwargs.items())])})"


@dataclass(frozen=True)
class Asked:
    """One call: its arguments, how tensors lie in memory, and of which arguments the gradient is asked."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    layout: Mapping[int, str] = field(default_factory=dict)
    gradient: tuple[int, ...] = ()

    def given(self) -> tuple[Any, ...]:
        """All arguments, by place."""
        return (*self.args, *self.kwargs.values())


@dataclass(frozen=True)
class Answer:
    """What one call gave. Places are sorted; everything in it is plain."""

    value: Any = None
    error: str | None = None
    line: int = 0
    """Of the function's cell, where the error was raised; 0 where that is not known."""
    changed: tuple[int, ...] = ()
    """Places of arguments that are not as they were; a tensor that requires a gradient since is another, too."""
    shared: tuple[int, ...] = ()
    """Places of arguments whose memory the result shares."""
    gradients: tuple[Any, ...] = ()
    """For each place asked: tensors, or None where nothing of the result depends on it."""
    no_gradient: str = ""
    """Why there are none though they were asked: `NO_GRAPH`, or the name of an error."""


Build = Callable[[Built], Any]


def answer_to(function: Callable[..., Any], asked: Asked, build: Build) -> Answer:
    """Call `function` once as `asked`. It never raises for what the function does."""
    answer = _called(function, asked, build, asked.gradient)
    if answer.error is None or not asked.gradient or answer.error == "KeyboardInterrupt":
        return answer
    # Is it only that gradients are asked? `x.numpy()` fails for a tensor that requires one.
    plain = _called(function, asked, build, ())
    if plain.error is not None:
        return plain
    return Answer(plain.value, None, answer.line, plain.changed, plain.shared, (), answer.error)


def _called(function: Callable[..., Any], asked: Asked, build: Build, gradient: Sequence[int]) -> Answer:
    result, value, error, line = None, None, None, 0
    passed: list[Any] = []
    required: list[list[bool]] = []
    leaves: dict[int, list[Any]] = {}
    try:
        for place, argument in enumerate(asked.given()):
            one, leaves[place] = _passed(argument, asked.layout.get(place, ""), place in gradient, build)
            passed.append(one)
        required = [_required(one) for one in passed]
        split = len(asked.args)
        result = function(*passed[:split], **dict(zip(asked.kwargs, passed[split:], strict=True)))
        value = copy_value(result)
    except NotAValueError as found:
        error = f"no plain value ({found})"
    except BaseException as raised:  # noqa: BLE001 - student code may raise anything, SystemExit too
        error, line = public_name(raised), line_of(raised, function)
    try:
        given = asked.given()[: len(passed)]
        changed = tuple(i for i, before in enumerate(given) if not _as_before(passed[i], before))
        flagged = tuple(i for i, before in enumerate(required) if _required(passed[i]) != before)
        changed = tuple(sorted({*changed, *flagged}))
        if error is not None:
            return Answer(None, error, line, changed)
        shared = _shared(result, passed)
        if not gradient:
            return Answer(value, None, 0, changed, shared)
        gradients, why_not = _gradients(result, [leaves[place] for place in gradient])
    except KeyboardInterrupt:  # out of time, after the call itself
        return Answer(None, "KeyboardInterrupt")
    return Answer(value, None, 0, changed, shared, gradients, why_not)


def line_of(raised: BaseException, function: Callable[..., Any]) -> int:
    """The line of an error in the source of `function`: the innermost in the same file. 0 where it is not known."""
    code = getattr(function, "__code__", None)
    trace, line = raised.__traceback__, 0
    while trace is not None and type(code) is CodeType:
        if trace.tb_frame.f_code.co_filename == code.co_filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line if type(line) is int and 0 < line < MAX_LINES else 0


def _passed(argument: Any, layout: str, gradient: bool, build: Build) -> tuple[Any, list[Any]]:
    """A copy of an argument to pass, and the leaves in it that gradients are asked of."""
    if type(argument) is Built:
        made = build(argument)
        parameters = made.parameters() if gradient and hasattr(made, "parameters") else ()
        return made, [one for one in parameters if one.requires_grad]
    copied = copy_value(argument)
    if not (gradient or layout):
        return copied, []
    leaves: list[Any] = []
    return _prepared(copied, layout, leaves if gradient else None), leaves


def _prepared(value: Any, layout: str, leaves: list[Any] | None) -> Any:
    """A value with its tensors laid out; those of floating point as copies of new `leaves`, so that they may change."""
    if type(value) in (list, tuple):
        return type(value)([_prepared(part, layout, leaves) for part in value])
    if type(value) is dict:
        return {key: _prepared(part, layout, leaves) for key, part in value.items()}
    if is_tensor(value) and leaves is not None and value.is_floating_point():
        leaves.append(value.requires_grad_())
        value = value if layout else value.clone()
    return laid_out(value, layout) if layout else value


def laid_out(value: Any, layout: str) -> Any:
    """A tensor or array of equal content that lies otherwise in memory; see `LAYOUTS`.

    Raises:
        ValueError: there is no such layout, or this value cannot lie so.
    """
    if layout not in LAYOUTS or not (is_tensor(value) or is_array(value)) or value.ndim == 0:
        raise ValueError(f"{type(value).__name__} cannot lie in memory as {layout!r}; there are {', '.join(LAYOUTS)}")
    if is_array(value):
        return _array_laid_out(value, layout)
    torch = sys.modules["torch"]
    if layout == "transposed":
        return value.mT.contiguous().mT if value.ndim > 1 else laid_out(value, "strided")
    if layout == "expanded":
        if not bool((value == value[:1]).logical_or(value != value).all()):
            raise ValueError("only a tensor of equal rows can be expanded")
        return value[:1].expand(value.shape)
    junk = torch.full_like(value, JUNK)
    if layout == "strided":
        return torch.stack([value, junk], dim=-1).flatten(-2)[..., ::2]
    return torch.cat([junk[..., :1], value, junk[..., :1]], dim=-1)[..., 1:-1]


def _array_laid_out(value: Any, layout: str) -> Any:
    numpy = sys.modules["numpy"]
    if layout == "transposed" and value.ndim > 1:
        return numpy.ascontiguousarray(value.swapaxes(-1, -2)).swapaxes(-1, -2)
    if layout == "expanded":
        return numpy.broadcast_to(value[:1], value.shape)
    if layout == "column":
        junk = numpy.full_like(value[..., :1], JUNK)
        return numpy.concatenate([junk, value, junk], axis=-1)[..., 1:-1]
    return numpy.repeat(value, 2, axis=-1)[..., ::2]


def _as_before(now: Any, before: Any) -> bool:
    """Whether an argument is as it was; of what was built anew nothing is known."""
    if type(before) is Built:
        return True
    if type(now) is not type(before):
        return False
    if is_tensor(before):
        torch = sys.modules["torch"]
        if now.dtype != before.dtype or now.shape != before.shape:
            return False
        now = now.detach()
        return bool(torch.equal(now, before)) or bool(((now == before) | ((now != now) & (before != before))).all())
    if is_array(before):
        if now.dtype != before.dtype or now.shape != before.shape:
            return False
        return bool(((now == before) | ((now != now) & (before != before))).all())
    if type(before) in (list, tuple):
        return len(now) == len(before) and all(map(_as_before, now, before))
    if type(before) is dict:
        return list(now) == list(before) and all(_as_before(now[key], before[key]) for key in before)
    return bool(now == before) or (now != now and before != before)


def _required(value: Any) -> list[bool]:
    """Of each tensor in an argument, whether it requires a gradient; of what was built anew nothing is known."""
    return [bool(one.requires_grad) for one in _tensors(value)]


def _shared(result: Any, passed: Sequence[Any]) -> tuple[int, ...]:
    """Places of arguments of whose memory something in `result` is made: tensors, arrays, lists, dicts."""
    own = set(_memory(result))
    return tuple(i for i, argument in enumerate(passed) if own and not own.isdisjoint(_memory(argument)))


def _memory(value: Any) -> Iterator[tuple[str, int]]:
    if is_tensor(value):
        if value.numel():
            yield "numbers", value.untyped_storage().data_ptr()
    elif is_array(value):
        base = value
        while is_array(base.base):
            base = base.base
        if value.size:
            yield "numbers", base.__array_interface__["data"][0]
    elif type(value) in (list, dict):
        yield "object", id(value)
        for part in value.values() if type(value) is dict else value:
            yield from _memory(part)
    elif type(value) is tuple:
        for part in value:
            yield from _memory(part)


def _gradients(result: Any, leaves: Sequence[list[Any]]) -> tuple[tuple[Any, ...], str]:
    """Gradients of the sum of all finite floats in `result`, each times a fixed weight; or why there are none."""
    torch = sys.modules.get("torch")
    outputs = [one for one in _tensors(result) if one.is_floating_point() and one.requires_grad]
    if torch is None or not outputs:
        return (), NO_GRAPH
    try:
        sent = [_weights(one.numel()).to(one.dtype).reshape(one.shape) for one in outputs]
        sent = [w * torch.isfinite(one.detach()) for one, w in zip(outputs, sent, strict=True)]
        flat = [leaf for place in leaves for leaf in place]
        found = iter(torch.autograd.grad(outputs, flat, sent, allow_unused=True) if flat else ())
        return tuple([None if (g := next(found)) is None else copy_value(g) for _ in place] for place in leaves), ""
    except KeyboardInterrupt:
        raise
    except BaseException as raised:  # noqa: BLE001 - backward functions may be a student's own
        return (), public_name(raised)


def _tensors(value: Any) -> Iterator[Any]:
    if is_tensor(value):
        yield value
    elif type(value) in (list, tuple):
        for part in value:
            yield from _tensors(part)
    elif type(value) is dict:
        for part in value.values():
            yield from _tensors(part)


@lru_cache(maxsize=64)
def _weights(count: int) -> Any:
    """Numbers from 0.5 to 1.5, all different, the same everywhere."""
    torch = sys.modules["torch"]
    return (torch.arange(1, count + 1, dtype=torch.float64) * GOLDEN) % 1.0 + 0.5


class Builder:
    """Builds what recipes say: modules once, of which each call gets a copy; all else anew for each call."""

    def __init__(self, recipe: Callable[[str], Callable[..., Any]]) -> None:
        self._recipe = recipe
        self._modules: dict[str, Any] = {}

    def forget_large(self, most: int) -> None:
        """Forget what was built, if the parameters and buffers of all of it take more than `most` bytes."""
        kept = (one for made in self._modules.values() for one in (*made.parameters(), *made.buffers()))
        if sum(one.numel() * one.element_size() for one in kept) > most:
            self._modules.clear()

    def __call__(self, built: Built) -> Any:
        """What `built` stands for."""
        key = repr(built)
        if key not in self._modules:
            made = self._recipe(built.recipe)(**built.kwargs)
            torch = sys.modules.get("torch")
            if torch is None or not isinstance(made, torch.nn.Module):
                return made
            self._modules[key] = made
        return copy.deepcopy(self._modules[key])
