"""The toy course: what it remembers of all responses is nobody's to change."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from rlhf import toy


@pytest.mark.parametrize("of", [toy.log_probs, toy.rewards])
@pytest.mark.parametrize("prompt", [0, 1])
def test_each_caller_has_its_own(of: Callable[[int], torch.Tensor], prompt: int) -> None:
    before = of(prompt)
    of(prompt).zero_()
    assert torch.equal(of(prompt), before)
    assert not torch.equal(toy.log_probs(prompt), toy.log_probs(1 - prompt))
