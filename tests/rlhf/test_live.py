"""The line that lives while something trains: seen in a real kernel, interrupted there, and gone on with."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from rlhf.line import BARS, WIDTH, Line, sparkline

LOOP = """
from rlhf.live import Line
line = Line("halving", 40)
for step in line:
    line.tell(loss=1 / (step + 1))
"""
INTERRUPTED = """
import os, signal
trained = []
line = Line("halving", 10)
for step in line:
    if step == 3:
        os.kill(os.getpid(), signal.SIGINT)  # as Jupyter's Interrupt
    trained.append(step)
    line.tell(loss=1 / (step + 1))
"""
GONE_ON = """
for step in Line("halving", 10, done=len(trained)):
    trained.append(step)
print(trained)
"""
TRAINER = """
import tempfile, torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments
from rlhf import live

class Stopping(torch.utils.data.Dataset):
    asked = 0
    def __len__(self):
        return 64
    def __getitem__(self, place):
        Stopping.asked += 1
        if Stopping.asked == 3:
            os.kill(os.getpid(), signal.SIGINT)
        ids = torch.arange(place, place + 4) % 11
        return {"input_ids": ids, "labels": ids}

torch.manual_seed(0)
model = GPT2LMHeadModel(GPT2Config(vocab_size=11, n_positions=8, n_embd=8, n_layer=1, n_head=1))
arguments = TrainingArguments(
    tempfile.mkdtemp(), max_steps=8, per_device_train_batch_size=1, logging_steps=1, report_to=[],
    disable_tqdm=True, save_strategy="no", use_cpu=True,
)
trainer = Trainer(model, arguments, train_dataset=Stopping())
first = len(live.train(trainer, "tiny", loss="loss"))
kept = [part.clone() for part in model.parameters()]
"""
AGAIN = """
began = all(torch.equal(a, b) for a, b in zip(kept, model.parameters()))
rows = live.train(trainer, "tiny", loss="loss")
done = live.train(trainer, "tiny", loss="loss")
print(first, len(rows), len(done), began, signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


class Counting(NotebookClient):
    """Counts the updates of displays, by cell."""

    updates: dict[int, int]

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> Any:
        if msg["msg_type"] == "update_display_data":
            self.updates[cell_index] = self.updates.get(cell_index, 0) + 1
        return super().process_message(msg, cell, cell_index)


@pytest.fixture(scope="module")
def executed() -> Counting:
    sources = (LOOP, INTERRUPTED, GONE_ON, TRAINER, AGAIN)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    client = Counting(notebook, timeout=None, kernel_name="python3")
    client.updates = {}
    client.execute()
    return client


def shown(executed: Counting, cell: int) -> str:
    return next(
        one["data"]["text/plain"] for one in executed.nb.cells[cell].outputs if one.output_type == "display_data"
    )


def printed(executed: Counting, cell: int) -> str:
    return "".join(one.get("text", "") for one in executed.nb.cells[cell].outputs if one.output_type == "stream")


def test_each_tenth_of_the_work_is_told_and_the_end_with_a_curve(executed: Counting) -> None:
    assert executed.updates[0] >= 10
    assert shown(executed, 0).startswith("halving: 40 of 40 steps in 0 s   loss 1 → 0.025   █")


def test_an_interrupt_ends_the_step_that_runs_and_the_cell_goes_on_from_there(executed: Counting) -> None:
    assert shown(executed, 1).startswith("halving: 4 of 10 steps in ")
    assert shown(executed, 1).endswith("stopped: what is trained is kept")
    assert printed(executed, 2) == f"{list(range(10))}\n"


def test_a_trainer_that_was_interrupted_keeps_its_weights_and_goes_on(executed: Counting) -> None:
    assert "2 of 8 steps" in shown(executed, 3)  # a batch is read ahead
    assert printed(executed, 4) == "2 8 8 True True\n"
    lines = [one["data"]["text/plain"] for one in executed.nb.cells[4].outputs if one.output_type == "display_data"]
    assert lines[0].startswith("tiny: 8 of 8 steps in ")
    assert lines[1] == "tiny: all 8 steps were trained before"


def test_a_curve_spans_its_values_and_never_grows_wide() -> None:
    assert sparkline([0.0, 1.0]) == BARS[0] + BARS[-1]
    assert len(sparkline([float(x) for x in range(1000)])) == WIDTH
    assert sparkline([1.0]) == sparkline([]) == ""
    assert set(sparkline([2.0, 2.0, 2.0])) == {BARS[0]}
    assert sparkline([float("nan"), 0.0, float("inf"), 1.0]) == BARS[0] + BARS[-1]


def test_a_script_shows_nothing_and_runs_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    line = Line("quiet", 3)
    for _ in line:
        line.tell(loss=1.0)
    assert line.done == 3
    assert capsys.readouterr().out == ""
