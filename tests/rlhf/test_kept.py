"""What cells train is kept: in a real kernel that is restarted, forgotten on demand, and never more than data."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.manager import KernelManager
from safetensors.torch import load_file, save_file

from labkit.cache import KEEP, VARIABLE
from rlhf import kept
from rlhf.kept import HEAD, Kept

IMPORTS = """
import os, tempfile, torch
from rlhf import live
"""
LOOP = """
def slope(x):
    return 2 * x

def train(steps, rate):
    model, log = torch.nn.Linear(3, 1), []
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    line = live.Line("descent", steps, kept=live.Kept([train, rate, torch.get_rng_state()], [model, optimizer, log]))
    for _ in line:
        optimizer.zero_grad()
        loss = (model(torch.rand(8, 3)) - slope(1.0)).square().mean()
        loss.backward()
        optimizer.step()
        log.append({"loss": loss.item(), "weight": model.weight.detach().clone()})
        line.tell(loss=loss.detach())
    moments = [part for one in optimizer.state_dict()["state"].values() for part in one.values()]
    return [*model.parameters(), *moments], log
"""
RUN = """
torch.manual_seed(4)
weights, log = train(30, 0.1)
print(sum(part.double().sum().item() for part in weights), log[-1]["loss"], log[3]["weight"].tolist(), torch.rand(1))
"""
TRAINER = """
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments
rows = [{"input_ids": torch.arange(k, k + 4) % 11, "labels": torch.arange(k, k + 4) % 11} for k in range(64)]

class Halved(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **_):
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True)
        return (loss / FACTOR, outputs) if return_outputs else loss / FACTOR

def begin():
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=11, n_positions=8, n_embd=8, n_layer=1, n_head=1))
    arguments = TrainingArguments(
        tempfile.mkdtemp(), max_steps=6, per_device_train_batch_size=4, per_device_eval_batch_size=16, logging_steps=1,
        report_to=[], disable_tqdm=True, save_strategy="no", use_cpu=True,
    )
    return Halved(model, arguments, train_dataset=rows, eval_dataset=rows)

FACTOR = 2
trainer = begin()
"""
TRAIN = """
told = live.train(trainer, "halves", loss="loss")
print([row["loss"] for row in told], live.evaluate(trainer, "all")["eval_loss"], torch.rand(1))
"""


@dataclass
class Kernel:
    """A kernel as a notebook has it, whose home keeps what was trained in `folder`."""

    manager: KernelManager
    client: Any
    folder: Path

    def run(self, source: str) -> tuple[str, str]:
        """What a cell printed, and the last text of its display."""
        printed, shown = [], [""]

        def listen(message: dict[str, Any]) -> None:
            content = message["content"]
            assert message["msg_type"] != "error", content
            if message["msg_type"] == "stream":
                printed.append(content["text"])
            elif message["msg_type"] in ("display_data", "update_display_data"):
                shown.append(content["data"]["text/plain"])

        self.client.execute_interactive(source, timeout=None, output_hook=listen)
        return "".join(printed), shown[-1]

    def restart(self) -> None:
        self.manager.restart_kernel(now=True)
        self.client.wait_for_ready()
        self.run(IMPORTS)

    def files(self) -> set[Path]:
        return set((self.folder / "kept").glob("*"))


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("cache")
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, KEEP: "on", VARIABLE: str(folder)})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready()
        one = Kernel(manager, client, folder)
        one.run(IMPORTS)
        yield one
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_restarted_kernel_takes_the_result_and_all_goes_on_as_after_training(kernel: Kernel) -> None:
    kernel.run(LOOP)
    trained, line = kernel.run(RUN)
    assert line.startswith("descent: 30 of 30 steps in ")
    kernel.restart()
    kernel.run(LOOP.replace("return 2 * x", "return 2 * x  # twice"))  # a comment changes nothing
    taken, again = kernel.run(RUN)
    assert taken == trained, "weights, moments, log, and the random numbers to come"
    assert again.startswith("descent: 30 of 30 steps, taken from an earlier run of this cell (")
    assert again.endswith("live.again() trains anew")
    assert line.split("   ")[1:] == again.split("   ")[1:-1], "the same numbers and the same curve"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return 2 * x", "return 2.5 * x"),  # what the loop calls
        ("train(30, 0.1)", "train(30, 0.2)"),  # a setting
        ("train(30, 0.1)", "train(31, 0.1)"),
        ("manual_seed(4)", "manual_seed(5)"),  # the model at the beginning, and the order of the data
        ("optimizer.zero_grad()", "optimizer.zero_grad(); loss = None"),  # the loop itself
    ],
)
def test_what_the_result_rests_on_has_changed_so_it_is_trained(kernel: Kernel, old: str, new: str) -> None:
    kernel.run(LOOP.replace(old, new))
    assert ", taken from" not in kernel.run(RUN.replace(old, new))[1]
    kernel.run(LOOP)
    assert ", taken from" in kernel.run(RUN)[1]


def test_again_forgets_what_this_kernel_took_and_says_what_to_run(kernel: Kernel) -> None:
    kernel.run(LOOP)
    trained, _ = kernel.run(RUN)
    others = kernel.files()
    printed, _ = kernel.run("live.again()")
    assert printed.startswith("Forgotten: descent.\n")
    assert len(kernel.files()) < len(others)
    anew, line = kernel.run(RUN)
    assert line.startswith("descent: 30 of 30 steps in ")
    assert anew == trained
    kernel.restart()
    assert kernel.run("live.again()")[0].startswith("No cell of this kernel has kept")


def test_a_trainer_takes_its_result_too_and_a_changed_global_of_its_loss_trains(kernel: Kernel) -> None:
    kernel.run(TRAINER)
    trained, _ = kernel.run(TRAIN)
    kernel.restart()
    kernel.run(TRAINER)
    taken, line = kernel.run(TRAIN.replace('"all")', '"halves")'))
    assert taken == trained
    assert line.startswith("halves: 4 of 4 steps in "), "the evaluation, which is told batch by batch"
    kernel.run("FACTOR = 3; trainer = begin()")
    assert ", taken from" not in kernel.run('_ = live.train(trainer, "halves", loss="loss")')[1]
    kernel.run("FACTOR = 2; trainer = begin()")
    assert ", taken from" in kernel.run('_ = live.train(trainer, "halves", loss="loss")')[1]


class Opened:
    """What a pickle may do."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.marker),)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(Opened(path.parent.parent / "opened")))


def torch_saved(path: Path) -> None:
    torch.save({"weights": Opened(path.parent.parent / "opened")}, path)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "there").touch()


def without_a_head(path: Path) -> None:
    save_file(load_file(path), path)


def other_shapes(path: Path) -> None:
    rewritten(path, tensors=lambda found: {name: one.reshape(-1)[:1].clone() for name, one in found.items()})


def heads(*changes: tuple[str, str]) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        for old, new in changes:
            rewritten(path, head=lambda text, old=old, new=new: text.replace(old, new))

    return change


def rewritten(
    path: Path,
    head: Callable[[str], str] = lambda text: text,
    tensors: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]] = lambda found: found,
) -> None:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as opened:
        text = opened.metadata()[HEAD]
    assert head(text) != text or tensors is not None
    save_file(tensors(load_file(path)), path, {HEAD: head(text)})


BREAKS = {
    "cut off": truncated,
    "empty": lambda path: path.write_bytes(b""),
    "a pickle": pickled,
    "torch's own file": torch_saved,
    "a folder": a_folder,
    "no head": without_a_head,
    "other shapes": other_shapes,
    "no JSON": heads(("{", "[")),
    "deep JSON": lambda path: rewritten(path, head=lambda _: "[" * 100_000),
    "no seconds": heads(('"seconds": ', '"seconds": NaN, "x": ')),
    "no date": heads(('"ended": "', '"ended": "the 40th of ')),
    "a tensor that is not there": heads(('{"tensor": "1"}', '{"tensor": "99"}')),
    "a list for a model": heads(('{"dict": ', '{"list": ')),
    "an unknown kind": heads(('{"dict": ', '{"object": ')),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process keeps what it trains in a folder of the test."""
    monkeypatch.setenv(KEEP, "on")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr(kept, "of_this_kernel", {})
    return tmp_path / "kept"


def result(seed: int = 0) -> tuple[torch.nn.Module, torch.Generator, list[Any], Kept]:
    torch.manual_seed(seed)
    model, log = torch.nn.Linear(3, 1), [1.0]
    generator = torch.Generator().manual_seed(seed)
    return model, generator, log, Kept(["settings"], [model, generator, log])


def keep_one(size: int = 1) -> torch.Tensor:
    """A result is written down; the weight that it has."""
    model, generator, log, one = result()
    assert one.take("loss", 3, 0) is None
    torch.nn.init.ones_(model.weight)
    torch.rand(3, generator=generator)
    log.extend([{"loss": 0.5, "kept": torch.ones(size)}, None, ("a", True)])
    assert one.keep("loss", {"loss": [1.0, float("nan")]}, 2.5) == ""
    return model.weight.detach().clone()


def test_what_was_kept_comes_back_whole(here: Path) -> None:
    weight = keep_one()
    model, generator, log, one = result()
    earlier = one.take("loss", 3, 0)
    assert earlier is not None
    assert (earlier.seconds, earlier.values["loss"][0]) == (2.5, 1.0)
    assert torch.equal(model.weight, weight)
    assert generator.initial_seed() == 0
    assert torch.equal(torch.rand(3, generator=generator), torch.rand(6, generator=torch.manual_seed(0))[3:])
    assert [log[0], log[2], log[3]] == [1.0, None, ("a", True)]
    assert torch.equal(log[1]["kept"], torch.ones(1))


@pytest.mark.parametrize("case", BREAKS)
def test_a_broken_file_is_trained_over_and_nothing_of_it_is_taken_or_run(here: Path, case: str) -> None:
    keep_one()
    (path,) = here.iterdir()
    BREAKS[case](path)
    model, generator, log, one = result()
    before = model.weight.detach().clone()
    state = torch.get_rng_state()
    assert one.take("loss", 3, 0) is None
    assert torch.equal(model.weight, before)
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(0).get_state())
    assert torch.equal(torch.get_rng_state(), state)
    assert log == [1.0]
    assert not (here.parent / "opened").exists()
    said = one.keep("loss", {}, 1.0)
    assert said == ("not kept: Is a directory" if case == "a folder" else "")


def test_off_neither_keeps_nor_takes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_one()
    monkeypatch.setenv(KEEP, "off")
    *_, one = result()
    assert one.take("loss", 3, 0) is None
    assert one.keep("loss", {}, 1.0) == ""
    assert len(list(here.iterdir())) == 1


def test_the_oldest_go_where_there_is_no_room(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_one(size=1000)
    (first,) = here.iterdir()
    os.utime(first, (1, 1))
    monkeypatch.setattr(kept, "LIMIT", first.stat().st_size + 100)
    model, generator, log, _ = result()
    other = Kept(["other settings"], [model, generator, log])
    assert other.take("loss", 3, 0) is None
    assert other.keep("loss", {}, 1.0) == ""
    (left,) = here.iterdir()
    assert left != first
    monkeypatch.setattr(kept, "LIMIT", 100)
    assert other.keep("loss", {}, 1.0) == "too large to be kept"
    assert list(here.iterdir()) == [left]


def test_what_rests_on_the_unknown_is_trained_each_time(here: Path) -> None:
    one = Kept([object()], [[1.0]])
    assert one.take("loss", 3, 0) is None
    assert one.keep("loss", {}, 1.0) == ""
    assert not here.exists()


def test_a_folder_that_cannot_be_written_is_told(here: Path) -> None:
    here.write_text("a file")
    *_, one = result()
    assert one.take("loss", 3, 0) is None
    assert one.keep("loss", {}, 1.0).startswith("not kept: ")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
)


@given(VALUES)
def test_values_come_back_as_they_were(value: Any) -> None:
    import json

    from rlhf.state import pack, unpack

    assert unpack(json.loads(json.dumps(pack(value, {}))), {}) == value
