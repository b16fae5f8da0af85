"""Anybody's notebook runs in a warm, sandboxed kernel through jupyter_client's own hook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_client.provisioning import KernelProvisionerFactory
from nbclient import NotebookClient

CELLS = [
    "import os, sys\nprint('math' in sys.modules, os.getuid() != 0, os.listdir('.'))",
    "from IPython.display import display\ndisplay(6 * 7)",
    "import socket\nsocket.create_connection(('1.1.1.1', 9))",
    "open('own.txt', 'w')",
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
    printed, shown, refused, read_only, written = (cell.outputs[0] for cell in notebook.cells)
    assert printed.text == "True True ['notes.txt']\n"
    assert shown.data["text/plain"] == "42"
    assert refused.ename == "OSError"  # the network is unreachable
    assert read_only.ename == "OSError"
    assert written.data["text/plain"] == "4"
    assert not (tmp_path / "own.txt").exists()
