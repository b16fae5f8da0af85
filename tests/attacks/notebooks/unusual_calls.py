# what: calls by number that are on no list, in this numbering and in others
# base: solution
# score: 5
# report: ctypes
# %% place="after mean"
import ctypes
import fcntl
import mmap
import os
import termios

libc = ctypes.CDLL(None, use_errno=True)
room = ctypes.create_string_buffer(4096)
calls = {
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "syslog": (103, 116),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "landlock_create_ruleset": (444, 444),
    "seccomp": (317, 277),
    "process_vm_readv": (310, 270),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "move_pages": (279, 239),
    "mbind": (237, 235),
    "swapon": (167, 224),
    "settimeofday": (164, 170),
    "clock_adjtime": (305, 266),
    "vhangup": (153, 58),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "splice": (275, 76),
    "setns": (308, 268),
    "of tomorrow": (470, 470),
    "far away": (4000, 4000),
}
here = os.uname().machine != "x86_64"
for name, numbers in calls.items():
    if libc.syscall(numbers[here], 1, room, room, 64, 0, 0) >= 0:
        print("ATTACK SUCCEEDED:", name)
if not here:
    for name, number in {
        "modify_ldt": 154,
        "iopl": 172,
        "ioperm": 173,
        "uselib": 134,
        "ustat": 136,
        "vserver": 236,
    }.items():
        if libc.syscall(number, 1, room, 64, 0, 0) >= 0:
            print("ATTACK SUCCEEDED:", name)
    for number in (39, 41, 59, 101, 520):
        if libc.syscall(0x40000000 + number, 0, 0, 0) >= 0:
            print("ATTACK SUCCEEDED: x32", number)
    # int 0x80 is the numbering of 32 bits: 20 is getpid, 359 socket, 120 clone.
    for number, first in ((20, 0), (359, 40), (120, 0x10000011)):
        code = b"\xb8" + number.to_bytes(4, "little") + b"\xbb" + first.to_bytes(4, "little")
        code += b"\xb9\x01\0\0\0\xba\0\0\0\0\xcd\x80\xc3"
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(code)
        run = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
        if os.fork() == 0:
            os._exit(7 if run() >= 0 else 0)
        if os.waitstatus_to_exitcode(os.wait()[1]) == 7:
            print("ATTACK SUCCEEDED: int 0x80", number)
for persona in (0x0400000, 0x0040000, 0x0100000, 8):
    if libc.personality(persona) >= 0:
        print("ATTACK SUCCEEDED: personality", hex(persona))
for option in (1, 4, 22, 8, 28, 35, 36, 62, 0x59616D61, 0x53564D41):
    if libc.prctl(option, 0, 0, 0, 0) >= 0:
        print("ATTACK SUCCEEDED: prctl", option)
for request in (termios.TIOCSTI, 0x541C, 0x5423, 0x5428, 0x8922, 0x8914):
    for descriptor in (0, 1, 2):
        try:
            fcntl.ioctl(descriptor, request, bytes(40))
            print("ATTACK SUCCEEDED: ioctl", request)
        except OSError:
            pass
read, write = os.pipe()
for command, value in ((1031, 2**20), (1024, 0), (1026, 0x8000001F)):
    try:
        fcntl.fcntl(write if command == 1031 else os.open("/tmp", os.O_RDONLY), command, value)
        print("ATTACK SUCCEEDED: fcntl", command)
    except OSError:
        pass
# %% place="after spread"
import glob

for path in (
    "sysrq-trigger",
    "kcore",
    "kallsyms",
    "keys",
    "timer_list",
    "kmsg",
    "iomem",
    "slabinfo",
    "sched_debug",
    "config.gz",
):
    try:
        with open(f"/proc/{path}", "rb") as file:
            if file.read(1):
                print("ATTACK SUCCEEDED: /proc/" + path)
    except OSError:
        pass
    if os.access(f"/proc/{path}", os.W_OK):
        print("ATTACK SUCCEEDED: may write to /proc/" + path)
if glob.glob("/proc/sys/*") or glob.glob("/proc/irq/*") or glob.glob("/sys/*"):
    print("ATTACK SUCCEEDED: switches of the system")
