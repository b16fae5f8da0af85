# what: one print of a gigabyte
# base: solution
# score: 5
# report: MemoryError
# report: output was cut
# %% place="after mean"
print("x" * 2**20 * 100)
# %% place="after total"
print("y" * 2**30)
