"""Blobs of numbers: the library reads what is written, and writes the same bytes itself."""

from __future__ import annotations

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch

from grader.kernels.blob import DTYPES, Numbers, TwiceError, written


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4)])
def test_a_tensor_is_written_as_the_library_writes_it(name: str, shape: tuple[int, ...]) -> None:
    """Byte for byte, for each type of numbers."""
    tensor = torch.tensor(np.arange(np.prod(shape)).reshape(shape) % 2).to(getattr(torch, name))
    assert written([tensor]) == safetensors.torch.save({"0": tensor})


@pytest.mark.parametrize("name", [name for name in DTYPES if name != "bfloat16"])
def test_an_array_is_written_as_the_library_writes_it(name: str) -> None:
    """Likewise for arrays of numpy."""
    array = np.arange(6).reshape(2, 3).astype(name)
    assert written([array]) == safetensors.numpy.save({"0": array})


def test_a_blob_of_many_is_read_by_the_library() -> None:
    """Arrays beside tensors, of other types and lengths, each by its index; and each once only."""
    numbers = [torch.tensor([1.5], dtype=torch.bfloat16), np.arange(3, dtype="uint8"), torch.eye(2), np.array(7.0)]
    found = Numbers(written(numbers))
    assert torch.equal(found.tensor("0"), numbers[0])
    assert found.array("1").tolist() == [0, 1, 2]
    assert torch.equal(found.tensor("2"), torch.eye(2))
    assert found.array("3") == 7.0
    with pytest.raises(TwiceError):
        found.tensor("2")


def test_what_is_not_in_the_table_is_left_to_the_library() -> None:
    """A type that it alone knows."""
    eighths = torch.ones(4).to(torch.float8_e5m2)
    found = safetensors.torch.load(written([eighths, np.arange(2)]))
    assert torch.equal(found["0"].float(), torch.ones(4))
    assert found["1"].tolist() == [0, 1]
