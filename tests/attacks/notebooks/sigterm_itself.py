# what: default handlers are put back, and signals sent that would end any process but the first of its namespace
# base: solution
# score: 5
# report: os.kill
# %% place="after mean"
import os
import signal

for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGABRT, signal.SIGPIPE):
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
