"""The course's policies: `load_policy` gives a causal language model and its tokenizer, ready to generate."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from rlhf.cache import has_smol, smol_folder
from rlhf.quiet import drop_notice, quiet_transformers

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MODELS = {
    "tiny": "a GPT-2 of about 4 million parameters, trained on film reviews; comes with the kit",
    "smol": "SmolLM2-135M-Instruct, fluent English; fetched by python -m rlhf.fetch --smol",
}
WEIGHTS = Path(__file__).parent / "weights"
HUB_SECONDS = 5.0
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def smol_installed() -> bool:
    """Whether `load_policy("smol")` will find its model.

    >>> name = "smol" if smol_installed() else "tiny"
    """
    return has_smol()


def load_policy(name: str | Path = "tiny") -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal language model in float32, in eval mode, and its tokenizer.

    Args:
        name: "tiny", "smol" (see `MODELS`), a folder that `save_pretrained` wrote, or a hub id such as "gpt2".

    Returns:
        The model and the tokenizer. Padding is on the left, as generation needs it, with the EOS token as pad token.

    Raises:
        LabError: unknown name, model not fetched, no model in the folder, or the hub cannot be reached.
    """
    name = str(name)
    if name == "tiny":
        remedy = "Install rlhf again from a complete copy of the folder labs."
        return _load(_need(WEIGHTS / "tiny", "The weights of tiny are missing", remedy))
    if name == "smol":
        remedy = 'Run: python -m rlhf.fetch --smol (93 MB), or use load_policy("tiny").'
        return _load(_need(smol_folder(), "The model smol was not fetched", remedy))
    path = Path(name).expanduser()
    if name and path.is_dir():
        remedy = "Give the folder that model.save_pretrained and tokenizer.save_pretrained wrote."
        return _load(_need(path, "There is no model", remedy))
    if not _HUB_ID.fullmatch(name):
        raise LabError(f"{name!r} is no folder and no hub id.", f"Use one of {_names()}, a folder, or an id like gpt2.")
    return _load_from_hub(name)


def _names() -> str:
    return ", ".join(f'"{name}"' for name in MODELS)


def _need(folder: Path, missing: str, remedy: str) -> Path:
    """`folder`, if it holds a config, weights and a tokenizer."""
    weights = [*folder.glob("*.safetensors"), *folder.glob("*.bin")]
    parts = {"config.json": (folder / "config.json").is_file(), "weights": bool(weights)}
    lacking = [part for part, there in parts.items() if not there]
    if lacking:
        raise LabError(f"{missing}: {folder} has no {' and no '.join(lacking)}.", remedy)
    return folder


def _load_from_hub(name: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model of the hub: from the local copy if there is one, else downloaded, if the hub answers at all."""
    try:
        return _load(name, local_files_only=True)
    except LabError:
        _knock(name)
    return _load(name)


def _knock(name: str) -> None:
    """Ask the hub once. Its own client asks five times, for 25 seconds, before it says that there is no network."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

    try:
        get_session().head(constants.ENDPOINT, timeout=HUB_SECONDS)
    except OSError as error:  # those of requests and of the offline mode are all OSErrors
        raise LabError(
            f"{name!r} is none of {_names()} and no folder, there is no local copy of it, "
            f"and the model hub cannot be reached ({type(error).__name__}).",
            'Check the name and the network, or use load_policy("tiny"), which needs none.',
        ) from None


def _load(source: str | Path, **options: Any) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet_transformers():
        try:
            tokenizer = AutoTokenizer.from_pretrained(source, **options)
            model, report = AutoModelForCausalLM.from_pretrained(
                source, torch_dtype=torch.float32, output_loading_info=True, **options
            )
        except Exception as error:  # transformers raises OSError, ValueError, KeyError and others here
            said = (str(error).strip().splitlines() or [""])[0][:200]
            raise LabError(
                f"No language model could be loaded from {str(source)!r}. {type(error).__name__}: {said}",
                f"Use one of {_names()}, a folder that save_pretrained wrote, or the id of a causal language model.",
            ) from error
    if report["missing_keys"]:
        some = ", ".join(sorted(report["missing_keys"])[:3])
        remedy = "It is not a causal language model, or its weights are incomplete: use another."
        raise LabError(f"{str(source)!r} has no weights for {some}; they would be random.", remedy)
    return _ready(model, tokenizer)


def _ready(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Eval mode; left padding with EOS, said to tokenizer, config and generation config alike."""
    drop_notice(model)
    tokenizer.padding_side = "left"
    if tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token
        model.config.pad_token_id = tokenizer.pad_token_id
        model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model.eval(), tokenizer
