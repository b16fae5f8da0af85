# what: as many busy processes as it may have, to take the processor from others
# base: solution
# score: 5
# report: os.fork
# report: processes
# %% place="after mean"
import os

for _ in range(20):
    if os.fork() == 0:
        while True:
            pass
# %% place="end"
import time

time.sleep(1)
