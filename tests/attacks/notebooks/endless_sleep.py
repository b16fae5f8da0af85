# what: it sleeps with signals ignored
# base: solution
# score: 5
# report: could not be stopped
# report: signal.signal
# %% place="after mean"
import signal
import time

signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
time.sleep(1000)
