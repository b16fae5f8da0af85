# what: sockets of every family but those that lead nowhere; AF_VSOCK leads out of virtual machines
# base: solution
# score: 5
# report: socket
# %% place="after mean"
import socket

for family in range(64):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        for protocol in (0, 1, 58, 132, 256, 262):
            if family == socket.AF_UNIX or (family in (2, 10) and kind in (1, 2) and protocol == 0):
                continue
            try:
                socket.socket(family, kind, protocol).close()
                print("ATTACK SUCCEEDED:", family, kind, protocol)
            except OSError:
                pass
            try:
                socket.socketpair(family, kind, protocol)
                print("ATTACK SUCCEEDED: a pair", family, kind, protocol)
            except OSError:
                pass
# %% place="after spread"
with socket.socket() as one:
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF, 32, 33):
        for size in (2**16, 2**24, 2**30):
            try:
                one.setsockopt(socket.SOL_SOCKET, option, size)
            except OSError:
                pass
    print(one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF), one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
    if one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) > 2**18:
        print("ATTACK SUCCEEDED: larger buffers")
    for option in (26, 50):
        try:
            one.setsockopt(socket.SOL_SOCKET, option, bytes(16))
            print("ATTACK SUCCEEDED: a filter on a socket")
        except OSError:
            pass
try:
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).bind((socket.VMADDR_CID_ANY, 5000))
    print("ATTACK SUCCEEDED: a listener for the machine around this one")
except OSError:
    pass
