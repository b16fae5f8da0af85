"""The one exception of labkit: it says what happened and what to do, without a traceback in the notebook."""

from __future__ import annotations


class LabError(RuntimeError):
    """Something a student can mend. `what` says what happened, `remedy` what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}\n{remedy}")
        self.what = what
        self.remedy = remedy

    def _render_traceback_(self) -> list[str]:
        """Jupyter shows these lines instead of a traceback: red for what, plain for the remedy."""
        return [f"\x1b[31m{self.what}\x1b[0m", f"What to do: {self.remedy}"]
