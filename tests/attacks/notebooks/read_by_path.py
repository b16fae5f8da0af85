# what: checks, solutions, quizzes, keys, gradebook, other submissions, .git and build are read by their real paths
# base: solution
# score: 5
# report: names folders
# %% place="after total"
import os
import re
import time

end = time.monotonic() + 1.0  # the outputs of a cell that is stopped are lost
wanted = "solutions quizzes class class/secret class/gradebook.db class/submitted class/cache .git build grader".split()
found, seen = set(), 0
for place in [
    "@COURSE@",
    "@REPO@",
    "@OUTSIDE@",
    "/proc/1/root@COURSE@",
    "/proc/1/cwd",
    "/tmp",
    "/home",
    "/etc",
    "/root",
]:
    for name in ["", *wanted]:
        for folder, folders, files in os.walk(os.path.join(place, name)):
            if time.monotonic() > end:
                break
            folders[:] = [name for name in folders if name not in ("lib", ".venv", "site-packages")]
            for file in files[:50]:
                try:
                    with open(os.path.join(folder, file), "rb") as opened:
                        found.update(re.findall(rb"CANARY-[a-z]+-[0-9a-f]{32}", opened.read(100_000)))
                        seen += 1
                except OSError:
                    pass
print(seen, found)
if found or os.path.exists("@COURSE@") or os.path.exists("@REPO@/solutions"):
    print("ATTACK SUCCEEDED: the course is there", found)
