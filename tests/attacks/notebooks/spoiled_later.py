# what: right answers that later cells spoil: the answer at the check's place counts
# base: solution
# score: 5
# report: defined again after the checks
# %% place="end"
mean = spread = None
del total
