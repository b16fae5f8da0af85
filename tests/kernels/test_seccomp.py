"""The list of system calls, and the filter made of it: the filter is run here step by step, on both machines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.kernels import seccomp, system_calls
from grader.kernels.system_calls import ALLOW, BY_ARGUMENT, DENIED, MACHINES, UNKNOWN, By, Rule, refuse, rules

HEADERS = {"x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")}
WORD = 2**32
WAYS_OUT = """
ptrace mount unshare setns bpf userfaultfd io_uring_setup keyctl perf_event_open fanotify_init acct syslog seccomp
name_to_handle_at open_by_handle_at quotactl kexec_load process_madvise msgget semget shmget mq_open memfd_create
io_setup inotify_init1 vmsplice pidfd_getfd
"""


def verdict(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the filter says of a call: an interpreter of the few instructions that it is made of."""
    steps = seccomp.program(machine)
    words = {seccomp.NUMBER: number, seccomp.MACHINE: architecture or MACHINES[machine]}
    for place, value in enumerate((*arguments, 0, 0, 0, 0, 0, 0)[:6]):
        words[seccomp.ARGUMENTS + 8 * place] = value % WORD
        words[seccomp.ARGUMENTS + 8 * place + 4] = value // WORD
    at, held = 0, 0
    while True:
        code, if_true, if_false, value = steps[at]
        at += 1
        if code == seccomp.GIVE:
            return value
        if code == seccomp.LOAD:
            held = words[value]
        elif code == seccomp.AND:
            held &= value
        elif code == seccomp.JUMP:
            at += value
        else:
            at += if_true if (held == value if code == seccomp.EQUAL else held >= value) else if_false


def expected(rule: Rule, arguments: tuple[int, ...]) -> int:
    while isinstance(rule, By):
        rule = rule.cases.get(arguments[rule.argument] & rule.mask, rule.otherwise)
    return rule


@pytest.mark.parametrize("machine", MACHINES)
def test_every_number_meets_its_rule(machine: str) -> None:
    known = rules(machine)
    for number in range(1200):
        rule = known.get(number, UNKNOWN)
        if not isinstance(rule, By):
            assert verdict(machine, number) == rule, number
    assert verdict(machine, WORD - 1) == DENIED
    assert verdict(machine, system_calls.OTHER_NUMBERING + known.keys().__iter__().__next__()) == DENIED  # x32


@pytest.mark.parametrize("machine", MACHINES)
@given(st.data())
def test_arguments_decide_as_the_rules_say(machine: str, data: st.DataObject) -> None:
    number, rule = data.draw(st.sampled_from([pair for pair in rules(machine).items() if isinstance(pair[1], By)]))
    near = st.integers(0, 70) | st.integers(1000, 1040) | st.integers(0x5400, 0x5460) | st.integers(0, 2**64 - 1)
    arguments = tuple(data.draw(near) for _ in range(3))
    assert verdict(machine, number, *arguments) == expected(rule, arguments)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_call_in_another_architectures_numbering_is_refused(machine: str) -> None:
    for number in (0, 1, 20, 102, 120):  # 102 is socketcall, and 120 clone, of int 0x80
        assert verdict(machine, number, architecture=0x40000003) == DENIED


@pytest.mark.parametrize("machine", MACHINES)
def test_only_three_families_and_two_protocols_become_sockets(machine: str) -> None:
    column = list(MACHINES).index(machine)
    socket, pair = (BY_ARGUMENT[name][column] for name in ("socket", "socketpair"))
    assert isinstance(socket, int)
    assert isinstance(pair, int)
    assert [family for family in range(256) if verdict(machine, socket, family, 1, 0) == ALLOW] == [1, 2, 10]
    assert [family for family in range(256) if verdict(machine, pair, family, 1, 0) == ALLOW] == [1]
    assert verdict(machine, socket, 40, 1, 0) == refuse(97)
    for family in (2, 10):
        tried = [(kind, protocol) for kind in range(16) for protocol in range(512)]
        let = [one for one in tried if verdict(machine, socket, family, one[0] | 0o2004000, one[1]) == ALLOW]
        assert let == [(1, 0), (1, 6), (2, 0), (2, 17)]


@pytest.mark.parametrize("machine", MACHINES)
def test_what_was_a_way_out_or_belongs_to_nobody_is_not_on_the_list(machine: str) -> None:
    allowed = {*system_calls.numbers(system_calls.ALLOWED, machine), *BY_ARGUMENT}
    refused = system_calls.numbers(system_calls.REFUSED, machine)
    assert not allowed & {*refused}
    for name in WAYS_OUT.split():
        assert verdict(machine, refused[name]) == DENIED, name
    for number in (444, 445, 446, 457, 458, 460):  # Landlock, lists of mounts, attributes of security modules
        assert verdict(machine, number) == UNKNOWN
    clone, clone3 = (BY_ARGUMENT[name][list(MACHINES).index(machine)] for name in ("clone", "clone3"))
    assert verdict(machine, clone3 or 0) == UNKNOWN
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert verdict(machine, clone or 0, flag | 17) == DENIED
    assert verdict(machine, clone or 0, 0x3D0F00) == ALLOW  # a thread


def test_the_list_is_as_long_as_it_says() -> None:
    assert (system_calls.may_be_called("x86_64"), system_calls.may_be_called("aarch64")) == (232, 197)
    for machine in MACHINES:
        assert len(seccomp.program(machine)) < 600
        for tables in (system_calls.ALLOWED, system_calls.REFUSED):
            found = system_calls.numbers(tables, machine)
            assert len({*found.values()}) == len(found)
    with pytest.raises(OSError, match="no list of system calls for riscv64"):
        rules("riscv64")


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_are_those_of_the_systems_own_header(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip("the C library's headers are not installed")
    there = {m[1]: int(m[2]) for m in re.finditer(r"#define __NR_(\w+)\s+(\d+)", HEADERS[machine].read_text())}
    ours = system_calls.numbers(system_calls.ALLOWED | system_calls.REFUSED, machine)
    ours |= {name: number for name, (number, _, _) in BY_ARGUMENT.items() if number is not None}
    newer = {name for name in ours if name not in there}  # than the header
    assert {name: number for name, number in ours.items() if name in there} == {
        name: number for name, number in there.items() if name in ours
    }
    assert all(ours[name] > max(there.values()) for name in newer)
