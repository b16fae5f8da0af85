# what: many processes take memory together, each within its own limit
# base: solution
# score: 5
# report: MB of memory
# report: os.fork
# %% place="after mean"
import os
import time

for _ in range(4):
    if os.fork() == 0:
        hoard = bytearray(b"x") * (250 * 2**20)
        time.sleep(1000)
time.sleep(1000)
