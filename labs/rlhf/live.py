"""No silence while something works: `live.Line` for loops that train, `live.train` and `live.evaluate` for trainers of
transformers and TRL, `live.over` and `live.told` for what else takes its time. What was trained is kept: `live.again`
forgets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from rlhf.kept import Kept as Kept
from rlhf.kept import forget, of_this_kernel
from rlhf.line import Line as Line

if TYPE_CHECKING:
    from transformers import Trainer

    from rlhf.live_callback import LineCallback

Item = TypeVar("Item")


def train(trainer: Trainer, what: str, **watched: str) -> list[dict[str, float]]:
    """`trainer.train()` with a line that lives, and silence otherwise. Called again, it goes on where it was stopped.

    Then the weights and the optimiser are those that it stopped with; the learning rate's schedule and the order of the
    data begin anew. A result that an earlier run of the same training has kept is taken instead.

    Args:
        trainer: one of transformers' or TRL's, with `max_steps` set; optimiser and weights stay in it.
        what: what is trained, in a word or two.
        watched: name on the line -> key of the trainer's log, such as `loss="loss"`.

    Returns:
        The rows that the trainer logged while training, of all calls.
    """
    import torch

    from rlhf.quiet import quiet_transformers

    callback = _callback(trainer)
    callback.steps = callback.steps or trainer.args.max_steps
    trainer.args.max_steps = callback.steps - callback.done
    rests_on = [trainer, list(watched), torch.get_rng_state()]  # the order of the data is drawn
    kept = Kept(rests_on, [trainer.model, callback.rows])
    line = callback.open(Line(what, callback.steps, callback.done, kept), watched)
    try:
        if line.done < line.steps:
            with quiet_transformers():
                trainer.train()
        else:
            trainer.model.train()  # as it would be
            callback.done = line.steps
    finally:
        callback.close()  # also where training raised
    return callback.rows


def evaluate(trainer: Trainer, what: str) -> dict[str, float]:
    """`trainer.evaluate()` with a line that lives, a step for each batch, and silence otherwise."""
    from rlhf.quiet import quiet_transformers

    callback = _callback(trainer)
    callback.open(Line(what, len(trainer.get_eval_dataloader())), None)
    try:
        with quiet_transformers():
            found: dict[str, float] = trainer.evaluate()
    finally:
        callback.close()
    return found


def over(what: str, items: Sequence[Item]) -> Iterator[Item]:
    """The items, one after the other, with a line that lives. An interrupt ends it after the item that runs.

    Raises:
        KeyboardInterrupt: it was interrupted; half of the items would say something else than all.
    """
    line = Line(what, len(items))
    for place in line:
        yield items[place]
        line.tell()
    if line.interrupted:
        raise KeyboardInterrupt


@contextmanager
def told(what: str, steps: int) -> Iterator[Callable[..., bool]]:
    """Within the block a line that lives: a step for each call of what it gives, which is False.

    `generate` of transformers takes it: `model.generate(…, stopping_criteria=[tell])` calls it for each token.

    Raises:
        KeyboardInterrupt: it was interrupted; the step that ran has ended.
    """
    line = Line(what, steps)

    def tell(*_: object, **__: object) -> bool:
        if line.done < line.steps:
            line.tell()
            line.done += 1
        if line.interrupted:
            raise KeyboardInterrupt
        return False

    line.begin()
    try:
        yield tell
        line.steps = line.done or steps  # it was less work than expected
    finally:
        line.end()


def again() -> None:
    """Forget the results that cells of this kernel have kept, or taken from earlier runs: they train anew when run."""
    if not of_this_kernel:
        print("No cell of this kernel has kept a result, or taken one from an earlier run.")
        return
    forget(of_this_kernel)
    print(f"Forgotten: {'; '.join(dict.fromkeys(of_this_kernel.values()))}.")
    print("Run the cell that makes the model again, then the cell that trains it.")
    of_this_kernel.clear()


def _callback(trainer: Trainer) -> LineCallback:
    """The trainer's callback for its lines; the one that prints is gone."""
    from transformers import PrinterCallback

    from rlhf.live_callback import LineCallback

    found = next((one for one in trainer.callback_handler.callbacks if isinstance(one, LineCallback)), None)
    if found is None:
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(found := LineCallback())
    return found
