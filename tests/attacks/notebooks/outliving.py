# what: a daemon in a session of its own that ignores everything and is to outlive the kernel
# base: solution
# score: 5
# report: os.fork
# report: setsid
# %% place="after mean"
import ctypes
import os
import signal
import time

if os.fork() == 0:
    os.setsid()
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
    if os.fork() == 0:
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        time.sleep(10_000)
    os._exit(0)
