"""No silence while something trains: `live.Line` for loops, `live.train` for trainers of transformers and TRL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlhf.line import Line as Line

if TYPE_CHECKING:
    from transformers import Trainer


def train(trainer: Trainer, what: str, **watched: str) -> list[dict[str, float]]:
    """`trainer.train()` with a line that lives, and silence otherwise. Called again, it goes on where it was stopped.

    Then the weights and the optimiser are those that it stopped with; the learning rate's schedule and the order of the
    data begin anew.

    Args:
        trainer: one of transformers' or TRL's, with `max_steps` set; optimiser and weights stay in it.
        what: what is trained, in a word or two.
        watched: name on the line -> key of the trainer's log, such as `loss="loss"`.

    Returns:
        The rows that the trainer logged while training, of all calls.
    """
    from transformers import PrinterCallback

    from rlhf.live_callback import LineCallback
    from rlhf.quiet import quiet_transformers

    callback = next((one for one in trainer.callback_handler.callbacks if isinstance(one, LineCallback)), None)
    if callback is None:
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(callback := LineCallback(what, trainer.args.max_steps, watched))
    trainer.args.max_steps = callback.steps - callback.done
    if trainer.args.max_steps <= 0:
        line = Line(what, callback.steps, callback.done)
        line.begin()
        line.end()
        return callback.rows
    try:
        with quiet_transformers():
            trainer.train()
    finally:
        callback.close()  # also where training raised
    return callback.rows
