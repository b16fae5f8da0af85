# what: memory that two processes share, so that neither seems to own it
# base: solution
# score: 5
# report: MB of memory
# report: mmap
# %% place="after mean"
import mmap
import os
import time

for _ in range(10):
    if os.fork() == 0:
        hoard = mmap.mmap(-1, 300 * 2**20)
        for _ in range(300):
            hoard.write(b"x" * 2**20)
        os.fork()
        hoard.seek(0)
        for _ in range(300):
            hoard.read(2**20)
        time.sleep(1000)
    time.sleep(0.5)
time.sleep(1000)
