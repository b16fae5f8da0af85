# what: the interpreter is crashed from within
# base: solution
# score: 5
# report: it ended by itself
# report: ctypes
# %% place="after mean"
import ctypes

ctypes.string_at(0)
