"""What models, optimisers, generators, lists and dicts hold: as tensors and JSON, and back into the same objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from rlhf.digest import weights

Tensors = dict[str, torch.Tensor]


def held_by(one: Any) -> object:
    """What training has left in an object: lists and dicts of tensors, numbers and texts."""
    if isinstance(one, torch.nn.Module):
        return weights(one)
    if isinstance(one, torch.optim.Optimizer):
        return one.state_dict()["state"]
    return one.get_state() if isinstance(one, torch.Generator) else one


def pack(value: Any, tensors: Tensors) -> object:
    """A value for JSON; its tensors go to `tensors`, copied.

    Raises:
        TypeError: it holds something else than tensors, numbers, texts, lists, tuples and dicts.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.generic):
        return pack(value.item(), tensors)
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[pack(key, tensors), pack(part, tensors)] for key, part in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [pack(part, tensors) for part in value]}
    raise TypeError(type(value).__name__)


def unpack(value: Any, tensors: Tensors) -> Any:
    """What `pack` was given.

    Raises:
        ValueError, KeyError, TypeError: `pack` did not write this.
    """
    if not isinstance(value, dict):
        return value
    ((kind, parts),) = value.items()
    if kind == "tensor":
        return tensors[parts]
    if kind == "dict":
        return {unpack(key, tensors): unpack(part, tensors) for key, part in parts}
    return {"list": list, "tuple": tuple}[kind](unpack(part, tensors) for part in parts)


def loader(one: Any, new: Any) -> Callable[[], object]:
    """What puts `new`, once held by such an object, into this one. It is looked at now, and nothing is changed yet.

    Raises:
        ValueError, KeyError, TypeError, AttributeError, RuntimeError: it does not fit.
    """
    if isinstance(one, torch.nn.Module):
        here = weights(one)
        if here.keys() != new.keys():
            raise ValueError("other weights")
        loads = [loader(tensor, new[name]) for name, tensor in here.items()]
        return lambda: [load() for load in loads]
    if isinstance(one, torch.optim.Optimizer):
        return _optimizer_loader(one, new)
    if isinstance(one, torch.Tensor):
        _same_form(one, new)
        return lambda: one.data.copy_(new)
    if isinstance(one, torch.Generator):
        torch.Generator().set_state(new)
        return lambda: one.set_state(new)
    if isinstance(one, list) and isinstance(new, list):
        return lambda: one.__setitem__(slice(None), new)
    if isinstance(one, dict) and isinstance(new, dict):
        return lambda: _refill(one, new)
    raise ValueError(f"a {type(one).__name__} cannot be what it was")


def random_loader(new: Any) -> Callable[[], object]:
    """What sets the random numbers to come, `digest.random_numbers` of another time.

    Raises:
        ValueError, KeyError, TypeError, RuntimeError: these are none.
    """
    torch.Generator().set_state(new["torch"])
    name, keys, *rest = new["numpy"]
    state = (name, np.array(keys, dtype=np.uint32), *rest)
    np.random.RandomState(0).set_state(state)

    def load() -> None:
        torch.set_rng_state(new["torch"])
        np.random.set_state(state)

    return load


def _refill(one: dict[Any, Any], new: dict[Any, Any]) -> None:
    one.clear()
    one.update(new)


def _optimizer_loader(one: torch.optim.Optimizer, new: Any) -> Callable[[], object]:
    groups = one.state_dict()["param_groups"]
    places = [place for group in groups for place in group["params"]]
    parameters = [parameter for group in one.param_groups for parameter in group["params"]]
    forms = dict(zip(places, parameters, strict=True))
    for place, parts in new.items():
        for part in parts.values():
            if part.numel() > 1:
                _same_form(forms[place], part)
    return lambda: one.load_state_dict({"state": new, "param_groups": groups})


def _same_form(here: torch.Tensor, new: torch.Tensor) -> None:
    if (here.shape, here.dtype) != (new.shape, new.dtype):
        raise ValueError("other weights")
