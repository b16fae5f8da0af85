# what: nan, infinity, huge, deep and cyclic values, and numbers that are no floats
# base: solution
# score: 1
# report: its answer was refused
# %% place="replace mean"
import itertools

cyclic = []
cyclic.append(cyclic)
deep = []
for _ in range(100_000):
    deep = [deep]
odd = itertools.cycle([float("nan"), 10**5000, cyclic, deep, "0.0", 1j, "x" * 10**8, {1: {2: cyclic}}, range(5)])


def mean(values):
    if not values:
        raise ValueError
    return next(odd)


# %% place="replace spread"
import numpy


def spread(values):
    return numpy.float64(max(values) - min(values))
