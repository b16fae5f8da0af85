"""One line that lives while something trains: step, what is watched, seconds left; at its end a small curve.

```python
line = Line("PPO", steps=35)
for step in line:
    ...
    line.tell(reward=mean, KL=kl)
```

Jupyter's Interrupt ends the step that runs, and no more: what is trained is kept, and a line that begins at `done` goes
on from there. A second Interrupt stops at once, as ever. With `kept=Kept(…)` a line that has ended is not trained again
when the notebook is opened another time (`kept.py`).
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from rlhf.kept import Earlier, Kept

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 24  # columns of the curve
STOPPED = "stopped: what is trained is kept"  # of what is watched; of other work nothing is
AGAIN = "live.again() trains anew"
OFTEN = 0.2  # seconds between two updates, where a tenth of the work takes longer


class Line:
    """Progress of `steps` steps, of which `done` are done already; iterate over it for the numbers of the others.

    Where `kept` has the result of an earlier run, there are no others.
    """

    def __init__(self, what: str, steps: int, done: int = 0, kept: Kept | None = None) -> None:
        self.what, self.steps, self.done, self.kept = what, steps, done, kept
        self.interrupted = False
        self._earlier: Earlier | None = None
        self._first, self._values = done, defaultdict[str, list[float]](list)
        self._began = self._shown = time.monotonic()
        self._handle: Any = None
        self._before: Any = None

    def __iter__(self) -> Iterator[int]:
        self.begin()
        try:
            while self.done < self.steps and not self.interrupted:
                yield self.done
                self.done += 1
        finally:
            self.end()

    def begin(self) -> None:
        """Show the line, take what an earlier run has kept, and listen for an interrupt."""
        self._show(f"{self._head()} …")
        if self.kept is not None and self.done < self.steps and _ipython() is not None:
            self._earlier = self.kept.take(self.what, self.steps, self.done)
        if self._earlier is not None:
            self.done = self.steps
        self._began = time.monotonic()
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._interrupt)

    def tell(self, **watched: float) -> None:
        """What the running step gave: a number each for a few names; shown at least at every tenth of the work."""
        for name, value in watched.items():
            self._values[name].append(float(value))
        now, count = time.monotonic(), self.done + 1
        if now - self._shown >= OFTEN or count * 10 // self.steps > self.done * 10 // self.steps:
            self._shown = now
            left = (now - self._began) / (count - self._first) * (self.steps - count)
            numbers = [f"{name} {values[-1]:.3g}" for name, values in self._values.items()]
            self._show("   ".join([self._head(count), *numbers, f"{_seconds(left)} left"]))

    def end(self) -> None:
        """Show how it ended, with the curve of what is watched first, and listen no more."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
        seconds = time.monotonic() - self._began
        if self._earlier is not None:
            when = f"{self._earlier.ended:%d %b %Y, %H:%M}, {_seconds(self._earlier.seconds)}"
            told = [f"{self._head()}, taken from an earlier run of this cell ({when})"]
            self._show("   ".join(filter(None, [*told, *self._curves(self._earlier.values), AGAIN])))
        elif self.done == self._first == self.steps:
            self._show(f"{self.what}: all {self.steps} steps were trained before")
        else:
            note = ""
            if self.done < self.steps:
                note = STOPPED if self._values else STOPPED.partition(":")[0]
            elif self.kept is not None:
                note = self.kept.keep(self.what, dict(self._values), seconds)
            told = [f"{self._head()} in {_seconds(seconds)}", *self._curves(self._values), note]
            self._show("   ".join(filter(None, told)))

    def _curves(self, values: Mapping[str, list[float]]) -> list[str]:
        """Each number at its beginning and end, and the curve of the first."""
        numbers = [f"{name} {row[0]:.3g} → {row[-1]:.3g}" for name, row in values.items() if row]
        return [*numbers, sparkline(next(iter(values.values()), []))]

    def _head(self, count: int | None = None) -> str:
        return f"{self.what}: {self.done if count is None else count} of {self.steps} steps"

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True

    def _show(self, text: str) -> None:
        ipython = _ipython()
        if ipython is None:
            return  # a script has its own ways
        if self._handle is None:
            self._handle = ipython.display.display({"text/plain": text}, raw=True, display_id=True)
        else:
            self._handle.update({"text/plain": text}, raw=True)


def _ipython() -> Any:
    """IPython, if this is one of its sessions."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None or ipython.get_ipython() is None else ipython


def sparkline(values: list[float]) -> str:
    """A curve in one line of text, from its lowest to its highest value; empty for fewer than two values."""
    values = [value for value in values if value == value and abs(value) != float("inf")]
    if len(values) < 2:
        return ""
    groups = [values[i * len(values) // WIDTH : (i + 1) * len(values) // WIDTH] for i in range(WIDTH)]
    means = [sum(group) / len(group) for group in groups if group] if len(values) > WIDTH else values
    low, span = min(means), (max(means) - min(means)) or 1.0
    return "".join(BARS[min(int((mean - low) / span * len(BARS)), len(BARS) - 1)] for mean in means)


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
