# what: queues, semaphores and keys of the system that hold memory after everybody has gone
# base: solution
# score: 5
# report: ctypes
# %% place="after mean"
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
machine = os.uname().machine == "x86_64"
calls = {
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "semget": (64, 190),
    "semop": (65, 193),
    "shmget": (29, 194),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "io_setup": (206, 0),
    "inotify_init1": (294, 26),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
}
for name, numbers in calls.items():
    if libc.syscall(numbers[not machine], b"x", b"user", 8, 0o1666, 0) >= 0:
        print("ATTACK SUCCEEDED:", name)
for number in range(1000):
    queue = libc.msgget(0, 0o1666)
    if queue >= 0 and libc.msgsnd(queue, ctypes.create_string_buffer(8200), 8192, 0o4000) >= 0:
        print("ATTACK SUCCEEDED: a queue with a message")
        break
