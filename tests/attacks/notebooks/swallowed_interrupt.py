# what: a cell that never ends and swallows every interrupt
# base: solution
# score: 5
# report: it took too long and could not be stopped
# %% place="after mean"
while True:
    try:
        while True:
            pass
    except KeyboardInterrupt:
        pass
