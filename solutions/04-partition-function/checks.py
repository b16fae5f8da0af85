"""Hidden checks of lab 04 that count calls of a model, or look at one half of an answer; all others are in cases.py."""

from __future__ import annotations

import itertools

import torch

from grader.checks import Missed, Result, Student, check, expect
from labkit.findings import KINDS, form

PROMPT = torch.tensor([[2, 0, 1]])
PAIR = "Return a tuple: ids, int64 [responses, max_new_tokens] without the prompt, and log-probs, float64 [responses]."


def listed(vocab: int, length: int, eos: int) -> torch.Tensor:
    """Every response, filled up with EOS, in the order of its ids: of all V^T sequences, those that stop at EOS."""
    texts = itertools.product(range(vocab), repeat=length)
    return torch.tensor([text for text in texts if eos not in text or set(text[text.index(eos) :]) == {eos}])


def ids_of(result: Result) -> torch.Tensor:
    """The ids that came back, or `Missed` when the form of the answer is not the docstring's."""
    if result.error is not None:
        raise Missed(KINDS["error"], result.error.said())
    pair = expect(result).value(tuple, hint=PAIR)
    if len(pair) != 2 or not all(isinstance(part, torch.Tensor) and part.ndim for part in pair):
        raise Missed(PAIR)
    ids: torch.Tensor = pair[0]
    if ids.ndim != 2 or ids.dtype != torch.int64:
        raise Missed("ids are int64 [responses, max_new_tokens].", f"The first is {form(ids)}.")
    return ids


def expect_list(ids: torch.Tensor, vocab: int, prompt: torch.Tensor, steps: int, eos: int) -> None:
    """`ids` are all responses, each once, in the order of their ids; else `Missed` with what is odd about them."""
    expected = listed(vocab, steps, eos)
    if torch.equal(ids, expected):
        return
    rows = {tuple(row) for row in ids.tolist()}
    if ids.shape[1] == steps + prompt.shape[1]:
        hint = "Return the new tokens only, without the prompt."
    elif ids.shape[1] != steps:
        hint = "Every row has max_new_tokens ids: fill up with EOS after the first EOS."
    elif len(rows) < len(ids):
        hint = "Some responses stand there twice: a text that has ended gets one continuation only."
    elif len(ids) == vocab**steps and steps > 1:
        hint = "That is V^T: a text that has ended gets one continuation only, EOS again."
    elif len(ids) < len(expected):
        hint = "Some responses are missing: keep ended texts in the list, and those cut off at the end."
    elif rows == {tuple(row) for row in expected.tolist()}:
        hint = "Each text in order of its ids: extend text by text (`repeat_interleave`), each by token 0, 1, 2, …"
    else:
        hint = "Some rows are no responses: after the first EOS comes EOS, and before it any other token."
    raise Missed(hint, "The list of responses differs.")


@check("sequence_log_probs", points=2)
def lists_each_response_once(student: Student) -> None:
    """Every response is listed once, in the order of its ids, filled up with EOS, without the prompt."""
    for seed, vocab, steps, eos in ((0, 4, 3, 3), (1, 3, 4, 1), (2, 5, 2, 0), (3, 4, 1, 2)):
        policy = student.build("table_policy", seed=seed, vocab_size=vocab)
        prompt = PROMPT.clamp(max=vocab - 1)
        expect_list(ids_of(student.sequence_log_probs(policy, prompt, steps, eos)), vocab, prompt, steps, eos)


@check("sequence_log_probs", points=1)
def eos_in_the_prompt_ends_nothing(student: Student) -> None:
    """An EOS in the prompt, even at its end, ends nothing: all responses are listed."""
    hint = "An EOS in the prompt ends nothing: GPT-2's prompts often begin with one. No text has ended at the start."
    for seed, prompt in ((4, [[3, 1, 3]]), (5, [[3]]), (6, [[1, 3, 3, 0]])):
        ids = ids_of(student.sequence_log_probs(student.build("table_policy", seed=seed), torch.tensor(prompt), 3, 3))
        other = torch.tensor([[0 if token == 3 else token for token in prompt[0]]])
        plain = ids_of(student.sequence_log_probs(student.build("table_policy", seed=seed), other, 3, 3))
        if torch.equal(plain, listed(4, 3, 3)) and not torch.equal(ids, plain):
            raise Missed(hint, "The list is right for a prompt without EOS, and not for one with it.")
        expect_list(ids, 4, torch.tensor(prompt), 3, 3)


@check("sequence_log_probs", points=1)
def one_batch_for_each_step(student: Student) -> None:
    """The model is called at most once for each step, with all texts in a batch."""
    for steps in (1, 2, 4):
        policy = student.build("table_policy", seed=7)
        expect_list(ids_of(student.sequence_log_probs(policy, PROMPT, steps, 3)), 4, PROMPT, steps, 3)
        calls = expect(policy.get("calls")).value(int)
        if calls == steps + 1:
            raise Missed("The model is called once more than there are steps: call it for the logits of a step only.")
        if calls > steps:
            raise Missed("The model is called text by text. Put all texts of a step into one batch: one call a step.")
