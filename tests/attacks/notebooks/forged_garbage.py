# what: random bytes are written to the socket
# base: blank
# score: 0
# report: it broke the protocol
# %% place="replace mean"
import os
import random

for fd in range(3, 64):
    try:
        os.write(fd, bytes(12) + random.Random(0).randbytes(10_000))
    except OSError:
        pass
