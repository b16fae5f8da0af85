"""The list of system calls as a filter that the kernel runs before each call; see seccomp(2) and its BPF.

The filter finds a call's number by halving, in about eight steps. Whatever it lets pass whatever the arguments are, the
kernel remembers when the filter is loaded, and does not ask again.
"""

from __future__ import annotations

import ctypes
import platform
import struct
from collections.abc import Sequence
from functools import cache

from grader.kernels import linux
from grader.kernels.system_calls import DENIED, MACHINES, OTHER_NUMBERING, UNKNOWN, By, Rule, rules

LOAD, AND, EQUAL, AT_LEAST, JUMP, GIVE = 0x20, 0x54, 0x15, 0x35, 0x05, 0x06
NUMBER, MACHINE, ARGUMENTS = 0, 4, 16  # offsets in seccomp_data; both machines are little-endian
FAR = 255  # the most steps that a conditional jump leads over

Step = tuple[int, int, int, int]
"""Code, steps to skip if true, steps to skip if false, value: a `struct sock_filter`."""


@cache
def program(machine: str | None = None) -> list[Step]:
    """The filter for `machine`, or for this one; made once, and before the fork by a zygote.

    Raises:
        OSError: there is no list of calls for that machine.
    """
    machine = machine or platform.machine()
    pieces = _pieces(rules(machine))
    return [
        (LOAD, 0, 0, MACHINE),
        (EQUAL, 1, 0, MACHINES[machine]),
        (GIVE, 0, 0, DENIED),  # the numbering of another architecture, such as the 32 bits of int 0x80
        (LOAD, 0, 0, NUMBER),
        *_search(pieces),
    ]


def _pieces(known: dict[int, Rule]) -> list[tuple[int, Rule]]:
    """Numbers from which on a rule holds, in order: neighbours of one rule are one piece, and gaps are unknown."""
    pieces: list[tuple[int, Rule]] = []
    wanted = [(number, known.get(number, UNKNOWN)) for number in range(max(known) + 2)]
    for number, rule in [*wanted, (OTHER_NUMBERING, DENIED)]:
        if not pieces or pieces[-1][1] != rule:
            pieces.append((number, rule))
    return pieces


def _search(pieces: Sequence[tuple[int, Rule]]) -> list[Step]:
    if len(pieces) == 1:
        return _decide(pieces[0][1])
    middle = len(pieces) // 2
    low, high = _search(pieces[:middle]), _search(pieces[middle:])
    if len(low) <= FAR:
        return [(AT_LEAST, len(low), 0, pieces[middle][0]), *low, *high]
    return [(AT_LEAST, 0, 1, pieces[middle][0]), (JUMP, 0, 0, len(low)), *low, *high]


def _decide(rule: Rule) -> list[Step]:
    if not isinstance(rule, By):
        return [(GIVE, 0, 0, rule)]
    steps: list[Step] = [(LOAD, 0, 0, ARGUMENTS + 8 * rule.argument)]
    if rule.mask != 0xFFFFFFFF:
        steps.append((AND, 0, 0, rule.mask))
    for value, inner in rule.cases.items():
        then = _decide(inner)
        steps += [(EQUAL, 0, len(then), value), *then]
    return [*steps, (GIVE, 0, 0, rule.otherwise)]


def load() -> None:
    """Let this process, and all that it will start, make no other calls; there is no way back.

    Raises:
        OSError: the system does not give filters, or there is no list for this machine.
    """
    steps = program()
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    linux.set_filter(ctypes.byref(Program(len(steps), ctypes.addressof(code))))
