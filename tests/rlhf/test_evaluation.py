"""What lab 08 stands on: samples and their log-probs, goals that a program judges, judges with habits, thin changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import rlhf
from labkit.errors import LabError
from rlhf.goals import one_sentence, share, stops
from rlhf.judges import Judge, remembering, words_more
from rlhf.sampling import NEW_TOKENS, PROMPT_TOKENS, Responses, beginnings, respond, token_logps
from rlhf.variants import FOLDER, load_variant, stops_curves, variants


@pytest.fixture(scope="module")
def drawn() -> tuple[object, object, Responses]:
    model, tokenizer = rlhf.load_policy("tiny")
    return model, tokenizer, respond(model, tokenizer, beginnings(tokenizer, 24), seed=3)


def test_beginnings_differ_and_say_what_their_ids_say(drawn: tuple[object, object, Responses]) -> None:
    _, tokenizer, _ = drawn
    some, more = beginnings(tokenizer, 40), beginnings(tokenizer, 20, first=40)
    assert len({*some, *more}) == 60
    assert beginnings(tokenizer, 60) == [*some, *more]
    for text in some:
        ids = tokenizer(text)["input_ids"]
        assert len(ids) == PROMPT_TOKENS
        assert tokenizer.decode(ids) == text
        assert not any(mark in text for mark in ".!?\n")


def test_responses_are_masked_behind_their_eos(drawn: tuple[object, object, Responses]) -> None:
    model, tokenizer, texts = drawn
    eos = tokenizer.eos_token_id
    assert texts.ids.shape == texts.mask.shape == (24, NEW_TOKENS)
    for row, told, ended in zip(texts.ids.tolist(), texts.mask.sum(-1).tolist(), texts.ended, strict=True):
        assert ended == (eos in row)
        assert told == (row.index(eos) + 1 if eos in row else NEW_TOKENS)
    again = respond(model, tokenizer, beginnings(tokenizer, 24), seed=3)
    assert again.texts == texts.texts
    assert respond(model, tokenizer, beginnings(tokenizer, 24), seed=4).texts != texts.texts


def test_log_probs_are_those_of_one_text_alone(drawn: tuple[object, object, Responses]) -> None:
    model, _, texts = drawn
    together = token_logps(model, texts)
    for row in (0, 7, 23):
        whole = torch.cat([texts.prompt_ids[row], texts.ids[row]])[None]
        with torch.no_grad():
            log_probs = model(whole).logits[0].log_softmax(-1)
        for place in range(int(texts.mask[row].sum())):
            expected = log_probs[PROMPT_TOKENS + place - 1, texts.ids[row, place]]
            torch.testing.assert_close(together[row, place], expected, rtol=0, atol=1e-4)


def test_prompts_of_different_lengths_are_refused(drawn: tuple[object, object, Responses]) -> None:
    model, tokenizer, _ = drawn
    with pytest.raises(ValueError, match="equally many tokens"):
        respond(model, tokenizer, ["This film", "This film is one that"], seed=0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("This film is one that you will want to see.", True),
        ("This film is one that you will want to see", False),
        ("one two three four five six seven eight.", True),
        ("one two three four five six seven.", False),
        ("a b c d e f g h i j k l!", True),
        ("a b c d e f g h i j k l m!", False),
        ("It is bad. Do not go and see it again.", False),
        ("What a film this was, and what a cast!", True),
        ("What a film this was, and what a cast!!", False),
        ("  Spaces around it change nothing at all here.  ", True),
        ("It ends with a space before the stop .", False),
        ("", False),
        (".", False),
    ],
)
def test_one_sentence_of_eight_to_twelve_words(text: str, expected: bool) -> None:
    assert one_sentence(text) is expected


def test_a_text_stops_with_a_mark_and_eos() -> None:
    assert stops("It is over.", ended=True)
    assert stops("Is it over? ", ended=True)
    assert not stops("It is over.", ended=False)
    assert not stops("It is over", ended=True)
    assert share([True, False, True, True]) == 0.75
    with pytest.raises(ValueError, match="nothing"):
        share([])


def by_length(texts: list[str]) -> torch.Tensor:
    return torch.tensor([float(len(text)) for text in texts])


def test_a_judge_has_the_habits_that_it_is_given() -> None:
    one, other = ["aaa", "a", "bb"], ["a", "aaa", "cc"]
    assert Judge(by_length).verdicts(one, other) == ["first", "second", "tie"]
    assert Judge(by_length).wins(one, other) == [1.0, 0.0, 0.5]
    assert Judge(by_length, first=3.0).verdicts(one, other) == ["first"] * 3
    assert Judge(by_length, first=-3.0).verdicts(one, other) == ["second"] * 3
    none = Judge(lambda texts: torch.zeros(len(texts)), longer=1.0)
    assert none.verdicts(["a b c", "a", "a b"], ["a", "a b", "a b"]) == ["first", "second", "tie"]


def test_a_text_is_scored_once() -> None:
    asked: list[str] = []

    def listening(texts: list[str]) -> torch.Tensor:
        asked.extend(texts)
        return by_length(texts)

    score = remembering(listening)
    assert score(["aa", "b", "aa"]).tolist() == [2.0, 1.0, 2.0]
    assert score(["b", "ccc", "aa"]).tolist() == [1.0, 3.0, 2.0]
    assert score([]).tolist() == []
    assert score(["b"]).dtype == torch.float64
    assert asked == ["aa", "b", "ccc"]


def test_gaps_in_words_are_in_standard_deviations_from_equal_length() -> None:
    gaps = words_more(["a b c", "a", "a b"], ["a", "a b c", "a b"])
    torch.testing.assert_close(gaps, torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64))
    assert words_more(["a b"], ["a"]).tolist() == [1.0]
    assert words_more(["a", "b"], ["c", "d"]).tolist() == [0.0, 0.0]


def test_a_change_is_added_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a change lies half-way; none at all is tiny; the files are small and name real weights."""
    tiny = dict(rlhf.load_policy("tiny")[0].named_parameters())
    name = next(iter(variants()))
    whole, half, none = (dict(load_variant(name, scale=s)[0].named_parameters()) for s in (1.0, 0.5, 0.0))
    moved = 0.0
    for key, weight in tiny.items():
        torch.testing.assert_close(none[key], weight, rtol=0, atol=0)
        torch.testing.assert_close(half[key], (weight + whole[key]) / 2, rtol=0, atol=1e-6)
        moved = max(moved, (whole[key] - weight).abs().max().item())
    assert moved > 1e-3
    for file in FOLDER.glob("*.safetensors"):
        assert file.stat().st_size < 1_000_000
        assert file.stem in variants()
    with pytest.raises(LabError, match="no policy 'nobody'"):
        load_variant("nobody")


def test_shipped_curves_are_what_they_say() -> None:
    for seed, rows in stops_curves().items():
        assert isinstance(seed, int)
        assert all(row.keys() == {"step", "KL", "proxy", "gold", "tokens"} for row in rows)
        assert rows[0]["step"] == 0
        assert rows[0]["KL"] == 0
    recipe = json.loads((FOLDER / "recipe.json").read_text())
    assert {"dpo", "ppo", "grpo", "salad"} <= recipe.keys()
    assert all({"trainer", "seed", "rank"} <= made.keys() for made in recipe.values())
