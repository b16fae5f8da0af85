"""One kernel after another: cells, calls, objects that stay, and student code that takes the kernel along."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from grader.kernels import notebook_kernel
from grader.kernels.client import CallTimeoutError, Kernel, KernelDiedError
from grader.kernels.launch import Started
from grader.kernels.limits import Limits
from grader.kernels.notebook_kernel import NotebookKernel
from grader.kernels.values import Handle


def text_of(outputs: list[Any]) -> str:
    return "".join(str(o.get("text", o.get("evalue", ""))) for o in outputs)


def test_cells_share_a_namespace_and_errors_are_outputs(kernel: Any) -> None:
    one = kernel()
    assert one.run("x = 20 + 1") == []
    assert text_of(one.run("print(x * 2)")) == "42\n"
    (error,) = one.run("1 / 0")
    assert (error["output_type"], error["ename"]) == ("error", "ZeroDivisionError")
    (result,) = one.run("x")
    assert result["data"]["text/plain"] == "21"


def test_kernels_share_nothing(kernel: Any) -> None:
    first, second = kernel(), kernel()
    look = "import math, os; print(math.tau, 'x' in globals(), os.listdir('/tmp'))"
    before = text_of(second.run(look))  # where Python or this package lie below /tmp, that is shown to all
    assert before.startswith("6.283185307179586 False [")
    first.run("import math; math.tau = 0; x = 1; open('/tmp/x', 'w').write('x')")
    assert text_of(first.run(look)).startswith("0 True [")
    assert "'x'" in text_of(first.run(look))
    assert text_of(second.run(look)) == before
    assert "'x'" not in before


def test_every_kernel_draws_the_same_numbers(kernel: Any) -> None:
    source = "import random, torch; print(random.random(), torch.rand(1).item())"
    assert text_of(kernel().run(source)) == text_of(kernel().run(source))


def test_a_call_brings_back_the_value_and_the_arguments(kernel: Any) -> None:
    one = kernel()
    one.run("def double(values, by=2):\n    values.append(1.0)\n    return [v * by for v in values]")
    header, values = one.call("double", [[2.0]], {"by": 3})
    assert header["error"] is None
    assert values == [[6.0, 3.0], ([2.0, 1.0], 3)]
    assert one.call("missing", [], {})[0]["error"] == "NameError"
    one.run("def bad():\n    class Mine(KeyError):\n        pass\n    raise Mine('secret')")
    assert one.call("bad", [], {})[0]["error"] == "KeyError"  # neither the class nor the message


def test_objects_stay_and_are_asked(kernel: Any) -> None:
    one = kernel()
    one.run("import torch")
    one.run("def make():\n    return torch.nn.Linear(2, 1)\ndef weigh(model):\n    return model.weight.detach()")
    kept = one.call("make", [], {}, keep=True)[0]["kept"]
    state = one.call_method(Handle(kept), "state_dict", [], {})[1][0]
    assert torch.equal(one.call("weigh", [Handle(kept)], {})[1][0], state["weight"])


def test_recipes_are_built_inside(kernel: Any) -> None:
    one = kernel()
    source = "def pair(size):\n    return [0.0] * size\ndef broken():\n    raise ValueError"
    assert one.build(source, "pair", {"size": 2})["kept"] == "object-0"
    assert one.build(source, "broken", {})["error"] == "ValueError"


def test_what_takes_too_long_is_stopped_and_the_kernel_lives(kernel: Any) -> None:
    one = kernel(call_seconds=0.3)
    one.run("kept = 1\ndef loop():\n    while True:\n        pass")
    with pytest.raises(CallTimeoutError):
        one.run("while True:\n    pass", 0.3)
    with pytest.raises(CallTimeoutError):
        one.call("loop", [], {})
    assert text_of(one.run("print(kept)")) == "1\n"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os; os._exit(0)", "it ended by itself"),
        ("import os; os.closerange(0, 99)", "it ended by itself"),
        ("import ctypes; ctypes.string_at(0)", "it ended by itself"),
        (
            "import os\nfor fd in range(3, 9):\n  try: os.write(fd, b'x' * 99)\n  except OSError: pass",
            "broke the protocol",
        ),
        ("import os, time\nwhile True:\n    os.fork()", "more than 10 processes"),
        (
            "import os, time\nfor _ in range(4):\n if not os.fork():\n  b = bytearray(b'x') * 2**27; time.sleep(99)\n"
            "time.sleep(99)",
            "400 MB of memory",
        ),
    ],
    ids=["exit", "closed", "crash", "garbage", "fork", "memory"],
)
def test_a_dead_kernel_says_why(kernel: Any, source: str, reason: str) -> None:
    one = kernel(memory_mb=400, cell_seconds=90.0) if "memory" in reason else kernel()
    with pytest.raises(KernelDiedError, match=reason):
        one.run(source)


def test_a_forked_copy_does_not_answer(kernel: Any) -> None:
    one = kernel()
    one.run("import os, time\nchild = os.fork()\nif child == 0:\n    time.sleep(1000)")
    one.run("def where():\n    return os.getpid()")
    assert one.call("where", [], {})[1][0] == 1
    one.run("other = os.fork()")  # the copy goes on in the kernel's own code, finds its connection closed, and ends
    assert text_of(one.run("print(os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]), os.getpid())")) == "1 1\n"


def test_input_has_nobody_to_ask(kernel: Any) -> None:
    assert kernel().run("input()")[0]["ename"] == "StdinNotImplementedError"  # as in a kernel of stock


def test_output_is_cut_while_it_is_written(kernel: Any) -> None:
    outputs = kernel(output_bytes=1000).run("for _ in range(10**5):\n    print('x' * 100)")
    assert 1000 <= len(text_of(outputs)) < 1100
    assert "the output was cut here" in text_of(outputs)


@pytest.fixture
def notebook(started: Started) -> Any:
    """A `NotebookKernel` with two restarts."""
    made: list[NotebookKernel] = []

    def make(**limits: float) -> NotebookKernel:
        found = Limits(cell_seconds=10.0, restarts=2, **limits)
        made.append(NotebookKernel(lambda: Kernel(started, found), found))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_lost_kernel_costs_its_cell_only(notebook: Any) -> None:
    one = notebook()
    one.run("x = 1", "cell 1")
    with pytest.raises(KernelDiedError):
        one.run("import os; os._exit(0)", "cell 2")
    assert text_of(one.run("print(x)", "cell 3")) == "1\n"
    assert one.events == ["cell 2: it ended by itself"]
    assert one.generation == 1


def test_too_many_lost_kernels_end_it(notebook: Any) -> None:
    one = notebook()
    for number in range(5):
        with pytest.raises(KernelDiedError):
            one.run("import os; os._exit(0)", f"cell {number + 1}")
    assert one.events == [
        *(f"cell {number}: it ended by itself" for number in (1, 2, 3)),
        "3 kernels were lost; the rest of the notebook was not run",
    ]


def test_a_submission_has_an_end(notebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of the test's own: on a busy machine a kernel alone may take seconds to start."""
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(notebook_kernel, "time", clock)
    one = notebook(submission_seconds=10.0)
    one.run("1", "cell 0")
    clock.now = 9.9
    with pytest.raises(CallTimeoutError):
        one.run("while True:\n    pass", "cell 1")
    clock.now = 10.1
    with pytest.raises(KernelDiedError, match="the submission took more than 10 s; the rest was not run"):
        one.run("1", "cell 2")


def test_a_flood_of_signs_of_four_bytes_is_cut_and_costs_no_kernel(kernel: Any) -> None:
    """Limits count bytes: a message holds what is kept, whatever the signs are."""
    one = kernel()
    (printed,) = one.run('print("\U0001f600" * 1_000_000)')
    assert printed["text"].startswith("\U0001f600" * 200_000)
    assert len(printed["text"].encode()) <= one.limits.output_bytes + 100
    assert one.run("1 + 1")[0]["data"]["text/plain"] == "2"
