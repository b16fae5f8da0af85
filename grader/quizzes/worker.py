"""What runs a bank's code, shut in: one request a line on a connection, one result a line back.

A request is one variant of one item: the code of `given`, and what to evaluate after it, in order. See
`grader.quizzes.forker`, which forks it and shuts it in, and `grader.quizzes.evaluate`, which asks, limits its time and
believes nothing that it says but about the item that was asked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import random
import re
import signal
import socket
import traceback
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from grader.quizzes.probing import directly, same_whatever, why_idle
from grader.quizzes.reading import NAME, claim_of, unmarked
from grader.quizzes.relations import RELATIONS
from grader.quizzes.wire import MUTANT

EXPRESSION = re.compile(r"\{\{ (.+?) \}\}")
WHOLE = re.compile(r"\s*\{\{ (.+?) \}\}\s*")
MAX_PRINTED = 20_000
PATIENCE = 1.0  # seconds for one disturbed claim
SVG = {"svg.hashsalt": "quiz", "svg.fonttype": "path"}


class TimeIsUp(BaseException):
    """Raised by the alarm; a base exception, so that `except Exception` in a bank does not hold it."""


def serve(connection: socket.socket) -> None:
    """Answer requests until the connection ends."""
    signal.signal(signal.SIGALRM, _time_is_up)
    connection.sendall(b'{"ready": true}\n')
    for line in connection.makefile("r", encoding="utf-8"):
        for result in answer(json.loads(line)):
            connection.sendall(json.dumps(result).encode() + b"\n")


def _time_is_up(*_: object) -> None:
    raise TimeIsUp


def answer(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The results of one request: one for `given`, then one for each thing asked; after a broken `given`, no more."""
    limit: float = request["limit"]
    names = _names(request)
    for block in request["given"]:
        done = _limited(limit, lambda block=block: _run_given(block, names))  # type: ignore[misc]
        if "error" in done:
            yield {"path": "given", "line": block["line"]} | done
            return
    yield {"path": "given", "result": True}
    values: dict[str, Any] = {}
    for ask in [*request["asks"], *(request["mutants"] if request["probe"] else ())]:
        done = _limited(limit, lambda ask=ask: _one(ask, names, values, request))  # type: ignore[misc]
        yield {"path": ask["path"]} | ({"result": None} if "error" in done and MUTANT in ask["path"] else done)


def _names(request: dict[str, Any]) -> dict[str, Any]:
    """The names that are there from the start. The generator depends on the place alone: the same on each machine."""
    place = hashlib.sha256("/".join([request["bank"], request["item"], str(request["variant"])]).encode()).digest()
    seed = int.from_bytes(place, "big")
    random.seed(seed)
    np.random.seed(seed % 2**32)
    there = {"np": np, "math": math, "rng": np.random.default_rng(seed), "variant": request["variant"]}
    return there | {NAME: RELATIONS}


def _limited(limit: float, action: Callable[[], Any]) -> dict[str, Any]:
    """The result of an action, or the error that it ended in, as something that JSON can carry."""
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return {"result": action()}
    except TimeIsUp:
        return {"error": f"it took longer than {limit:g} s"}
    except SystemExit:
        return {"error": "it ended the process"}
    except BaseException as error:  # noqa: BLE001 - code of a bank may raise anything
        frames = traceback.extract_tb(error.__traceback__)
        inside = next((frame.lineno for frame in reversed(frames) if frame.filename == "<bank>"), None)
        if isinstance(error, SyntaxError):
            inside = error.lineno
        return {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300], "inside": inside}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _run_given(block: dict[str, Any], names: dict[str, Any]) -> bool:
    exec(compile(block["source"], "<bank>", "exec"), names)
    return True


def _one(ask: dict[str, Any], names: dict[str, Any], values: dict[str, Any], request: dict[str, Any]) -> Any:
    bound = {name: _bound(source, values) for name, source in ask.get("bind", {}).items()}
    known = {**names, **bound}
    source = ask["source"]
    if ask["kind"] == "text":
        filled = _filled(source, known)
        return unmarked(filled) if ask.get("says") else filled
    if ask["kind"] == "value":
        values[ask["path"]] = _value(source, known)
        return _as_number(values[ask["path"]], ask.get("number", False))
    if ask["kind"] == "claim":
        if "text" in ask:
            source = " and ".join(filter(None, (claim_of(_filled(ask["text"], known), ask["words"]), _inner(source))))
        return _claim(source, ask.get("seen", ""), known, request["probe"] and ask.get("probe", True), request["limit"])
    if ask["kind"] == "run":
        code = _filled(source, known)
        return {"code": code, "printed": _printed(code)}
    return _figure(ask, known, request["figures"], request["drawn_by"])


def _bound(source: dict[str, Any], values: dict[str, Any]) -> Any:
    """What a name is bound to: a text, or a value computed before, moved by a distance where one is given."""
    if "literal" in source:
        return source["literal"]
    value = values[source["path"]]
    if "plus" not in source:
        return value
    path, times = source.get("times", (None, 0))
    return value + source["plus"] + (times * values[path] if path else 0)


def _filled(text: str, names: dict[str, Any]) -> str:
    """The text with its `{{ expression }}`s evaluated; a format may follow, as in `{{ beta:.2f }}`."""
    return EXPRESSION.sub(lambda match: str(eval(_format(match.group(1)), dict(names))), text)


def _format(expression: str) -> Any:
    return compile(f"f'''{{{expression}}}'''", "<bank>", "eval")


def _value(source: Any, names: dict[str, Any]) -> Any:
    return eval(compile(source.strip(), "<bank>", "eval"), dict(names)) if isinstance(source, str) else source


def _as_number(value: Any, required: bool) -> Any:
    """A value for the way back: a float where it is a number, else its text."""
    if isinstance(value, bool | np.bool_ | str) or not isinstance(value, int | float | np.number):
        if required:
            raise TypeError(f"{value!r} is no number")
        return str(value)
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not finite")
    return number


def _inner(source: str) -> str:
    """A claim as a part of another one."""
    return f"({source.strip()})" if source.strip() else ""


def _claim(source: str, seen: str, names: dict[str, Any], probe: bool, limit: float) -> dict[str, Any]:
    said = eval(compile(source.strip(), "<bank>", "eval"), dict(names))
    if not isinstance(said, bool | np.bool_):
        raise TypeError(f"a claim says True or False; this one gives {type(said).__name__} ({str(said)[:40]})")

    def briefly(action: Callable[[], Any]) -> Any:
        """Run a disturbed claim, which may be far more work than the true one."""
        signal.setitimer(signal.ITIMER_REAL, min(PATIENCE, limit))
        try:
            return directly(action)
        except TimeIsUp:
            return None
        finally:
            signal.setitimer(signal.ITIMER_REAL, limit)

    idle = why_idle(source, names, bool(said), briefly) if probe else ""
    if probe and seen and not idle and same_whatever(seen, names, briefly):
        idle = "it compares something with itself, seen through the names that `given` makes of others"
    return {"holds": bool(said), "idle": idle}


def _printed(code: str) -> str:
    """What a listing prints, run by itself."""
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard):
        exec(compile(code, "<bank>", "exec"), {"__name__": "__main__"})
    if len(heard.getvalue()) > MAX_PRINTED:
        raise ValueError(f"it prints {len(heard.getvalue())} characters, at most {MAX_PRINTED} are kept")
    return heard.getvalue()


def _figure(ask: dict[str, Any], names: dict[str, Any], module: str, code: str | None) -> str:
    """A figure as SVG, the same bytes each time."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    draw = getattr(_module(module, code), ask["source"], None)
    if not callable(draw):
        raise LookupError(f"{module} has no function {ask['source']}")
    whole = {name: WHOLE.fullmatch(value) if isinstance(value, str) else None for name, value in ask["args"].items()}
    args = {
        name: _value(match.group(1), names) if (match := whole[name]) else value for name, value in ask["args"].items()
    }
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": "Agg", **SVG}):
        figure = draw(**args)
        out = io.StringIO()
        rough = ask.get("rough", False)
        if rough:
            figure.set_layout_engine("none")
        about = {"Date": None, "Creator": None}
        figure.savefig(out, format="svg", metadata=about, bbox_inches=None if rough else "tight")
        plt.close(figure)
    return out.getvalue()


_modules: dict[str, ModuleType] = {}


def _module(path: str, code: str | None) -> ModuleType:
    """The module of figures, made from its code: the file itself is not to be seen from here."""
    if path not in _modules:
        if code is None:
            raise FileNotFoundError(f"{path} is missing; figures are drawn by its functions")
        module = ModuleType("quiz_figures")
        module.__file__ = path
        exec(compile(code, path, "exec", dont_inherit=True), vars(module))
        _modules[path] = module
    return _modules[path]
