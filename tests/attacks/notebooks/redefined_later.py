# what: right answers after the places of the checks
# base: blank
# score: 0
# report: defined again after the checks
# %% place="end"
def mean(values):
    if not values:
        raise ValueError
    return math.fsum(values) / len(values)


def spread(values):
    return max(values) - min(values)
