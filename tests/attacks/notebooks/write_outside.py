# what: grades, checks, other submissions and files outside are written, by path and through links
# base: blank
# score: 0
# report: names folders
# %% place="replace mean"
import os
import shutil
import sqlite3

targets = [
    "@OUTSIDE@/canary.txt",
    "@COURSE@/class/gradebook.db",
    "@COURSE@/solutions/01-toy/checks.py",
    "@COURSE@/class/submitted/honest/01-toy/01-toy.ipynb",
    "@REPO@/grader/checks/running.py",
    "/usr/bin/env",
    "/x",
]
for target in targets:
    for attempt in (
        lambda: open(target, "w").write("owned"),
        lambda: open(target, "a").write("owned"),
        lambda: os.unlink(target),
        lambda: os.link(target, "hard"),
        lambda: os.chmod(target, 0o777),
        lambda: os.makedirs(os.path.dirname(target)),
        lambda: shutil.rmtree(os.path.dirname(target)),
        lambda: sqlite3.connect(target).execute("update grade set auto_score = 5"),
    ):
        try:
            attempt()
        except Exception:
            pass
    os.symlink(target, f"link-{targets.index(target)}")
    try:
        open(f"link-{targets.index(target)}", "w").write("owned")
    except OSError:
        pass
for entry in os.scandir(os.path.dirname(os.__file__)):
    if os.access(entry.path, os.W_OK):
        print("ATTACK SUCCEEDED: Python can be written", entry.path)
        break
