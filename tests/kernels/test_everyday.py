"""What ordinary notebooks do runs behind the list of system calls and under the reduced /proc."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader.kernels.client import Kernel
from grader.kernels.launch import Started
from grader.kernels.limits import Limits

CELLS = {
    "a command": ("!ls /usr | head -1; exit 3\nprint(_exit_code)", "bin\r\n3\n"),
    "a command's lines": ("lines = !printf 'a\\nb\\n'\nprint(lines)", "['a', 'b']\n"),
    "a cell of bash": ("%%bash\necho $((40 + 2))", "42\n"),
    "numpy": ("import numpy as np\nprint(int(np.linalg.matrix_rank(np.eye(300) @ np.eye(300))))", "300\n"),
    "pandas": (
        "import pandas as pd\npd.DataFrame({'a': [1, 2]}).to_csv('/tmp/a.csv')\nprint(len(pd.read_csv('/tmp/a.csv')))",
        "2\n",
    ),
    "subprocess": (
        "import subprocess\nprint(subprocess.run(['cat'], input='x', capture_output=True, text=True).stdout)",
        "x\n",
    ),
    "multiprocessing": (
        "import multiprocessing as mp\ndef double(x):\n    return 2 * x\n"
        "with mp.Pool(2) as pool:\n    print(pool.map(double, [1, 2]))\n"
        "queue = mp.Queue()\nqueue.put(3)\nprint(queue.get(), mp.cpu_count() > 0)",
        "[2, 4]\n3 True\n",
    ),
    "processes that start anew": (
        "import multiprocessing as mp\none = mp.get_context('spawn').Process(target=print)\none.start()\none.join()\n"
        "print(one.exitcode)",
        "\n0\n",
    ),
    "shared memory": (
        "from multiprocessing.shared_memory import SharedMemory\none = SharedMemory(create=True, size=4096)\n"
        "one.buf[0] = 7\nother = SharedMemory(one.name)\nprint(other.buf[0])\none.unlink()",
        "7\n",
    ),
    "executors": (
        "from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor\n"
        "for kind in (ThreadPoolExecutor, ProcessPoolExecutor):\n    with kind(2) as pool:\n"
        "        print(sum(pool.map(abs, range(-3, 0))))",
        "6\n6\n",
    ),
    "sqlite3": (
        "import sqlite3\nbook = sqlite3.connect('/tmp/book.db')\nprint(*book.execute('pragma journal_mode=wal'))\n"
        "book.execute('create table t (a)')\nbook.execute('insert into t values (1)')\nbook.commit()\n"
        "print(*book.execute('select * from t'))",
        "('wal',)\n(1,)\n",
    ),
    "threading": (
        "import threading\nseen = []\nall_ = [threading.Thread(target=seen.append, args=(i,)) for i in range(8)]\n"
        "for one in all_:\n    one.start()\nfor one in all_:\n    one.join()\nprint(sorted(seen))",
        "[0, 1, 2, 3, 4, 5, 6, 7]\n",
    ),
    "asyncio": (
        "import asyncio\none = await asyncio.create_subprocess_exec('echo', 'x', stdout=asyncio.subprocess.PIPE)\n"
        "print(await one.communicate())\nprint(sum(await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))))",
        "(b'x\\n', None)\n3\n",
    ),
    "matplotlib": (
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
        "image/png",
    ),
    "torch": (
        "import torch\nfrom torch.utils.data import DataLoader\n"
        "print([int(part.sum()) for part in DataLoader(torch.arange(4), batch_size=2, num_workers=2)])\n"
        "x = torch.ones(3, requires_grad=True)\n(x * 2).sum().backward()\nprint(x.grad.tolist())",
        "[1, 5]\n[2.0, 2.0, 2.0]\n",
    ),
    "psutil": (
        "import psutil\none = psutil.Process()\nprint(one.memory_info().rss > 0, psutil.virtual_memory().total > 0, "
        "one.cpu_times().user >= 0, psutil.cpu_count() > 0)",
        "True True True True\n",
    ),
    "files": (
        "import os, pathlib, shutil, tempfile\nfolder = pathlib.Path(tempfile.mkdtemp())\n"
        "(folder / 'a').write_text('x')\nshutil.copytree(folder, '/tmp/copy')\nos.mkfifo('/tmp/fifo')\n"
        "shutil.make_archive('/tmp/z', 'zip', folder)\nos.symlink('a', folder / 'b')\n"
        "shutil.move('/tmp/z.zip', folder)\nos.utime(folder / 'a')\n"
        "os.chmod(folder / 'a', 0o600)\nprint(sorted(p.name for p in folder.iterdir()))",
        "['a', 'b', 'z.zip']\n",
    ),
    "alarms": (
        "import signal\nsignal.signal(signal.SIGALRM, lambda *_: print('rang'))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.01)\nsignal.pause()",
        "rang\n",
    ),
    "names and platforms": (
        "import platform, socket, uuid\nprint(platform.system(), socket.getaddrinfo('127.0.0.1', 80)[0][4], "
        "uuid.uuid1().version)",
        "Linux ('127.0.0.1', 80) 1\n",
    ),
}


@pytest.fixture(scope="module")
def everyday(started: Started) -> Iterator[Kernel]:
    kernel = Kernel(started, Limits(cell_seconds=60.0))
    yield kernel
    kernel.close()


@pytest.mark.parametrize("name", CELLS)
def test_it_runs(everyday: Kernel, name: str) -> None:
    source, wanted = CELLS[name]
    outputs = everyday.run(source)
    assert [one for one in outputs if one["output_type"] == "error"] == []
    shown = "".join(one.get("text", "") for one in outputs)
    assert wanted in (shown, *(kind for one in outputs for kind in one.get("data", {})))
