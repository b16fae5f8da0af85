"""What notebooks find in an ipykernel and a kernel without sockets has not: names that say so, and do no harm."""

from __future__ import annotations

import builtins
import getpass
import sys
from typing import Any

from IPython.core.error import StdinNotImplementedError
from IPython.core.magic import Magics, line_magic, magics_class

KERNEL_ARGUMENTS = ("ipykernel_launcher.py", "-f", "/tmp/kernel.json", "--HistoryManager.hist_file=:memory:")
"""The command line of a kernel: `argparse` stumbles over it here as it does elsewhere."""
NO_ANSWER = "{} was called, but this frontend does not support input requests."


class StandInKernel:
    """`get_ipython().kernel`: its shell and its names; there are no messages to send."""

    language = implementation = "ipython"

    def __init__(self, shell: Any) -> None:
        self.shell = shell

    @property
    def user_ns(self) -> dict[str, Any]:
        """The notebook's namespace."""
        return self.shell.user_ns  # type: ignore[no-any-return]

    @property
    def user_module(self) -> Any:
        """The module whose namespace it is."""
        return self.shell.user_module

    @property
    def comm_manager(self) -> Any:
        """Widgets and others open channels to the browser with it; nobody is there."""
        from comm import get_comm_manager

        return get_comm_manager()

    @property
    def language_info(self) -> dict[str, Any]:
        """What notebooks say in their metadata."""
        version = ".".join(map(str, sys.version_info[:3]))
        return {"name": "python", "version": version, "mimetype": "text/x-python", "file_extension": ".py"}

    def get_parent(self, _channel: str = "shell") -> dict[str, Any]:
        """The message that asked for the cell: there are none."""
        return {}

    def do_shutdown(self, restart: bool) -> dict[str, Any]:
        """It ends when its notebook has run."""
        return {"status": "ok", "restart": restart}


StandInKernel.__name__ = StandInKernel.__qualname__ = "IPythonKernel"


@magics_class
class StandInMagics(Magics):  # type: ignore[misc]
    """The magics that an ipykernel adds to IPython's: all are for somebody who sits there."""

    @line_magic  # type: ignore[untyped-decorator]
    def clear(self, _line: str) -> None:
        """Clear the screen."""
        print("\033[H\033[2J", end="")

    cls = line_magic("cls")(clear)

    @line_magic  # type: ignore[untyped-decorator]
    def less(self, line: str) -> None:
        """Show a file in the pager: nobody sees it."""
        with open(line.strip()):
            return

    more = line_magic("more")(less)

    @line_magic  # type: ignore[untyped-decorator]
    def man(self, _line: str) -> None:
        """Show a page of the manual in the pager: nobody sees it."""

    @line_magic  # type: ignore[untyped-decorator]
    def edit(self, _line: str) -> None:
        """Open an editor: there is none."""

    @line_magic  # type: ignore[untyped-decorator]
    def connect_info(self, _line: str) -> None:
        """How others reach the kernel: not at all."""


def nobody_answers() -> None:
    """Let `input` and `getpass` fail, and `breakpoint` pass, as they do in a kernel that nobody sits at."""

    def no_input(*_: object, **__: object) -> str:
        raise StdinNotImplementedError(NO_ANSWER.format("raw_input"))

    def no_getpass(*_: object, **__: object) -> str:
        raise StdinNotImplementedError(NO_ANSWER.format("getpass"))

    builtins.input = no_input
    getpass.getpass = no_getpass
    sys.breakpointhook = lambda *_, **__: None
