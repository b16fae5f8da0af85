"""The line of `line.py` for trainers of transformers and TRL: a callback that tells it what they log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rlhf.line import Line


class LineCallback(TrainerCallback):  # type: ignore[misc]
    """Keeps what a trainer logs, over several calls of `train` where it was interrupted, and shows it on one line."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.steps = self.done = 0  # of all calls; no steps are known before the first
        self._line: Line | None = None
        self._watched: Mapping[str, str] | None = None

    def open(self, line: Line, watched: Mapping[str, str] | None) -> Line:
        """The line appears: of training, or, where nothing is watched (None), of an evaluation."""
        self._line, self._watched = line, watched
        line.begin()
        return line

    def on_log(
        self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, logs: dict[str, float], **_: Any
    ) -> None:
        """A step's numbers; those of an evaluation, and of the whole run, are not of a step."""
        if self._line is None or self._watched is None or "loss" not in logs:
            return
        self.rows.append(dict(logs))
        self._line.done = self.done + state.global_step - 1
        self._line.tell(**{name: logs[key] for name, key in self._watched.items() if key in logs})

    def on_step_end(self, _args: TrainingArguments, _state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """An interrupt ends training after this step."""
        if self._line is not None and self._line.interrupted:
            control.should_training_stop = True

    def on_train_end(self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: Any) -> None:
        """So many steps are trained."""
        self.done += state.global_step
        if self._line is not None:
            self._line.done = self.done

    def on_prediction_step(
        self, _args: TrainingArguments, _state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        """A batch of an evaluation; one in the midst of training has no line."""
        if self._line is None or self._watched is not None:
            return
        self._line.tell()
        self._line.done += 1
        if self._line.interrupted:
            raise KeyboardInterrupt

    def close(self) -> None:
        """Nothing is shown any more until it goes on."""
        if self._line is not None:
            self._line.end()
            self._line = None
