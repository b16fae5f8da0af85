# what: the kernel kills itself, its group and everything that it can
# base: solution
# score: 5
# report: os.kill
# %% place="after mean"
import os
import signal

for target in (os.getpid(), -1, 1, 0, 2, 100):
    try:
        os.kill(target, signal.SIGKILL)
    except OSError as refused:
        print(refused)
