# what: a cell that never ends
# base: solution
# score: 5
# report: it took more than 3 s and was stopped
# %% place="after mean"
while True:
    pass
