# what: it prints without end, on both streams
# base: solution
# score: 5
# report: it took more than 3 s and was stopped
# %% place="after mean"
import sys

while True:
    print("x" * 1000)
    print("y" * 1000, file=sys.stderr)
