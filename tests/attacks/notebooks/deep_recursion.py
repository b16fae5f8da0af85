# what: recursion without end and without Python's limit
# base: solution
# score: 5
# report: it ended by itself
# report: setrecursionlimit
# %% place="after mean"
import sys

sys.setrecursionlimit(2**31 - 1)


class Deep:
    def __repr__(self):
        return repr([self]) + ""


repr(Deep())
