"""Mutants: one change each, named by what changes; and what each operator makes."""

from __future__ import annotations

import ast

import pytest

from grader.build.mutate import mutants_of


def changed(body: str, operator: str, gradient: tuple[str, ...] = ()) -> set[str]:
    """The lines that the mutants of one operator have instead of the lines of `body`."""
    source = "def f(x, mask, n):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    return {mutant.after for mutant in mutants_of("solution", source, gradient) if mutant.operator == operator}


@pytest.mark.parametrize(
    ("body", "operator", "among"),
    [
        ("return x < n", "comparison", {"return x <= n", "return x >= n"}),
        ("return x == n", "comparison", {"return x != n"}),
        ("return x / (n + 1e-8)", "arithmetic", {"return x / n", "return x * (n + 1e-08)", "return x"}),
        ("return -x", "sign", {"return x"}),
        ("return not n", "sign", {"return n"}),
        ("return x and n", "logic", {"return x or n", "return x", "return n"}),
        ("return x if n else mask", "logic", {"return x", "return mask"}),
        ("return n + 2", "constant", {"return n + 3", "return n + 1"}),
        ("return f(n, True)", "constant", {"return f(n, False)"}),
        ("return loss(x, reduction='mean')", "constant", {"return loss(x, reduction='sum')"}),
        ("return torch.inf", "infinity", {"return 1000000000.0"}),
        ("return x.to(torch.float32)", "infinity", {"return x.to(torch.float64)", "return x.to(torch.float16)"}),
        ("return x[1:]", "index", {"return x[:]", "return x[2:]", "return x[0:]", "return x[1:-1]", "return x"}),
        ("return x[n]", "index", {"return x[0]", "return x[-1]", "return x[n + 1]", "return x[n - 1]"}),
        ("return x[:, -1]", "index", {"return x[1:, -1]", "return x[:-1, -1]", "return x[:, 0]"}),
        ("return x.clone()", "called", {"return x"}),
        ("return x.masked_fill(mask, 1.0)", "called", {"return x", "return x.masked_fill_(mask, 1.0)"}),
        ("return x.masked_fill(mask, 1.0)", "called", {"return x.masked_fill(~mask, 1.0)"}),
        ("return torch.where(mask, x, n)", "called", {"return x", "return torch.where(mask, n, x)"}),
        ("return x.float().mean()", "called", {"return x.mean()", "return x.float().sum()", "return x.float()"}),
        ("return x.any()", "called", {"return x.all()"}),
        ("return min(n, 5)", "called", {"return n", "return 5", "return max(n, 5)"}),
        ("return range(n)", "called", {"return range(n + 1)", "return range(n - 1)", "return range(1, n)"}),
        ("return x.reshape(-1)", "called", {"return x.view(-1)"}),
        ("return x.logsumexp(-1)", "naive", {"return x.exp().sum(-1).log()"}),
        ("return F.log_softmax(x, dim=-1)", "naive", {"return x.softmax(dim=-1).log()"}),
        ("return F.logsigmoid(x)", "naive", {"return x.sigmoid().log()"}),
        ("return torch.log1p(x)", "naive", {"return (1 + x).log()"}),
        ("return x.sum(-1)", "argument", {"return x.sum(0)", "return x.sum()", "return x.sum(-1, keepdim=True)"}),
        ("return x.sum(dim=1, keepdim=True)", "argument", {"return x.sum(dim=0, keepdim=True)", "return x.sum(dim=1)"}),
        ("return x.std()", "argument", {"return x.std(correction=0)"}),
        ("return x.sort(descending=True)", "argument", {"return x.sort()"}),
        ("return x + 1", "cast", {"return x.float() + 1"}),
        ("return [v for v in x if v > n]", "comprehension", {"return [v for v in x]"}),
        ("return x + 1", "result", {"return (x + 1).float()", "return (x + 1).double()", "return -(x + 1)"}),
        ("return x / n", "in place", {"x /= n / return x"}),
        ("if n < 1:\n    raise ValueError('n')\nreturn x", "removed", {""}),
        ("x[0] = n\nreturn x", "removed", {""}),
        ("with torch.no_grad():\n    y = x\nreturn y", "removed", {"y = x"}),
        ("for v in x:\n    n += v\nreturn n", "step", {"n -= v", "break"}),
        ("raise ValueError('n')", "error", {"raise Exception()", "raise TypeError()"}),
    ],
)
def test_what_an_operator_makes(body: str, operator: str, among: set[str]) -> None:
    made = changed(body, operator)
    assert among <= made, made


def test_graphs_are_cut_only_where_a_gradient_is_promised() -> None:
    body = "y = x * n\nreturn y.sum()"
    assert changed(body, "cut") == changed(body, "no grad") == set()
    cut = changed(body, "cut", ("x",))
    assert {"y = x.detach() * n", "y = (x * n).detach()", "return y.sum().detach()"} <= cut
    assert "y = x * n.detach()" not in cut
    assert changed(body, "no grad", ("x",)) == {"with torch.no_grad():"}
    assert "return x.detach().shape" not in changed("return x.shape", "cut", ("x",))


def test_docstrings_annotations_and_messages_stay() -> None:
    source = '''def f(x: "list[1]", n: int = 3) -> "tuple[2]":
    """Less than 5 < 6."""
    if x:
        raise ValueError(f"{1 + n} of {len(x)}")
    y: "Literal[4]" = n
    return y
'''
    for mutant in mutants_of("solution", source):
        assert '"""Less than 5 < 6."""' in mutant.source
        assert "list[1]" in mutant.source
        assert "tuple[2]" in mutant.source
        assert "Literal[4]" in mutant.source
        assert "1 + n" in mutant.source or "raise ValueError" not in mutant.source


def test_mutants_are_python_differ_from_one_another_and_have_names_of_their_own() -> None:
    source = '''def f(x, n):
    total = 0
    for i in range(len(x) - 1):
        if x[i] < n and x[i + 1] < n:
            total += x[i] / (x[i + 1] + 1e-8)
    return torch.stack([x, x], dim=-1).log_softmax(dim=-1)[..., 0].clamp(min=total)


def helper(y):
    return y * 2
'''
    made = mutants_of("solution", source)
    plain = ast.dump(ast.parse(source))
    dumped = [ast.dump(ast.parse(mutant.source)) for mutant in made]
    assert len(made) > 80
    assert plain not in dumped
    assert len(set(dumped)) == len(dumped)
    assert len({mutant.name for mutant in made}) == len(made)
    assert any("return y / 2" in mutant.source for mutant in made)  # helpers of an answer, too


def test_names_do_not_depend_on_other_lines() -> None:
    def names(before: str) -> set[str]:
        source = f"def f(x):\n{before}    return x.sum(-1)\n"
        return {mutant.name for mutant in mutants_of("loop", source) if "x.sum(-1)" in mutant.before}

    assert names("") == names("    y = 1\n    del y\n")
    assert "loop: called: return x.sum(-1) -> return x.mean(-1)" in names("")


def test_what_is_alike_is_numbered() -> None:
    made = mutants_of("loop", "def f(x):\n    x.pop()\n    y = x\n    x.pop()\n    return y\n")
    removed = [mutant.name for mutant in made if mutant.operator == "removed"]
    assert removed == ["loop: removed: x.pop() -> nothing", "loop: removed: x.pop() -> nothing (2)"]
