"""No test looks at what is not its own, or goes by the clock: any of them may run twice at once, on a busy machine.

What a test started it knows by `own_processes` (`conftest.py`); ports are the system's choice; what takes long on a
busy machine is waited for, not slept for. This reads the tests' own code; what students' cells do stands in texts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
SOURCES = [path for path in sorted(TESTS.rglob("*.py")) if not {"node_modules", "notebooks", "files"} & set(path.parts)]
OF_ALL = {"process_iter", "pids", "pid_exists", "net_connections"}  # what psutil tells of the whole machine
PROGRAMS = {"pgrep", "pkill", "killall", "fuser", "lsof", "ps", "pidof"}
# File -> why it may sleep.
SLEEPS = {
    "attacks/class_of_attackers.py": "it looks at the memory of its own processes again and again",
    "build/test_mutants.py": "a process that says nothing, and is ended",
}


def faults(source: str) -> Iterator[str]:
    """What in a test's code depends on others' processes and ports, or on how quick the machine is."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, ast.keyword) and node.arg == "deadline" and ast.unparse(node.value) != "None":
            yield f"a deadline of {ast.unparse(node.value)}"
        elif isinstance(node, ast.keyword) and node.arg == "suppress_health_check":
            if ast.unparse(node.value) not in ("list(HealthCheck)", "[SLOW]"):
                yield "health checks that include the one of time"
        elif isinstance(node, ast.List) and node.elts and isinstance(node.elts[0], ast.Constant):
            if node.elts[0].value in PROGRAMS:
                yield f"the program {node.elts[0].value}"
        elif isinstance(node, ast.Constant) and re.search(r"--port[= ][1-9]", str(node.value)):
            yield f"a fixed port: {node.value}"


def _of_call(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    if name in ("time.sleep", "asyncio.sleep") or name.endswith(".wait_for_timeout"):
        yield "a sleep"
    if name.rpartition(".")[2] in OF_ALL:
        yield f"{name}, which tells of everybody's"
    first = ast.unparse(call.args[0]) if call.args else ""
    if (name in ("os.listdir", "os.scandir") and first == "'/proc'") or name.startswith("Path('/proc').iter"):
        yield "a walk through everybody's processes"
    if name.endswith(".bind") and re.search(r", [1-9]\d*\)$", first):
        yield f"a fixed port: {first}"


def test_no_test_depends_on_others_or_on_the_clock() -> None:
    found = {str(path.relative_to(TESTS)): set(faults(path.read_text(encoding="utf-8"))) for path in SOURCES}
    assert {name: told - {"a sleep"} for name, told in found.items() if told - {"a sleep"}} == {}
    assert {name for name, told in found.items() if told} == set(SLEEPS)


@pytest.mark.parametrize(
    "code",
    [
        "time.sleep(1)",
        "page.wait_for_timeout(100)",
        "psutil.process_iter(['cwd'])",
        "for one in Path('/proc').iterdir(): pass",
        "os.listdir('/proc')",
        "subprocess.run(['pgrep', 'jupyter'])",
        "['jupyter', 'lab', '--port=' '8888']",
        "server.bind(('127.0.0.1', 8000))",
        "settings(deadline=500)",
        "settings(suppress_health_check=[HealthCheck.data_too_large])",
    ],
)
def test_each_kind_is_seen(code: str) -> None:
    assert list(faults(code))


@pytest.mark.parametrize(
    "code", ["server.bind(('127.0.0.1', 0))", "['--port=0']", "settings(deadline=None)", "kernel.run('time.sleep(9)')"]
)
def test_what_depends_on_nobody_is_left_alone(code: str) -> None:
    assert not list(faults(code))
