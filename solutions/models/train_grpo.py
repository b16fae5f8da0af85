"""Lab 07's runs for several seeds, by the lab's own cells: the curves that it ships, and their card.

.venv/today/bin/python solutions/models/train_grpo.py --out labs/rlhf/runs [--runs grpo rloo] [--seeds 0 1 2]

A run takes about a minute on an idle core; what `--out` holds already is not run again, so it stops and resumes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, TrainerCallback

from grader.build.notebooks import read_source, solution_namespace
from grader.course.paths import find_course
from rlhf import verifiable
from rlhf.quiet import quiet_transformers

LAB = "07-grpo"
FILE, CARD = "grpo.json", "README.md"
EVERY = {"stops": 3}  # steps between two looks at a policy; elsewhere OFTEN
OFTEN = 15
# name -> (trainer, reward, changes to the lab's settings), by the names that the lab's cells give them
RUNS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "grpo": ("GRPOTrainer", "one_sentence", {}),
    "no std": ("GRPOTrainer", "one_sentence", {"scale_rewards": "none"}),
    "beta 0.04": ("GRPOTrainer", "one_sentence", {"beta": 0.04}),
    "rloo": ("RLOOTrainer", "one_sentence", {}),
    "stops": ("GRPOTrainer", "stops", {"learning_rate": 2e-4, "max_steps": 24}),
}


class Watch(TrainerCallback):  # type: ignore[misc]
    """Looks at the policy before the first step and every few steps: KL, length, distinct tokens, some texts."""

    def __init__(self, names: dict[str, Any], every: int) -> None:
        self.names, self.every = names, every
        self.seen: list[dict[str, Any]] = []

    def look(self, model: Any, step: int) -> None:
        """Measure the policy on prompts that it is not trained on."""
        names = self.names
        found = verifiable.measured(model, names["reference"], names["tokenizer"], names["held_out"])
        rounded = {name: round(found[name], 4) for name in ("KL", "length", "distinct")}
        self.seen.append({"step": step} | rounded | {"texts": found["texts"][:6]})

    def on_train_begin(self, _args: Any, _state: Any, _control: Any, model: Any = None, **_: Any) -> None:
        """Before the first step."""
        self.look(model, 0)

    def on_step_end(self, _args: Any, state: Any, _control: Any, model: Any = None, **_: Any) -> None:
        """After each `every` steps, and after the last one."""
        if state.global_step % self.every == 0 or state.global_step == state.max_steps:
            self.look(model, state.global_step)


def loop_names() -> dict[str, Any]:
    """What the solution's graded cells and the lab's cells tagged `loop` define."""
    course = find_course()
    namespace: dict[str, Any] = solution_namespace(LAB, course)
    for cell in read_source(course.solutions / LAB / "lab.py").cells:
        if "loop" in cell.metadata.get("tags", []):
            exec(compile(cell.source, f"<{cell['id']}>", "exec"), namespace)
    return namespace


def run(names: dict[str, Any], name: str, seed: int) -> dict[str, Any]:
    """One run: a number for each step, looks at the policy, seconds of the processor."""
    trainer_name, reward, changes = RUNS[name]
    watch = Watch(names, EVERY.get(name, OFTEN))
    started = time.process_time()
    with quiet_transformers():
        trainer = names["build"](names[trainer_name], names[reward], seed=seed, **changes)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(watch)
        trainer.train()
    log = verifiable.history(trainer.state.log_history)
    numbers = {what: [round(value, 4) for value in values] for what, values in log.items()}
    return numbers | {"looks": watch.seen, "cpu seconds": round(time.process_time() - started)}


def ends(rewards: Sequence[float]) -> tuple[float, float]:
    """The mean reward of the first and of the last five steps."""
    return statistics.fmean(rewards[:5]), statistics.fmean(rewards[-5:])


def card(runs: dict[str, dict[str, Any]]) -> str:
    """What the runs came to, in a table."""
    lines = [
        "# The runs of lab 07",
        "",
        "Made by `solutions/models/train_grpo.py` with the cells of lab 07: the tiny policy, 512 openings of reviews,",
        "64 responses a step in groups of 8, at most 16 tokens, TRL 1.16.0, transformers 5.24.0, one thread. Rewards",
        "are means of the first and the last five steps (320 responses each); KL to the tiny policy in nats, distinct",
        "tokens and length are of 64 held-out openings at the end.",
        "",
        "| run | settings | seed | reward | KL | distinct | length | CPU seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, seeds in runs.items():
        trainer, reward, changes = RUNS[name]
        said = ", ".join([trainer, reward, *(f"{key}={value}" for key, value in changes.items())])
        for seed, found in seeds.items():
            first, last = ends(found["reward"])
            end = found["looks"][-1]
            numbers = f"{end['KL']:.1f} | {end['distinct']:.2f} | {end['length']:.1f} | {found['cpu seconds']}"
            lines.append(f"| {name} | {said} | {seed} | {first:.3f} → {last:.3f} | {numbers} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is not there yet; after each run everything is written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", nargs="*", default=list(RUNS), choices=list(RUNS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    names = loop_names()
    path = args.out / FILE
    found: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
    for seed in args.seeds:
        for name in args.runs:
            if str(seed) in found.get(name, {}):
                continue
            found.setdefault(name, {})[str(seed)] = run(names, name, seed)
            found = {one: dict(sorted(found[one].items())) for one in RUNS if one in found}
            part = path.with_name(path.name + ".part")
            part.write_text(json.dumps(found, indent=None, separators=(",", ":"), ensure_ascii=False) + "\n")
            part.replace(path)
            (args.out / CARD).write_text(card(found))
            print(name, seed, ends(found[name][str(seed)]["reward"]), flush=True)


if __name__ == "__main__":
    main()
