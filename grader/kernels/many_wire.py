"""Many calls and their answers as messages: what the trusted side asks, and what it takes for an answer.

A request has `cases`, for each [number of positional arguments, names of the others, layouts by place, places of which
the gradient is asked, recipes by place], and as values all arguments, one after another. An answer has `answers`, for
each [error, line, places changed, places shared, why there is no gradient], and two values: result and gradients.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

from grader.kernels.many import MAX_LINES, NO_GRAPH, Answer, Asked, Built
from grader.kernels.values import MAX_BYTES, is_array, is_tensor
from grader.kernels.wire import Message, Values, WireError

MOST_AT_ONCE = 256
CHUNK_BYTES = 12 * 2**20
FLUSH_BYTES = 4 * 2**20
FLUSH_SECONDS = 0.05
TOO_LARGE = f"no plain value (the value is larger than {MAX_BYTES // 2**20} MB)"


class Calls(tuple[Asked, ...]):
    """Calls that are asked of one kernel after another: what is sent is made once. Their arguments never change."""

    @cached_property
    def parts(self) -> list[Calls]:
        """In parts, each of them small enough for a message."""
        found = [Calls(part) for part in chunks(self)]
        return found if len(found) > 1 else [self]

    @cached_property
    def packed(self) -> tuple[list[Any], Values]:
        """As `packed_cases`, the values as bytes.

        Raises:
            NotAValueError: an argument may not pass.
        """
        cases, values = packed_cases(self)
        return cases, Values.of(values)


def kept(calls: Iterable[Asked]) -> Calls:
    """Calls that keep what is made of them."""
    return calls if isinstance(calls, Calls) else Calls(calls)


def packed_cases(calls: Sequence[Asked]) -> tuple[list[Any], list[Any]]:
    """Calls as the header's `cases`, and the values."""
    cases, values = [], []
    for asked in calls:
        built = {}
        for place, argument in enumerate(asked.given()):
            if type(argument) is Built:
                built[str(place)] = argument.recipe
            values.append(argument.kwargs if type(argument) is Built else argument)
        layout = {str(place): how for place, how in asked.layout.items()}
        cases.append([len(asked.args), list(asked.kwargs), layout, list(asked.gradient), built])
    return cases, values


def unpacked_cases(cases: Sequence[Any], values: Sequence[Any]) -> list[Asked]:
    """The inverse of `packed_cases`."""
    found, start = [], 0
    for count, names, layout, gradient, built in cases:
        end = start + count + len(names)
        given = [Built(built[str(i)], **v) if str(i) in built else v for i, v in enumerate(values[start:end])]
        kwargs = dict(zip(names, given[count:], strict=True))
        by_place = {int(place): how for place, how in layout.items()}
        found.append(Asked(tuple(given[:count]), kwargs, by_place, tuple(gradient)))
        start = end
    return found


def packed(answers: Sequence[Answer], request: str, more: bool) -> Message:
    """Answers as a message to the request of that id."""
    said, values = [], []
    for one in answers:
        fits = size_of([one.value, *one.gradients]) <= MAX_BYTES
        shown = one if fits else Answer(None, TOO_LARGE, changed=one.changed)
        said.append([shown.error, shown.line, list(shown.changed), list(shown.shared), shown.no_gradient])
        values += [shown.value, list(shown.gradients)]
    return {"id": request, "answers": said, "more": more}, values


def taken(message: Message, most: int, known: Callable[[Any], str]) -> list[Answer]:
    """The answers in a message, of which each part is checked: it comes from where student code runs.

    `known` turns the name of an error into one that may be told.

    Raises:
        WireError: it holds no answers, or more than were asked for.
    """
    header, values = message
    said = header.get("answers")
    if type(said) is not list or not 0 < len(said) <= most or len(values) != 2 * len(said):
        raise WireError("answers to other questions")
    return [_taken(one, values[2 * i], values[2 * i + 1], known) for i, one in enumerate(said)]


def _taken(said: Any, value: Any, gradients: Any, known: Callable[[Any], str]) -> Answer:
    if type(said) is not list or len(said) != len(("error", "line", "changed", "shared", "no_gradient")):
        return Answer(None, known(None))
    error, line, changed, shared, why_not = said
    line = line if type(line) is int and 0 < line < MAX_LINES else 0
    if error is not None:
        return Answer(None, known(error), line, _places(changed))
    if why_not not in ("", NO_GRAPH):
        why_not = known(why_not)
    return Answer(value, None, line, _places(changed), _places(shared), _gradients(gradients), why_not)


def _places(said: Any) -> tuple[int, ...]:
    """Places of arguments: whole numbers, few."""
    ok = type(said) is list and all(type(place) is int and 0 <= place < MOST_AT_ONCE for place in said)
    return tuple(sorted(set(said))) if ok else ()


def _gradients(said: Any) -> tuple[Any, ...]:
    """Tensors of floats, or None for one that is not there, by place."""
    if type(said) is not list or not all(type(place) is list for place in said):
        return ()
    return tuple([g if is_tensor(g) and g.is_floating_point() else None for g in place] for place in said)


def chunks(calls: Sequence[Asked]) -> list[list[Asked]]:
    """Calls in parts, each of them small enough for a message."""
    parts: list[list[Asked]] = [[]]
    size = 0
    for asked in calls:
        own = size_of(list(asked.given()))
        if parts[-1] and (size + own > CHUNK_BYTES or len(parts[-1]) >= MOST_AT_ONCE):
            parts.append([])
            size = 0
        parts[-1].append(asked)
        size += own
    return parts


def size_of(value: Any) -> int:
    """Bytes of a value, about."""
    if is_tensor(value):
        return int(value.numel() * value.element_size()) + 8
    if is_array(value):
        return int(value.nbytes) + 8
    if type(value) in (list, tuple):
        return 8 + sum(map(size_of, value))
    if type(value) is dict:
        return 8 + sum(size_of(key) + size_of(part) for key, part in value.items())
    if type(value) is Built:
        return size_of(value.kwargs)
    return len(value) if type(value) in (str, bytes) else 8


class Waiting:
    """What was not answered yet: how much, and for how long."""

    def __init__(self) -> None:
        self._since, self._bytes = time.monotonic(), 0

    def long_enough(self, answer: Answer) -> bool:
        """Whether it is time to answer, with this one."""
        self._bytes += size_of([answer.value, *answer.gradients])
        return self._bytes > FLUSH_BYTES or time.monotonic() > self._since + FLUSH_SECONDS
