# what: the lengths of a message of four gigabytes are written to the socket
# base: blank
# score: 0
# report: it broke the protocol
# %% place="replace mean"
import os
import struct

for fd in range(3, 64):
    try:
        os.write(fd, struct.pack(">III", 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"x" * 100_000)
    except OSError:
        pass
