# what: sockets whose buffers are full, in one process after another
# base: solution
# score: 5
# report: sockets
# %% place="after mean"
import os
import socket
import time

kept = []
for _ in range(5):
    if os.fork() == 0:
        break
try:
    while True:
        for one in kept[-2:]:
            one.setblocking(False)
            try:
                while True:
                    one.send(bytes(2**16))
            except BlockingIOError:
                pass
        kept += socket.socketpair()
except OSError as full:
    print(full)
while True:
    time.sleep(1)
