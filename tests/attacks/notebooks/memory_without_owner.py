# what: files in memory and shared segments that belong to no mapping
# base: solution
# score: 5
# report: memfd
# %% place="after mean"
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
kept = []
try:
    for number in range(100):
        kept.append(os.memfd_create(str(number)))
        os.write(kept[-1], b"x" * 2**20)
    print("ATTACK SUCCEEDED: files that count nowhere")
except OSError as refused:
    print(refused)
if libc.shmget(0, 2**20, 0o1600) >= 0:
    print("ATTACK SUCCEEDED: a segment that counts nowhere")
