# what: the kernel's look at itself is forged: names with control characters and halves of characters
# base: blank
# score: 0
# report: tampered kernel
# %% place="replace mean"
from grader.kernels import canary

canary.changed = lambda *args: ["\ud800", "\x1b[2J\x1b]0;owned\x07", "[bold]=cmd|' /C calc'!A0", "all is well", 7]
