"""Many calls in one message: answers as in process; a kernel that lies, hangs or dies loses its own points only."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch

from grader.checks import Built, Case, Cases, Missed
from grader.checks.across import Across
from grader.checks.judging import Judge
from grader.checks.student import InProcess, Student
from grader.kernels.client import Kernel
from grader.kernels.launch import Started
from grader.kernels.limits import Limits
from grader.kernels.many import NO_GRAPH, Answer, Asked, Builder, answer_to
from grader.kernels.many_wire import chunks, packed, packed_cases, size_of, taken, unpacked_cases
from grader.kernels.notebook_kernel import NotebookKernel
from grader.kernels.wire import WireError, dump, load

RECIPES = """
import torch


def scale(by):
    made = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(made.weight, by)
    return made


def twice():
    return lambda value: 2 * value
"""
LIMITS = Limits(cell_seconds=20.0, call_seconds=20.0, memory_mb=512)
PATIENT_TIMEOUT = 1.0


@pytest.fixture
def fixtures() -> ModuleType:
    module = ModuleType("fixtures")
    exec(RECIPES, vars(module))
    return module


@pytest.fixture
def notebook(started: Started) -> Iterator[Callable[..., NotebookKernel]]:
    """`notebook(source)` gives the kernel of a notebook with one cell."""
    made: list[NotebookKernel] = []

    def make(source: str, limits: Limits = LIMITS) -> NotebookKernel:
        kernel = NotebookKernel(lambda: Kernel(started, limits), limits)
        made.append(kernel)
        kernel.run(source, "the cell")
        return kernel

    yield make
    for one in made:
        one.close()


def same_answer(one: Answer, other: Answer) -> bool:
    shown = [replace(a, value=None, gradients=()) for a in (one, other)]
    return shown[0] == shown[1] and repr((one.value, one.gradients)) == repr((other.value, other.gradients))


ANSWERS = """import torch


def answer(x, by=2.0, also=None):
    if by == 0:
        raise ValueError("no")
    if by == 1:
        return x.view(-1)
    if by == 3:
        x /= by
        return x
    if by == 4:
        return x.detach() * by
    if by == 5:
        return {"list": [x * by, also], "strides": list(x.stride()), "float": float(x.sum())}
    if by == 6:
        return (x.sqrt() * 0 + by, x.numpy())
    if by == 7:
        return set()
    if by == 8:
        class Mine(KeyError):
            pass
        raise Mine("secret")
    if by == 9:
        return also
    return also(x) if callable(also) else x * by
"""
X = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
CALLS = [
    *(Asked((X,), {"by": float(by)}, gradient=(0,)) for by in range(10)),
    *(Asked((X, float(by)), layout={0: "transposed"}) for by in (1, 3, 5)),
    *(Asked((X, 5.0), layout={0: how}, gradient=(0,)) for how in ("strided", "column")),
    Asked((torch.ones(2, 3), 5.0), layout={0: "expanded"}),
    Asked((X, 5.0), layout={0: "sideways"}),
    Asked((torch.ones(2, 1), 2.0, Built("scale", by=3.0)), gradient=(0, 2)),
    Asked((4.0, 2.0), {"also": Built("twice")}),
    Asked((4.0, 2.0, Built("missing"))),
    Asked(([X, {"y": X}], 9.0, [1, (X, None)])),
    Asked((X.half(),), gradient=(0,)),
    Asked((torch.tensor([1, 2]),), gradient=(0,)),
    Asked(()),
]


def test_both_roads_give_the_same_answers(notebook: Any, fixtures: ModuleType) -> None:
    namespace: dict[str, Any] = {}
    exec(compile(ANSWERS, "cell", "exec"), namespace)
    here = InProcess(namespace, fixtures).call_many("answer", CALLS)
    there = Across(notebook(ANSWERS), fixtures, RECIPES).call_many("answer", CALLS)
    assert len(here) == len(there) == len(CALLS)
    for asked, one, other in zip(CALLS, here, there, strict=True):
        assert same_answer(one, other), (asked, one, other)
    errors = [one.error for one in here]
    assert errors[0] == "ValueError"
    assert errors[8] == "KeyError"
    assert here[8].line == 1 + ANSWERS.splitlines().index('        raise Mine("secret")')
    assert here[1].shared == (0,)
    assert here[3].changed == here[3].shared == (0,)
    assert here[4].no_gradient == NO_GRAPH
    assert here[6].no_gradient == "RuntimeError"
    assert str(errors[7]).startswith("no plain value")
    assert len(set(here[2].gradients[0][0].flatten().tolist())) == X.numel()  # each output has a weight of its own
    assert here[17].gradients[1][0].shape == (1, 1)


def test_both_roads_say_the_same_to_a_student(notebook: Any) -> None:
    """Reason and hint of each wrong answer, word for word."""

    def right(x: torch.Tensor, by: float) -> torch.Tensor:
        if by == 0:
            raise ValueError
        return x * by

    def pool() -> Iterator[Case]:
        for dtype in (torch.float32, torch.float16):
            for by in (0.0, 2.0, 5.0):
                yield Case(f"{dtype} {by}", (X.to(dtype), by), family="a factor of 0" if by == 0 else "ordinary")
        yield Case("transposed", (X, 3.0), layout={"x": "transposed"}, family="a transposed tensor")

    cases = Cases(
        *("f", "c", "p", 1, right, pool), gradient=("x",), keeps_inputs=True, fresh=True, hints={"dtype": "Keep it."}
    )
    wrong = [
        "x * by",
        "x.view(-1).view(x.shape) * by if by else 1 / 0",
        "x * by if by else int('x')",
        "x.mul_(by) if by else int('x')",
        "x.detach() * by if by else int('x')",
        "x.float() * by if by else int('x')",
        "[x * by] if by else int('x')",
        "(x * by)[0] if by else int('x')",
        "x * by * (1 if x.dtype == torch.float32 else 1.5) if by else int('x')",
        "torch.tensor((x * by).tolist()).to(x.dtype) if by else int('x')",
        "set()",
    ]
    sources = [f"import torch\ndef f(x, by):\n    return {text}" for text in wrong]
    for source in sources:
        namespace: dict[str, Any] = {}
        exec(compile(source, "cell", "exec"), namespace)
        said = []
        for student in (InProcess(namespace), Across(notebook(source))):
            judge: Callable[[Student], None] = Judge(cases)
            try:
                judge(student)
                said.append("passed")
            except Missed as missed:
                said.append(f"{missed.reason} | {missed.hint}")
        assert said[0] == said[1], source
        assert (said[0] == "passed") == (source == sources[2])


def test_a_case_that_hangs_costs_that_case(notebook: Any) -> None:
    source = "def f(n):\n    while n == 3:\n        pass\n    return n"
    kernel = notebook(source, replace(LIMITS, call_seconds=PATIENT_TIMEOUT))
    answers = Across(kernel).call_many("f", [Asked((n,)) for n in (1, 2, 3, 4)])
    assert [(one.value, one.error) for one in answers] == [(1, None), (2, None), (None, "TimeLimit"), (4, None)]
    assert kernel.lost == 0
    assert kernel.events == ["a call of f: it took more than 1 s and was stopped"]


def test_cases_that_all_hang_are_given_up_after_three(notebook: Any) -> None:
    kernel = notebook("def f(n):\n    while True:\n        pass", replace(LIMITS, call_seconds=0.5))
    answers = Across(kernel).call_many("f", [Asked((n,)) for n in range(6)])
    assert [one.error for one in answers] == ["TimeLimit"] * 3 + ["NotCalled"] * 3


def test_many_slow_cases_are_no_hanging_case(notebook: Any) -> None:
    """The limit is one of each call: together they may take longer."""
    source = "import time\ndef f(n):\n    time.sleep(0.3)\n    return n"
    kernel = notebook(source, replace(LIMITS, call_seconds=2.0))
    answers = Across(kernel).call_many("f", [Asked((n,)) for n in range(8)])
    assert [one.value for one in answers] == list(range(8))


def test_a_case_that_ends_the_kernel_is_known_and_the_next_function_is_called(notebook: Any) -> None:
    source = "import os\ndef f(n):\n    return os._exit(1) if n == 3 else n\ndef g(n):\n    return n"
    kernel = notebook(source)
    answers = Across(kernel).call_many("f", [Asked((n,)) for n in range(1, 6)])
    assert [one.error for one in answers] == [None, None, "KernelDied", "NotCalled", "NotCalled"]
    assert kernel.lost == 2
    assert [one.value for one in Across(kernel).call_many("g", [Asked((7,))])] == [7]


LIES = {
    "fewer answers": "said['answers'].pop()",
    "more answers": "said['answers'].append([None, 0, [], [], '']); given += [1, []]",
    "no answers": "said['answers'] = []",
    "answers for ever": "said['more'] = True",
    "another kind": "said['answers'] = {'0': 1}",
    "another kind of one": "said['answers'][0] = 'passed'",
    "values left out": "given.pop()",
    "another request": "said['id'] = '0'",
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_kernel_that_lies_about_its_answers_loses_its_own_points(notebook: Any, lie: str) -> None:
    source = f"""
import grader.kernels.session as session
real = session.packed
def lying(*args, **kwargs):
    said, given = real(*args, **kwargs)
    {lie}
    return said, given
session.packed = lying
def f(n):
    return n
"""
    kernel = notebook(source, replace(LIMITS, call_seconds=PATIENT_TIMEOUT))
    answers = Across(kernel).call_many("f", [Asked((1,)), Asked((2,))])
    assert len(answers) == 2
    assert any(one.error in ("KernelDied", "NotCalled", "another kind of error") for one in answers)


FORGED = """
import grader.kernels.session as session
from grader.kernels.many import Answer
session.answer_to = lambda *_: {answer}
def f(n):
    return n
"""


@pytest.mark.parametrize(
    ("forged", "error"),
    [
        ("Answer(None, 'See http://example.org for the answer: 42')", "another kind of error"),
        ("Answer(None, 'x' * 10**6)", "another kind of error"),
        ("Answer(None, ['ValueError'])", "another kind of error"),
        ("Answer(None, 'ValueError', line='1; drop', changed=('x', -1, 10**9))", "ValueError"),
        ("Answer(None, 'TypeError', line=10**30)", "TypeError"),
        ("Answer(2, None, changed=['0'], shared=[{}], gradients=(5, 'x'), no_gradient='<b>42</b>')", None),
        ("Answer(2, None, gradients=([[0.5], 'x'],), no_gradient='ValueError')", None),
    ],
)
def test_no_text_of_a_kernel_gets_into_an_answer(notebook: Any, forged: str, error: str | None) -> None:
    [answer] = Across(notebook(FORGED.format(answer=forged))).call_many("f", [Asked((1,))])
    assert answer.error == error
    assert type(answer.line) is int
    assert 0 <= answer.line < 10**6
    assert answer.changed == answer.shared == ()
    assert answer.no_gradient in ("", "another kind of error", "ValueError")
    assert all(part is None or isinstance(part, torch.Tensor) for place in answer.gradients for part in place)


@pytest.mark.parametrize(
    "value",
    ["torch.zeros(5 * 10**6)", "'x' * (17 * 2**20)", "[[]] * 10**6 * 3", "10**5000", "float('nan')", "object()"],
)
def test_values_that_are_too_large_or_odd_cost_their_case(notebook: Any, value: str) -> None:
    kernel = notebook(f"import torch\ndef f(n):\n    return {value} if n == 1 else n")
    answers = Across(kernel).call_many("f", [Asked((n,)) for n in (0, 1, 2)])
    assert [answers[0].value, answers[2].value] == [0, 2]
    assert (
        answers[1].error is None
        or answers[1].error in ("another kind of error",)
        or "no plain value" in answers[1].error
    )
    assert kernel.lost == 0


def test_results_that_are_large_together_come_in_several_messages(notebook: Any) -> None:
    kernel = notebook("import torch\ndef f(n):\n    return torch.full((10**6,), n)")
    answers = Across(kernel).call_many("f", [Asked((n,)) for n in range(12)])
    assert [int(one.value[-1]) for one in answers] == list(range(12))
    assert kernel.lost == 0


def test_a_flood_on_its_outputs_changes_no_answer(notebook: Any) -> None:
    loop = "    for _ in range(200):\n        print('x' * 10_000)\n        sys.stderr.write('y' * 10_000)\n"
    student = Across(notebook(f"import sys\ndef f(n):\n{loop}    return n"))
    assert [one.value for one in student.call_many("f", [Asked((n,)) for n in range(3)])] == [0, 1, 2]


def test_arguments_are_sent_in_parts_that_fit() -> None:
    calls = [Asked((torch.zeros(10**6),)) for _ in range(8)]
    parts = chunks(calls)
    assert [one for part in parts for one in part] == calls
    assert all(size_of([list(one.given()) for one in part]) < 16 * 2**20 for part in parts)
    assert [len(part) for part in chunks([Asked((1,))] * 600)] == [256, 256, 88]
    assert len(chunks([Asked((torch.zeros(4 * 10**6),))] * 2)) == 2


def test_calls_and_answers_survive_the_wire() -> None:
    cases, values = packed_cases(CALLS)
    header, sent = load(*_parts(dump({"cases": cases}, values)))
    for one, other in zip(unpacked_cases(header["cases"], sent), CALLS, strict=True):
        assert repr(one) == repr(other)
    answers = [
        Answer(X, None, 0, (0,), (1,), ([X, None],), ""),
        Answer(None, "ValueError", 7),
        Answer(1.5, no_gradient=NO_GRAPH),
    ]
    back = taken(load(*_parts(dump(*packed(answers, "id", more=False)))), 3, str)
    assert all(same_answer(one, other) for one, other in zip(back, answers, strict=True))
    with pytest.raises(WireError, match="other questions"):
        taken(packed(answers, "id", more=False), 2, str)


def _parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    head, body, blob = (int.from_bytes(data[i : i + 4], "big") for i in (0, 4, 8))
    assert len(data) == 12 + head + body + blob
    return data[12 : 12 + head], data[12 + head : 12 + head + body], data[12 + head + body :]


def test_a_function_that_is_not_there_and_one_that_interrupts(notebook: Any) -> None:
    student = Across(notebook("def f(n):\n    if n == 2:\n        raise KeyboardInterrupt\n    return n"))
    assert [one.error for one in student.call_many("g", [Asked((1,))] * 2)] == ["NameError"] * 2
    answers = student.call_many("f", [Asked((n,)) for n in (1, 2, 3)])
    assert [(one.value, one.error) for one in answers] == [(1, None), (None, "KeyboardInterrupt"), (3, None)]
    assert inspect.signature(student.call_many) == inspect.signature(InProcess({}).call_many)


def test_a_tensor_that_requires_a_gradient_since_is_changed() -> None:
    asked = Asked((torch.ones(2), torch.ones(2)))
    answer = answer_to(lambda x, y: float((x.requires_grad_() * y).sum()), asked, lambda built: built)
    assert answer.changed == (0,)


COUNTED = """
import torch

made = []


def model(size=1):
    made.append(size)
    module = torch.nn.Linear(1, size, bias=False).requires_grad_(False)
    module.weight.fill_(float(len(made)))
    return module
"""


def test_a_model_is_made_once_for_all_checks_and_each_call_has_its_own(notebook: Any) -> None:
    source = "def f(model):\n    model.weight.add_(100.0)\n    return float(model.weight[0])"
    student = Across(notebook(source), None, COUNTED)
    first, again, other = Asked((Built("model"),)), Asked((Built("model"),)), Asked((Built("model", size=2),))
    assert [one.value for one in student.call_many("f", [first, again])] == [101.0, 101.0]
    assert [one.value for one in student.call_many("f", [again, other])] == [101.0, 102.0]


def test_large_models_are_not_kept() -> None:
    module = ModuleType("fixtures")
    exec(COUNTED, vars(module))
    builder = Builder(lambda recipe: getattr(module, recipe))
    small, large = Built("model"), Built("model", size=1024)
    for one, most, made in ((small, 10_000, 1), (small, 10_000, 1), (large, 10_000, 2), (small, 1_000, 3)):
        builder.forget_large(most)
        builder(one)
        assert len(vars(module)["made"]) == made
