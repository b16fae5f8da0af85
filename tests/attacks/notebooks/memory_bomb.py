# what: memory is taken until there is none
# base: solution
# score: 5
# report: memory
# %% place="after mean"
hoard = []
while True:
    hoard.append(bytearray(50 * 2**20))
