"""Anybody's notebook, of any language, runs in a sandboxed kernel through jupyter_client's own hook."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_client.provisioning import KernelProvisionerFactory
from nbclient import NotebookClient
from nbgrader.preprocessors import Execute

from grader.kernels import provisioner
from grader.kernels.environments import NoKernelError, Program
from grader.kernels.launch import Started
from grader.kernels.limits import Limits
from grader.kernels.provisioner import ForeignKernel, foreign_kernel

REPO = Path(__file__).resolve().parents[2]
LIMITS = Limits(memory_mb=512, disk_mb=16)
RESOURCES = {"metadata": {"path": "/"}}

CELLS = [
    "import os, sys\nprint('math' in sys.modules, os.getuid() != 0, os.listdir('.'), os.path.basename(os.getcwd()))",
    "from IPython.display import display\ndisplay(6 * 7)",
    "import socket\nsocket.create_connection(('1.1.1.1', 9))",
    "open('notes.txt', 'w').write('changed')\nopen('own.txt', 'w').write('mine')",
    "open('/tmp/own.txt', 'w').write('fine')",
]


@pytest.fixture
def provisioners() -> Iterator[None]:
    """jupyter_client reads the environment once a process: when its factory is made."""
    KernelProvisionerFactory.clear_instance()
    yield
    KernelProvisionerFactory.clear_instance()


@pytest.mark.usefixtures("provisioners")
def test_a_notebook_runs_in_a_fork_with_the_sandbox_around_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "warm")
    tmp_path.chmod(0o755)  # the kernel has another uid
    (tmp_path / "notes.txt").write_text("mine")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    resources = {"metadata": {"path": str(tmp_path)}}
    client = NotebookClient(notebook, timeout=60, allow_errors=True, resources=resources, kernel_name="python3")
    client.execute()
    printed, shown, refused, written, elsewhere = (cell.outputs[0] for cell in notebook.cells)
    assert printed.text == f"True True ['notes.txt'] {tmp_path.name}\n"
    assert shown.data["text/plain"] == "42"
    assert refused.ename == "OSError"  # the network is unreachable
    assert written.data["text/plain"] == elsewhere.data["text/plain"] == "4"
    assert (tmp_path / "own.txt").read_text() == "mine"  # taken out of the sandbox when the kernel had ended
    assert (tmp_path / "notes.txt").read_text() == "changed"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "own.txt"]


@pytest.fixture(scope="module")
def bash() -> Program:
    """A kernel of another language, as its kernelspec would name it."""
    argv = (sys.executable, "-m", "bash_kernel", "-f", "{connection_file}")
    around = (sys.prefix, sys.base_prefix, *filter(None, sys.path))
    return Program("bash", "bash", argv, {"PS1": "$"}, around)


def execute(kernels: ForeignKernel, *cells: str) -> list[str]:
    """What cells show under nbgrader's own Execute."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata.kernelspec = {"name": "bash", "display_name": "Bash", "language": "bash"}
    Execute(kernel_manager_class=kernels.manager, timeout=60, startup_timeout=120).preprocess(
        notebook, {"metadata": {"path": "/"}}
    )
    return ["".join(output.get("text", output.get("evalue", "")) for output in cell.outputs) for cell in notebook.cells]


def test_a_program_of_another_language_runs_in_the_sandbox(started: Started, bash: Program, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("one\ntwo\n")
    tmp_path.chmod(0o755)
    kernels = foreign_kernel(bash, started, LIMITS, "ps1", tmp_path, {"mine.txt": b"mine"}, hidden=(REPO,))
    shown = execute(
        kernels,
        "basename $PWD; wc -l < words.txt; cat mine.txt; x=3",
        "echo $((x * 14)); id -u",
        f"cat {REPO}/nbgrader_config.py 2>/dev/null || echo nothing of the course",
        "(exec 3<>/dev/tcp/1.1.1.1/9) 2>/dev/null || echo no network",
        "echo made > made.txt; echo three >> words.txt",
    )
    assert shown[0] == "ps1\n2\nmine\n"
    answer, user = shown[1].split()
    assert answer == "42"
    assert int(user) != 0
    assert shown[2:4] == ["nothing of the course\n", "no network\n"]
    assert kernels.harvest().files == {"made.txt": b"made\n", "words.txt": b"one\ntwo\nthree\n"}
    assert (tmp_path / "words.txt").read_text() == "one\ntwo\n"


def test_a_cell_of_a_program_that_takes_too_long_is_stopped(started: Started, bash: Program) -> None:
    kernels = foreign_kernel(bash, started, LIMITS)
    cells = [nbformat.v4.new_code_cell(source) for source in ("sleep 1000", "echo lives")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    Execute(kernel_manager_class=kernels.manager, timeout=5, startup_timeout=120).preprocess(
        notebook, {"metadata": {"path": "/"}}
    )
    assert notebook.cells[1].outputs[0].text == "lives\n"


@pytest.mark.parametrize(
    ("argv", "reason"), [(("sh", "-c", "exit 3"), "ended when"), (("sleep", "1000"), "opened no sockets")]
)
def test_a_program_that_is_no_kernel_says_so(
    started: Started, argv: tuple[str, ...], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provisioner, "BIRTH_SECONDS", 5.0)
    kernels = foreign_kernel(Program("thing", "thing", argv), started, LIMITS)
    with pytest.raises(NoKernelError, match=f"'thing' .* {reason}.*transport ipc"):
        execute(kernels, "1")


def test_without_a_sandbox_a_program_is_left_to_stock(bash: Program) -> None:
    with pytest.raises(NoKernelError, match="runs in a sandbox only"):
        foreign_kernel(bash, Started("", sandboxed=False), LIMITS)
