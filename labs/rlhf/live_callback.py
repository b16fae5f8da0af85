"""The line of `line.py` for trainers of transformers and TRL: a callback that tells it what they log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rlhf.line import Line


class LineCallback(TrainerCallback):  # type: ignore[misc]
    """Keeps what a trainer logs, over several calls of `train` where it was interrupted, and shows it on one line."""

    def __init__(self, what: str, steps: int, watched: Mapping[str, str]) -> None:
        self.what, self.steps, self.watched = what, steps, watched
        self.rows: list[dict[str, float]] = []
        self.done = 0
        self._line: Line | None = None

    def on_train_begin(
        self, _args: TrainingArguments, _state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        """The line appears."""
        self._line = Line(self.what, self.steps, self.done)
        self._line.begin()

    def on_log(
        self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, logs: dict[str, float], **_: Any
    ) -> None:
        """A step's numbers; those of an evaluation, and of the whole run, are not of a step."""
        if self._line is None or "loss" not in logs:
            return
        self.rows.append(dict(logs))
        self._line.done = self.done + state.global_step - 1
        self._line.tell(**{name: logs[key] for name, key in self.watched.items() if key in logs})

    def on_step_end(self, _args: TrainingArguments, _state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """An interrupt ends training after this step."""
        if self._line is not None and self._line.interrupted:
            control.should_training_stop = True

    def on_train_end(self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: Any) -> None:
        """The line says how it ended."""
        self.done += state.global_step
        self.close()

    def close(self) -> None:
        """Nothing is shown any more until training goes on."""
        if self._line is not None:
            self._line.done = self.done
            self._line.end()
            self._line = None
