# what: cells and functions call sys.exit
# base: solution
# score: 2
# report: SystemExit
# %% place="replace mean"
import sys


def mean(values):
    sys.exit(3)


exit
raise SystemExit(0)
