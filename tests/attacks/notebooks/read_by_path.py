# what: checks, solutions, quizzes, keys, gradebook, other submissions, .git and build are read by their real paths
# base: solution
# score: 5
# report: names folders
# %% place="after total"
import os

wanted = "solutions quizzes class class/secret class/gradebook.db class/submitted class/cache .git build grader".split()
found = []
for place in [
    "@COURSE@",
    "@REPO@",
    "@OUTSIDE@",
    "/root",
    "/home",
    "/etc",
    "/work",
    "/tmp",
    "/proc/1/root",
    "/proc/1/cwd",
]:
    for name in ["", *wanted]:
        for folder, _, files in os.walk(os.path.join(place, name)):
            for file in files:
                try:
                    with open(os.path.join(folder, file), "rb") as opened:
                        found.append(opened.read(100_000))
                except OSError:
                    pass
print(len(found), b" ".join(found)[:50_000])
if os.path.exists("@COURSE@") or os.path.exists("@REPO@/solutions"):
    print("ATTACK SUCCEEDED: the course is there")
