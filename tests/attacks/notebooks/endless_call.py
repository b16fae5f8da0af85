# what: a function that never ends when checks call it
# base: solution
# score: 3
# report: a call of spread: it took more than 2 s and was stopped
# %% place="replace spread"
def spread(values):
    while len(values) != 2:
        pass
    return 3.0
