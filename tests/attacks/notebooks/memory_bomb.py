# what: memory is taken until there is none
# base: solution
# score: 5
# report: memory
# %% place="after mean"
hoard = []
try:
    while True:
        hoard.append(bytearray(50 * 2**20))
except MemoryError:  # kept, it would cost the calls that follow
    hoard.clear()
    raise
