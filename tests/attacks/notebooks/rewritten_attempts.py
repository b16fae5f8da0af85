# what: the file of quiz attempts beside the notebook is rewritten while grading
# base: solution
# score: 5
# report: attempts.jsonl
# %% place="end"
import glob
import os

print(sorted(os.listdir(".")))
with open("attempts.jsonl", "w") as file:
    file.write('{"forged": true}\n')
for name in glob.glob("*.quiz.json") + ["01-toy.ipynb"]:
    open(name, "w").write("{}")
