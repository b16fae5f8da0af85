"""`load_policy` gives a ready model, or says what was tried and what to do."""

from pathlib import Path

import pytest
import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import GPT2Config, GPT2LMHeadModel, GPT2TokenizerFast

from labkit import LabError
from rlhf import load_policy, models, smol_installed

END = "<|endoftext|>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random GPT-2 in float16 with a byte-level BPE, as `save_pretrained` writes them."""
    place = tmp_path_factory.mktemp("policy")
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(["a film, a very good film"], vocab_size=270, special_tokens=[END], show_progress=False)
    tokenizer = GPT2TokenizerFast(tokenizer_object=bpe._tokenizer, eos_token=END, bos_token=END, unk_token=END)
    tokenizer.save_pretrained(place)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=32, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    GPT2LMHeadModel(config).half().save_pretrained(place)
    return place


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no network in tests")

    monkeypatch.setattr("huggingface_hub.utils.get_session", lambda: type("Session", (), {"head": refuse}))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))


def test_a_folder_loads_ready_to_generate(folder: Path) -> None:
    model, tokenizer = load_policy(folder)
    assert model.dtype is torch.float32
    assert not model.training
    assert tokenizer.padding_side == "left"
    assert tokenizer.pad_token == tokenizer.eos_token == END
    assert model.config.pad_token_id == model.generation_config.pad_token_id == 0
    batch = tokenizer(["a film", "a"], padding=True, return_tensors="pt")
    assert set(batch) == {"input_ids", "attention_mask"}
    assert model.generate(**batch, max_new_tokens=3, min_new_tokens=3).shape[0] == 2


def test_tiny_comes_from_the_package(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tiny").symlink_to(folder)
    monkeypatch.setattr(models, "WEIGHTS", tmp_path)
    model, _ = load_policy()
    assert model.config.n_embd == 8


def test_the_tiny_that_ships_writes_twenty_tokens() -> None:
    model, tokenizer = load_policy("tiny")
    ids = tokenizer("This movie is", return_tensors="pt")
    out = model.generate(**ids, max_new_tokens=20, min_new_tokens=20, do_sample=False)
    assert out.shape[1] == ids.input_ids.shape[1] + 20
    assert torch.isfinite(model(out).logits).all()


def test_smol_comes_from_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    assert not smol_installed()
    with pytest.raises(LabError, match=r"python -m rlhf\.fetch --smol"):
        load_policy("smol")
    (tmp_path / "smol").symlink_to(folder)
    assert smol_installed()
    assert load_policy("smol")[0].config.n_embd == 8


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"no config\.json and no weights") as caught:
        load_policy(tmp_path)
    assert "save_pretrained" in caught.value.remedy


def test_broken_weights_are_told(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:20] if "safetensors" in file.name else file.read_bytes())
    with pytest.raises(LabError, match="No language model could be loaded"):
        load_policy(tmp_path)


def test_weights_that_would_be_random_are_refused(folder: Path, tmp_path: Path) -> None:
    model, tokenizer = load_policy(folder)
    state = {name: value for name, value in model.state_dict().items() if "ln_f" not in name}
    model.save_pretrained(tmp_path, state_dict=state)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(LabError, match=r"transformer\.ln_f\.bias"):
        load_policy(tmp_path)


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "a/b/c", "", "two words"])
def test_a_name_that_can_be_nothing_is_told(name: str) -> None:
    with pytest.raises(LabError, match="no folder and no hub id"):
        load_policy(name)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", ["gpt2", "lvwerra/gpt2-imdb", "tinny"])
def test_a_hub_that_does_not_answer_is_told(name: str) -> None:
    with pytest.raises(LabError, match="the model hub cannot be reached") as caught:
        load_policy(name)
    assert repr(name) in caught.value.what
    assert 'load_policy("tiny")' in caught.value.remedy


def test_offline_mode_is_told_without_a_single_request(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import subprocess
    import sys

    imports = "from labkit import LabError\nfrom rlhf import load_policy\n"
    script = f"{imports}try: load_policy('gpt2')\nexcept LabError as e: print(e)"
    env = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert "cannot be reached (OfflineModeIsEnabled)" in done.stdout
    assert "Retry" not in done.stderr
