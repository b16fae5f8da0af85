# what: control characters in sources
# base: solution
# score: 5
# report: -
# %% place="after mean"
exec("x = 1\0")
