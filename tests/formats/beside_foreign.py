"""Run by another Python: ten small items written with text2qti and qti-package-maker, each as a package for Canvas.

Argument: a folder. A file `<tool>-<feature>.zip` there is what the tool made; `<tool>-<feature>.txt` why it made none.
"""

from __future__ import annotations

import base64
import contextlib
import io
import subprocess
import sys
from pathlib import Path

from qti_package_maker.package_interface import QTIPackageInterface

NO_NOTATION = "it has no notation for this"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
CHOICE = "1. Which sum is right?\n*a) 1 + 1 = 2\nb) 1 + 1 = 3\n"
OTHER = "2. And which here?\n*a) 2 + 2 = 4\nb) 2 + 2 = 5\n"
LISTING = "    ```python\n    for n in range(2):\n        print(n)\n    ```\n"
TEXT2QTI = {
    "pools": f"GROUP\npick: 1\npoints per question: 1\n\n{CHOICE}\n{OTHER}\nEND_GROUP\n",
    "partial credit": "1. Which are even?\n[*] two\n[ ] three\n[*] four\n",
    "feedback a choice": "1. Which sum is right?\n*a) 1 + 1 = 2\n... Right.\nb) 1 + 1 = 3\n... One too many.\n",
    "maths": "1. What is $x^2$ at $x = 3$?\n*a) $9$\nb) $6$\n",
    "code": f"1.  What does it print?\n\n{LISTING}\n*a) 0 and 1\nb) 1 and 2\n",
    "images": "1.  What is shown?\n\n    ![A dot](dot.png)\n\n*a) a dot\nb) a line\n",
    "numbers": "1. What is the logarithm of two, to two decimals?\n= 0.69 +- 0.005\n",
}
SUMS = ("<p>Which sum is right?</p>", ["1 + 1 = 2", "1 + 1 = 3"], "1 + 1 = 2")
CODE = "<pre>for n in range(2):\n    print(n)</pre>"
PACKAGE_MAKER = {
    "partial credit": ("MA", ("<p>Which are even?</p>", ["two", "three", "four"], ["two", "four"])),
    "maths": ("MC", ("<p>What is \\(x^2\\) at \\(x = 3\\)?</p>", ["\\(9\\)", "\\(6\\)"], "\\(9\\)")),
    "code": ("MC", (f"<p>What does it print?</p>{CODE}", ["0 and 1", "1 and 2"], "0 and 1")),
    "images": ("MC", ('<p>What is shown?</p><img src="dot.png" alt="A dot"/>', ["a dot", "a line"], "a dot")),
    "match": ("MATCH", ("<p>Match the powers.</p>", ["2 squared", "3 squared"], ["four", "nine"])),
    "order": ("ORDER", ("<p>Put them in order.</p>", ["one", "two", "three"])),
    "cloze": ("MULTI_FIB", ("<p>One and [a] make [b].</p>", {"a": ["one"], "b": ["two"]})),
    "numbers": ("NUM", ("<p>What is the logarithm of two?</p>", 0.69, 0.005)),
}
FEATURES = [*TEXT2QTI, "match", "order", "cloze"]


def text2qti(feature: str, goal: Path) -> str:
    """Why nothing was made; empty if it was."""
    if feature not in TEXT2QTI:
        return NO_NOTATION
    source = goal.with_suffix(".text")
    source.write_text(f"Quiz title: Beside\n\n{TEXT2QTI[feature]}")
    program = Path(sys.executable).with_name("text2qti")
    done = subprocess.run([str(program), source.name], capture_output=True, text=True, cwd=source.parent)
    return "" if done.returncode == 0 and goal.is_file() else done.stderr[-500:]


def package_maker(feature: str, goal: Path) -> str:
    """Why nothing was made; empty if it was."""
    if feature not in PACKAGE_MAKER:
        return NO_NOTATION
    with contextlib.redirect_stdout(io.StringIO()) as said:
        maker = QTIPackageInterface("beside", allow_mixed=True)
        maker.item_bank.media_base_dir = str(goal.parent)
        kind, content = PACKAGE_MAKER[feature]
        try:
            maker.add_item(kind, content)
            maker.save_package("canvas_qti_v1_2", str(goal))
        except Exception as error:  # noqa: BLE001 - whatever it is, the tool made nothing
            return f"{type(error).__name__}: {error}"
    return "" if goal.is_file() else said.getvalue()[-500:]


folder = Path(sys.argv[1]).resolve()
(folder / "dot.png").write_bytes(base64.b64decode(PIXEL))
for name, tool in (("text2qti", text2qti), ("qti-package-maker", package_maker)):
    for feature in FEATURES:
        goal = folder / f"{name}-{feature.replace(' ', '-')}.zip"
        why = tool(feature, goal)
        if why:
            goal.with_suffix(".txt").write_text(why)
