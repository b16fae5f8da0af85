# what: the kernel stops itself
# base: solution
# score: 5
# report: os.kill
# %% place="after mean"
import os
import signal

os.kill(os.getpid(), signal.SIGSTOP)
os.kill(0, signal.SIGSTOP)
os.kill(1, signal.SIGTSTP)
