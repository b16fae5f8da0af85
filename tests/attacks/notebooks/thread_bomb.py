# what: threads without end, all busy
# base: solution
# score: 5
# report: threading
# %% place="after mean"
import threading
import time

while True:
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
