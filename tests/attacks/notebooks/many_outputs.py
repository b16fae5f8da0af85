# what: thousands of small outputs, figures and errors
# base: solution
# score: 5
# report: output was cut
# %% place="after mean"
import sys

from IPython.display import HTML, display

for _ in range(5_000):
    sys.stdout.write("a")
    sys.stderr.write("b")
for _ in range(300):
    display(HTML("<script>alert(1)</script>"))
