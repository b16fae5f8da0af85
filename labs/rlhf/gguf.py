"""From a GGUF file to a folder that `from_pretrained` loads; used once, when the model `smol` is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labkit.errors import LabError
from rlhf.quiet import quiet_transformers

if TYPE_CHECKING:
    from transformers import GPT2TokenizerFast

NAME = "SmolLM2-135M-Instruct"
PROBE = "The capital of France is Paris, and the capital of Italy is Rome."
MAX_PROBE_LOSS = 4.0  # nats a token; SmolLM2-135M has about 2, a model with a random lm_head more than 10


def convert_gguf(gguf: Path, folder: Path) -> None:
    """Save model (bfloat16 safetensors) and tokenizer of `gguf` in `folder`, after one try on an English sentence.

    transformers 4.45 leaves `lm_head` random when it reads a GGUF file in which it is tied to the embeddings; so it
    is tied here.

    Raises:
        LabError: the converted model does not predict English, or its tokenizer does not give text back.
    """
    import torch
    from transformers import AutoModelForCausalLM

    with quiet_transformers():
        tokenizer = _tokenizer(gguf)
        model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, torch_dtype=torch.float32)
        model.config.tie_word_embeddings = True
        model.tie_weights()
        model.config.name_or_path = NAME
        ids = tokenizer(PROBE, return_tensors="pt").input_ids
        with torch.no_grad():
            loss = float(model(ids, labels=ids).loss)
        if not loss < MAX_PROBE_LOSS or tokenizer.decode(ids[0]) != PROBE:
            what = f"The converted model has a loss of {loss:.1f} nats a token on plain English: it cannot be right."
            raise LabError(what, "Check that transformers and gguf have the versions of the course, then run it again.")
        model.to(torch.bfloat16).save_pretrained(folder, safe_serialization=True)
        tokenizer.save_pretrained(folder)


def _tokenizer(gguf: Path) -> GPT2TokenizerFast:
    """The byte-level BPE of SmolLM2: single digits, no BOS in front, `<|im_end|>` ends a text.

    What transformers 4.45 makes of the file has the right vocabulary and merges, but adds a BOS, takes
    `<|im_start|>` for EOS and decodes like Llama's tokenizer.
    """
    import json

    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from transformers import AutoTokenizer, GPT2TokenizerFast

    read = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    state = json.loads(read.backend_tokenizer.to_str())
    state["model"]["byte_fallback"] = False
    state["normalizer"] = state["post_processor"] = None
    backend = Tokenizer.from_str(json.dumps(state))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    return GPT2TokenizerFast(
        tokenizer_object=backend,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        unk_token="<|endoftext|>",
        pad_token="<|im_end|>",
        chat_template=read.chat_template,
        clean_up_tokenization_spaces=False,
        model_max_length=8192,
    )
