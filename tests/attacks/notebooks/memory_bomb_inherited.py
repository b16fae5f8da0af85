# what: memory that is taken, then shared by forking, again and again
# base: solution
# score: 5
# report: MB of memory
# report: os.fork
# %% place="after mean"
import os
import time

for _ in range(10):
    if os.fork() == 0:
        hoard = bytearray(b"x") * (300 * 2**20)
        os.fork()
        time.sleep(1000)
    time.sleep(0.6)
time.sleep(1000)
