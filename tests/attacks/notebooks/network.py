# what: connections to this machine and outside, by every protocol
# base: solution
# score: 5
# report: socket
# %% place="after mean"
import glob
import socket

for family, kind, address in [
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", int("@PORT@"))),
    (socket.AF_INET, socket.SOCK_STREAM, ("1.1.1.1", 53)),
    (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", int("@PORT@"))),
    (socket.AF_INET, socket.SOCK_DGRAM, ("8.8.8.8", 53)),
    (socket.AF_INET6, socket.SOCK_STREAM, ("::1", int("@PORT@"))),
    (socket.AF_INET, socket.SOCK_RAW, ("127.0.0.1", 0)),
    (socket.AF_UNIX, socket.SOCK_STREAM, "\0@ABSTRACT@"),
    *[(socket.AF_UNIX, socket.SOCK_STREAM, path) for path in glob.glob("/tmp/grader-*/*") + ["@SOCKET@"]],
]:
    try:
        with socket.socket(family, kind) as client:
            client.settimeout(0.2)
            client.connect(address)
            client.send(b"hello")
            if (
                kind == socket.SOCK_DGRAM
            ):  # it is sent to wherever it may go: an error, or an answer, says whether it came
                client.recv(1)
        print("ATTACK SUCCEEDED:", family, address)
    except OSError as refused:
        print(refused)
try:
    socket.getaddrinfo("example.org", 80)
    print("ATTACK SUCCEEDED: names are resolved")
except OSError as refused:
    print(refused)
