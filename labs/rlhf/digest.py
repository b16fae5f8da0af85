"""What a training rests on, in one digest: code of the notebook, settings, data, weights.

Code that was written in the notebook counts with all that it calls there; whatever else it calls, by its name and the
versions of the packages. Comments and places of lines do not count, nor do random numbers to come: whoever draws some
names `torch.get_rng_state()` (where nobody has seeded them, they differ each time). What cannot be read has no digest:
a result that rests on it is not kept.
"""

from __future__ import annotations

import dataclasses
import dis
import functools
import hashlib
import json
import platform
import types
from collections.abc import Iterator
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

PACKAGES = ("numpy", "torch", "transformers", "trl")
NOTEBOOK = "__main__"
# What a trainer of transformers or TRL is, besides its plain attributes and functions.
PARTS = [
    *("args", "config", "model", "ref_model", "optimizer", "tokenizer", "processing_class"),
    *("train_dataset", "data_collator", "reward_funcs", "reward_processing_classes"),
]
# Where files go, and how much was done before, which the weights say better.
LEFT_OUT = {"output_dir", "logging_dir", "run_name", "exp_name", "current_step"}
PLAIN = (bool, int, float, str, bytes, types.NoneType, types.EllipsisType, range, slice, torch.dtype, torch.device)
FUNCTIONS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    np.ufunc,
)
# What Python puts into every class, and dataclasses into theirs, that says nothing of what it does.
OF_CLASSES = {
    *("__dict__", "__weakref__", "__module__", "__doc__", "__firstlineno__", "__static_attributes__"),
    *("__annotations__", "__annotate__", "__dataclass_fields__", "__dataclass_params__"),
}


class UnreadableError(TypeError):
    """A value on which a training rests, and whose content this module does not know how to read."""


def digest(*values: object) -> str:
    """64 hex digits: the same for the same values, whichever process asks, on one machine.

    Raises:
        UnreadableError: a value, or one on which it rests, is of a kind that is not known here.
    """
    reader = _Reader()
    for value in (_packages(), *values):
        reader.read(value)
    return reader.hash.hexdigest()


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by name, each once; some models of TRL change what `state_dict` gives."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def random_numbers() -> dict[str, Any]:
    """The state of torch's and NumPy's global generators."""
    name, keys, *rest = np.random.get_state()
    return {"torch": torch.get_rng_state(), "numpy": [name, np.asarray(keys).tolist(), *rest]}


@functools.cache
def _packages() -> dict[str, str]:
    here = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        here.update(path.read_bytes())
    return {"python": platform.python_version(), "rlhf": here.hexdigest(), **{name: version(name) for name in PACKAGES}}


class _Reader:
    """Feeds values to a hash, each that has parts once, so that circles end."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self._met: dict[int, object] = {}  # holds on to them: an id is free again once its object is gone

    def read(self, value: object) -> None:
        kind = type(value)
        self._tell("<", kind.__module__, kind.__qualname__)
        if isinstance(value, Enum):
            self._tell(value.name)
        elif isinstance(value, PLAIN):
            self._tell(repr(value))
        elif (raw := _raw(value)) is not None:
            self.hash.update(raw)
        elif id(value) in self._met:
            self._tell("again", str(list(self._met).index(id(value))))
        else:
            for part in self._parts(value):
                self.read(part)
        self._tell(">")

    def _tell(self, *words: str) -> None:
        for word in words:
            self.hash.update(word.encode("utf-8", "surrogatepass") + b"\0")

    def _parts(self, value: Any) -> Iterator[object]:
        """Of what a value consists that is not plain."""
        kind = type(value)
        self._met[id(value)] = value
        if isinstance(value, dict):
            yield from (part for pair in value.items() for part in pair)
        elif isinstance(value, (list, tuple)):
            yield from value
        elif isinstance(value, (set, frozenset)) and all(isinstance(one, PLAIN) for one in value):
            yield sorted(map(repr, value))
        elif isinstance(value, types.CodeType):
            yield from _code_parts(value)
        elif isinstance(value, type):
            yield value.__qualname__, value.__module__
            if value.__module__ == NOTEBOOK:
                yield value.__bases__, {n: part for n, part in sorted(vars(value).items()) if n not in OF_CLASSES}
        elif isinstance(value, types.ModuleType):
            yield value.__name__
        elif isinstance(value, (staticmethod, classmethod, types.MethodType)):
            yield value.__func__, getattr(value, "__self__", None)
        elif isinstance(value, property):
            yield value.fget, value.fset
        elif isinstance(value, functools.partial):
            yield value.func, value.args, value.keywords
        elif hasattr(value, "__wrapped__"):  # `@torch.no_grad()` and the like
            yield value.__wrapped__, value.__code__.co_qualname if hasattr(value, "__code__") else kind
        elif isinstance(value, FUNCTIONS):
            yield value.__name__, getattr(value, "__module__", None), getattr(value, "__self__", None)
            if isinstance(value, types.FunctionType) and value.__module__ == NOTEBOOK:
                yield from _function_parts(value)
        elif isinstance(value, torch.nn.Module):
            yield kind, repr(value), value.training, weights(value)
            config: Any = getattr(value, "config", None)
            yield config and config.to_json_string(use_diff=False)
        elif isinstance(value, torch.optim.Optimizer):
            yield value.state_dict()
        elif isinstance(value, np.random.Generator):
            yield value.bit_generator.state
        elif kind.__module__.startswith("datasets."):
            yield value.to_dict()
        elif hasattr(value, "backend_tokenizer"):
            yield value.backend_tokenizer.to_str(), value.padding_side, value.special_tokens_map
        elif any(base.__name__.endswith("Trainer") for base in kind.__mro__):
            plain = {name: part for name, part in sorted(vars(value).items()) if isinstance(part, (*PLAIN, *FUNCTIONS))}
            yield kind, {name: part for name, part in plain.items() if name not in LEFT_OUT}
            yield {name: getattr(value, name, None) for name in PARTS}
        elif dataclasses.is_dataclass(value):
            names = (field.name for field in dataclasses.fields(value))
            yield {name: getattr(value, name, None) for name in names if name not in LEFT_OUT}
        elif kind.__module__ == NOTEBOOK and hasattr(value, "__dict__"):
            yield kind, vars(value)
        else:
            raise UnreadableError(f"{kind.__module__}.{kind.__qualname__}")


def _raw(value: Any) -> bytes | None:
    """The content of what is read at once: tensors, arrays, and whatever JSON can say of lists and dicts."""
    if isinstance(value, torch.Tensor):
        plain = value.detach().cpu().contiguous()
        return f"{plain.dtype} {list(plain.shape)} ".encode() + plain.reshape(-1).view(torch.uint8).numpy().tobytes()
    if isinstance(value, torch.Generator):
        return value.get_state().numpy().tobytes()
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype != object:
        return f"{value.dtype} {value.shape} ".encode() + value.tobytes()
    if isinstance(value, (list, tuple, dict)):
        try:
            return json.dumps(value).encode()
        except (TypeError, ValueError, RecursionError):  # of other things, or in a circle
            return None
    return None


def _function_parts(function: types.FunctionType) -> Iterator[object]:
    """Code of the notebook, and what it means there: globals that it reads, values that it closes over, defaults."""
    code = function.__code__
    yield code, function.__defaults__, function.__kwdefaults__
    for name in sorted(_globals_of(code) & function.__globals__.keys()):
        yield name, function.__globals__[name]
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not bound yet
            yield None


def _globals_of(code: types.CodeType) -> set[str]:
    named = {one.argval for one in dis.get_instructions(code) if one.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return named.union(*(_globals_of(inner) for inner in code.co_consts if isinstance(inner, types.CodeType)))


def _code_parts(code: types.CodeType) -> Iterator[object]:
    yield code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_consts
