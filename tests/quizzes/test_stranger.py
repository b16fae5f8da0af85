"""A stranger's bank: whatever its code does, it reads nothing of the author's, reaches nobody, stops nothing."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import grimp
import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.course.paths import ROOT_VARIABLE
from grader.kernels.sandbox import SandboxError
from grader.quizzes import evaluate as evaluating
from grader.quizzes import processes
from grader.quizzes.evaluate import evaluate
from grader.quizzes.prove import MEMORY, prove
from grader.quizzes.remember import RUNNERS
from grader.usage import FELL_SHORT, HELD

Write = Callable[..., Path]
REPO = Path(__file__).resolve().parents[2]
CANARY = "the-authors-own-words"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")


def asked(*items: str | tuple[str, ...], given: str = "import os, pathlib") -> list[dict[str, object]]:
    """A request for each item, which has one value or several, all of them Python."""
    return [
        {
            "bank": "stranger",
            "item": f"item-{number}",
            "variant": 0,
            "given": [{"source": given, "line": 1}],
            "asks": [
                {"kind": "value", "source": source, "path": f"value-{place}"}
                for place, source in enumerate((sources,) if isinstance(sources, str) else sources)
            ],
            "probe": False,
            "figures": "/nowhere/figures.py",
        }
        for number, sources in enumerate(items)
    ]


def said(source: str, limit: float = 20.0, **more: str) -> str:
    """What a value of a stranger's bank came to, or how it broke."""
    [one] = evaluate(asked(source, **more), limit)
    return one.broken[0].message if one.broken else str(one.results["value-0"])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the author's with something in it that nobody is to read."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "canary").write_text(CANARY)
    return folder


def test_no_file_of_the_author_is_there(home: Path) -> None:
    places = [
        home / "canary",
        REPO / "solutions",
        REPO / "quizzes",
        REPO / ".git",
        REPO / "grader",
    ]
    found = said(f"[path for path in {[str(path) for path in places]} if os.path.exists(path)]")
    assert found == "[]"
    assert said("[len(open('/etc/passwd').read().splitlines())]") == "[1]"  # its own user, and nobody of this machine
    assert said(f"'; '.join(sorted(os.listdir({str(REPO)!r})))").split("; ") in ([".venv", "labs"], ["labs"])
    assert said(f"'; '.join(sorted(os.listdir({str(REPO / 'labs')!r})))") == "labkit"


def test_nothing_of_the_author_is_in_memory_or_in_open_files(home: Path) -> None:
    """What the code could find in its own process: descriptors that lead to files, and the environment."""
    files = [f"/proc/self/fd/{number}" for number in range(64)]
    led = said(f"'; '.join(os.readlink(path) for path in {files} if os.path.exists(path))").split("; ")
    assert {place for place in led if not place.startswith("socket:")} == {"/dev/null"}
    assert str(Path.home()) not in said(
        "' '.join(v for k, v in os.environ.items() if k not in ('PATH', 'VIRTUAL_ENV'))"
    )


def test_no_connection_leads_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        assert "Error" in said(f"__import__('socket').create_connection({address!r}, 2)")


def test_nothing_that_it_writes_stays(home: Path) -> None:
    before = sorted(REPO.iterdir())
    assert "Error" in said(f"pathlib.Path({str(home / 'new')!r}).write_text('x')")
    assert "Error" in said(f"pathlib.Path({str(REPO / 'labs' / 'labkit' / 'new.py')!r}).write_text('x')")
    assert said("pathlib.Path('here').write_text('x')") == "1.0"
    assert said("'; '.join(os.listdir('.'))") == ""
    assert (sorted(REPO.iterdir()), sorted(home.iterdir())) == (before, [home / "canary"])


def test_it_has_no_rights_and_gets_none() -> None:
    assert said("os.getuid()") != "0.0" or os.getuid() != 0
    assert "Error" in said("os.setuid(0) or 'root'") or os.getuid() != 0
    assert (
        said("[line.split()[1] for line in open('/proc/self/status') if line.startswith('CapEff')][0].strip('0')") == ""
    )
    assert "Error" in said(
        "os.unshare(0x10000000)", given="import os\nos.unshare = getattr(os, 'unshare', None) or 1 / 0"
    )


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("any(False for _ in iter(int, 1))", "it took longer than 1 s"),
        ("__import__('signal').pthread_sigmask(0, [14]) is None or any(False for _ in iter(int, 1))", "it was stopped"),
        ("os._exit(0)", "ended the process"),
        ("os.kill(os.getppid(), 9) or os.kill(os.getpid(), 11) or os.abort()", "ended the process"),
        ("bytearray(2 ** 40)", "MemoryError"),
        ("[os.fork() for _ in range(12)] and __import__('time').sleep(60)", "temporarily unavailable"),
        ("__import__('sys').stdout.write('x' * 10 ** 7) and 1 / 0", "ZeroDivisionError"),
        ("'\\ud800'", "no result"),
        ("float('nan')", "is not finite"),
    ],
)
def test_what_breaks_is_told_and_the_next_item_goes_on(source: str, says: str) -> None:
    first, second = evaluate(asked(source, "6 * 7"), limit=1.0)
    assert [says in broken.message for broken in first.broken] == [True], first
    assert (second.results["value-0"], second.broken) == (42.0, ())


FORGE = """
import os, socket, json
for number in range(3, 64):
    try:
        socket.socket(fileno=os.dup(number)).sendall(b'''{forged}''')
    except OSError:
        pass
"""


@pytest.mark.parametrize(
    "forged",
    [
        "\\n".join('{"path": "value-0", "result": 13.0}' for _ in range(40)) + "\\n",
        '{"path": "given", "result": true}\\n' + '{"path": "value-0", "result": 13.0}\\n' * 40,
        '{"path": "given", "result": {"a": 1}}\\n',
        '{"path": "given", "result": true, "path": [}\\n',
        "[" * 100_000 + "\\n",
        '{"error": {"a": 1}, "line": "x", "inside": -1}\\n',
        '{"error": "\\\\u001b[31m red \\\\ud800"}\\n',
        "\\xff\\xfe\\n",
    ],
)
def test_a_bank_can_lie_about_an_item_of_its_own_and_about_no_other(forged: str) -> None:
    """Results come by item, each from a process of its own: what the first one forges reaches the second in no way."""
    lying, honest = asked("1 / 0", "6 * 7")
    lying["given"] = [{"source": FORGE.replace("{forged}", forged), "line": 1}]
    first, second = evaluate([lying, honest], limit=5.0)
    assert (second.results["value-0"], second.broken) == (42.0, ())
    for broken in first.broken:
        assert broken.message.isprintable()
    json.dumps([first.results, [broken.message for broken in first.broken]], ensure_ascii=False).encode()


def test_what_an_item_leaves_behind_does_not_reach_the_next() -> None:
    """A changed library, a file, a process that stays: each would change what is remembered of an honest item."""
    breaks = (
        "__import__('numpy').__dict__.update(log=lambda x: 13.0) or 1",
        "pathlib.Path('/tmp/left').write_text('x')",
        "os.fork() or __import__('time').sleep(60)",
        "np.log(1.0)",
    )
    first, second = evaluate(asked(breaks, ("np.log(1.0)", "os.path.exists('/tmp/left')", "os.getpid()")))
    assert first.results["value-3"] == 13.0
    assert [second.results[f"value-{n}"] for n in range(3)] == [0.0, "False", 1.0]


def test_memory_that_is_really_used_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In several processes, each of which stays below the limit."""
    monkeypatch.setattr(processes, "PRIVATE_MB", 150)
    hog = "[os.fork(), os.fork(), bytearray(b'x') * (60 * 2 ** 20), __import__('time').sleep(30)]"
    assert said(hog, limit=60.0) == "it used more than 150 MB of memory"


def test_figures_beside_a_strangers_bank_are_shut_in_too(bank: Write, home: Path) -> None:
    figure = 'figure: {draw: line, args: {slope: "{{ variant }}"}, alt: A straight line that begins at the origin.}'
    path = bank(old="variants: 2", new=f"variants: 2\n    {figure}")
    path.with_name("figures.py").write_text(f"TEXT = open({str(home / 'canary')!r}).read()\n")
    failures = [str(fault) for fault in prove(path).failures]
    assert any("figure broke: FileNotFoundError" in failure for failure in failures)
    assert CANARY not in " ".join(failures)


def test_a_listing_is_shut_in_too(bank: Write, home: Path) -> None:
    request = asked("1")[0]
    request["asks"] = [{"kind": "run", "source": f"print(open({str(home / 'canary')!r}).read())", "path": "code"}]
    [one] = evaluate([request])
    assert "FileNotFoundError" in one.broken[0].message


def test_only_a_courses_own_banks_are_remembered(bank: Write) -> None:
    path = bank()
    assert prove(path).failures == ()
    memory = path.parent.parent / MEMORY
    assert not memory.exists()
    (path.parent.parent / "nbgrader_config.py").write_text("")
    assert prove(path).failures == ()
    assert len(list(memory.rglob("*.json"))) == 2


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating.sys, "platform", "darwin")


def test_without_a_sandbox_a_strangers_bank_is_not_run(bank: Write, no_sandbox: None, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    path = bank(old="base = 2 + variant", new=f"base = 2 + variant\n      open({str(ran)!r}, 'w').close()")
    with pytest.raises(SandboxError, match="needs Linux"):
        prove(path)
    refused = CliRunner().invoke(app, ["quiz", "prove", str(path)])
    assert refused.exit_code == FELL_SHORT
    assert "nothing of the bank was run" in refused.output
    assert not ran.exists()
    assert CliRunner().invoke(app, ["quiz", "prove", str(path), "--sandbox=none"]).exit_code == HELD
    assert ran.exists()


def test_without_a_sandbox_a_courses_own_banks_run_and_it_is_said(
    bank: Write, no_sandbox: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "solutions").mkdir()
    (tmp_path / "nbgrader_config.py").write_text("")
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    assert prove(bank()).failures == ()
    assert ["with your rights" in record.message for record in caplog.records] == [True]


def test_shut_in_or_not_the_results_are_the_same(bank: Write) -> None:
    requests = asked("np.log(rng.random())", "__import__('random').random()", given="import torch")
    assert list(evaluate(requests)) == list(evaluate(requests, walls="none"))


def test_what_is_remembered_depends_on_all_that_runs_a_banks_code() -> None:
    """A module that a bank's process imports, and that the digest does not read, would leave old results standing."""
    graph = grimp.build_graph("grader")
    inside = "grader.quizzes."
    runs = {
        name.removeprefix(inside)
        for process in ("worker", "forker")
        for name in {f"{inside}{process}", *graph.find_upstream_modules(f"{inside}{process}")}
        if name.startswith(inside)
    }
    assert {f"{name}.py" for name in runs} <= set(RUNNERS)
