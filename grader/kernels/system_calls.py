"""The system calls that student code may make: a list of what may be called. What stands nowhere does not exist for it.

Every call has its number on x86_64 and on aarch64 (`-`: it is not there). The list began as what containers usually
allow, and lost what makes memory or state that no process owns, what has been a way out, and what only matters to those
who run a machine. `REFUSED` calls answer EPERM, because programs know them as something that can be forbidden; all
others answer ENOSYS, and programs fall back to what older systems had. See syscalls(2), seccomp(2), seccomp_unotify(2).
"""

from __future__ import annotations

import errno
import fcntl
import platform
import socket
import stat
from collections.abc import Mapping
from dataclasses import dataclass

ALLOW = 0x7FFF0000
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
OTHER_NUMBERING = 0x40000000  # x32 of x86_64: the same calls under other numbers


def refuse(code: int) -> int:
    """The verdict that answers a call with the error `code`, or, for 0, with success; the call is not made."""
    return 0x00050000 | code


@dataclass(frozen=True)
class By:
    """A verdict that depends on the lower half of an argument, after `mask`: the kernel reads only that half here."""

    argument: int
    cases: Mapping[int, int | By]
    otherwise: int
    mask: int = 0xFFFFFFFF


Rule = int | By
UNKNOWN, DENIED = refuse(errno.ENOSYS), refuse(errno.EPERM)


def _only(argument: int, values: tuple[int, ...], otherwise: int, mask: int = 0xFFFFFFFF) -> By:
    return By(argument, dict.fromkeys(values, ALLOW), otherwise, mask)


ALLOWED = {
    "reading, writing and moving bytes": """
        read 0 63; write 1 64; readv 19 65; writev 20 66; pread64 17 67; pwrite64 18 68; preadv 295 69;
        pwritev 296 70; preadv2 327 286; pwritev2 328 287; lseek 8 62; sendfile 40 71; copy_file_range 326 285;
        readahead 187 213; fadvise64 221 223; fallocate 285 47; truncate 76 45; ftruncate 77 46; fsync 74 82;
        fdatasync 75 83; sync_file_range 277 84; msync 26 227
    """,
    "opening files, and what is known of descriptors": """
        open 2 -; openat 257 56; openat2 437 437; creat 85 -; close 3 57; close_range 436 436; dup 32 23; dup2 33 -;
        dup3 292 24; flock 73 32; pipe 22 -; pipe2 293 59; stat 4 -; fstat 5 80; lstat 6 -; newfstatat 262 79;
        statx 332 291; access 21 -; faccessat 269 48; faccessat2 439 439; statfs 137 43; fstatfs 138 44;
        umask 95 166
    """,
    "folders, names, owners, times: of the files in memory that are its own": """
        getcwd 79 17; chdir 80 49; fchdir 81 50; getdents 78 -; getdents64 217 61; mkdir 83 -; mkdirat 258 34;
        rmdir 84 -; rename 82 -; renameat 264 38; renameat2 316 276; link 86 -; linkat 265 37; symlink 88 -;
        symlinkat 266 36; readlink 89 -; readlinkat 267 78; unlink 87 -; unlinkat 263 35; chmod 90 -; fchmod 91 52;
        fchmodat 268 53; fchmodat2 452 452; chown 92 -; fchown 93 55; lchown 94 -; fchownat 260 54; utime 132 -;
        utimes 235 -; futimesat 261 -; utimensat 280 88; getxattr 191 8; lgetxattr 192 9; fgetxattr 193 10;
        listxattr 194 11; llistxattr 195 12; flistxattr 196 13; setxattr 188 5; lsetxattr 189 6; fsetxattr 190 7;
        removexattr 197 14; lremovexattr 198 15; fremovexattr 199 16
    """,
    "memory": """
        brk 12 214; mmap 9 222; munmap 11 215; mremap 25 216; mprotect 10 226; madvise 28 233; mlock 149 228;
        mlock2 325 284; munlock 150 229; mlockall 151 230; munlockall 152 231; membarrier 324 283;
        pkey_alloc 330 289; pkey_free 331 290; pkey_mprotect 329 288; mseal 462 462; map_shadow_stack 453 453
    """,
    "waiting for many things": """
        select 23 -; pselect6 270 72; poll 7 -; ppoll 271 73; epoll_create 213 -; epoll_create1 291 20;
        epoll_ctl 233 21; epoll_wait 232 -; epoll_pwait 281 22; epoll_pwait2 441 441; eventfd 284 -;
        eventfd2 290 19; signalfd 282 -; signalfd4 289 74; timerfd_create 283 85; timerfd_settime 286 86;
        timerfd_gettime 287 87
    """,
    "threads and processes": """
        fork 57 -; vfork 58 -; execve 59 221; execveat 322 281; exit 60 93; exit_group 231 94; wait4 61 260;
        waitid 247 95; futex 202 98; futex_waitv 449 449; futex_wake 454 454; futex_wait 455 455;
        futex_requeue 456 456; set_robust_list 273 99; get_robust_list 274 100; set_tid_address 218 96;
        rseq 334 293; sched_yield 24 124; sched_getaffinity 204 123; sched_setaffinity 203 122;
        sched_getparam 143 121; sched_setparam 142 118; sched_getscheduler 145 120; sched_setscheduler 144 119;
        sched_getattr 315 275; sched_get_priority_max 146 125; sched_get_priority_min 147 126;
        sched_rr_get_interval 148 127; getcpu 309 168; getpriority 140 141; setpriority 141 140; ioprio_get 252 31
    """,
    "signals, between its own processes": """
        rt_sigaction 13 134; rt_sigprocmask 14 135; rt_sigpending 127 136; rt_sigtimedwait 128 137;
        rt_sigsuspend 130 133; rt_sigreturn 15 139; rt_sigqueueinfo 129 138; rt_tgsigqueueinfo 297 240;
        sigaltstack 131 132; kill 62 129; tkill 200 130; tgkill 234 131; pause 34 -; restart_syscall 219 128
    """,
    "who one is": """
        getpid 39 172; getppid 110 173; gettid 186 178; getuid 102 174; geteuid 107 175; getgid 104 176;
        getegid 108 177; getresuid 118 148; getresgid 120 150; getgroups 115 158; getpgid 121 155; getpgrp 111 -;
        setpgid 109 154; getsid 124 156; setsid 112 157; capget 125 90; uname 63 160; sysinfo 99 179; times 100 153;
        getrusage 98 165; getrlimit 97 163; setrlimit 160 164; prlimit64 302 261; getrandom 318 278
    """,
    "clocks and timers": """
        time 201 -; gettimeofday 96 169; clock_gettime 228 113; clock_getres 229 114; clock_nanosleep 230 115;
        nanosleep 35 101; alarm 37 -; getitimer 36 102; setitimer 38 103; timer_create 222 107;
        timer_settime 223 110; timer_gettime 224 108; timer_getoverrun 225 109; timer_delete 226 111
    """,
    "talking over sockets that `socket` and `socketpair` gave": """
        bind 49 200; listen 50 201; connect 42 203; accept 43 202; accept4 288 242; shutdown 48 210;
        getsockname 51 204; getpeername 52 205; getsockopt 55 209; sendto 44 206; sendmsg 46 211; sendmmsg 307 269;
        recvfrom 45 207; recvmsg 47 212; recvmmsg 299 243
    """,
}

REFUSED = {
    "what leads out of a sandbox, or into the kernel": """
        ptrace 101 117; process_vm_readv 310 270; process_vm_writev 311 271; process_madvise 440 440;
        process_mrelease 448 448; kcmp 312 272; pidfd_open 434 434; pidfd_getfd 438 438; pidfd_send_signal 424 424;
        mount 165 40; umount2 166 39; pivot_root 155 41; chroot 161 51; unshare 272 97; setns 308 268;
        fsopen 430 430; fsconfig 431 431; fsmount 432 432; fspick 433 433; move_mount 429 429; open_tree 428 428;
        open_tree_attr 467 467; mount_setattr 442 442; name_to_handle_at 303 264; open_by_handle_at 304 265;
        bpf 321 280; perf_event_open 298 241; userfaultfd 323 282; io_uring_setup 425 425; io_uring_enter 426 426;
        io_uring_register 427 427; init_module 175 105; finit_module 313 273; delete_module 176 106;
        kexec_load 246 104; kexec_file_load 320 294; modify_ldt 154 -; iopl 172 -; ioperm 173 -; uselib 134 -;
        vmsplice 278 75; splice 275 76; tee 276 77; seccomp 317 277
    """,
    "memory and state that no process and no folder owns": """
        memfd_create 319 279; memfd_secret 447 447; shmget 29 194; shmat 30 196; shmctl 31 195; shmdt 67 197;
        msgget 68 186; msgsnd 69 189; msgrcv 70 188; msgctl 71 187; semget 64 190; semop 65 193; semctl 66 191;
        semtimedop 220 192; mq_open 240 180; mq_unlink 241 181; mq_timedsend 242 182; mq_timedreceive 243 183;
        mq_notify 244 184; mq_getsetattr 245 185; add_key 248 217; request_key 249 218; keyctl 250 219;
        io_setup 206 0; io_submit 209 2; io_destroy 207 1; io_cancel 210 3; io_getevents 208 4;
        io_pgetevents 333 292; inotify_init 253 -; inotify_init1 294 26; inotify_add_watch 254 27;
        inotify_rm_watch 255 28; fanotify_init 300 262; fanotify_mark 301 263
    """,
    "the machine's own affairs, and rights": """
        reboot 169 142; swapon 167 224; swapoff 168 225; acct 163 89; quotactl 179 60; quotactl_fd 443 443;
        syslog 103 116; settimeofday 164 170; adjtimex 159 171; clock_settime 227 112; clock_adjtime 305 266;
        sethostname 170 161; setdomainname 171 162; vhangup 153 58; lookup_dcookie 212 18; sync 162 81;
        syncfs 306 267; setuid 105 146; setgid 106 144; setreuid 113 145; setregid 114 143; setresuid 117 147;
        setresgid 119 149; setfsuid 122 151; setfsgid 123 152; setgroups 116 159; capset 126 91; ioprio_set 251 30;
        sched_setattr 314 274
    """,
}

# Calls that their arguments decide; what an argument may be is a list too.
# Raw sockets, SCTP, MPTCP, SMC and the like are protocols of the internet families: only TCP and UDP are left.
_INTERNET = By(
    1,
    {
        socket.SOCK_STREAM: _only(2, (0, socket.IPPROTO_TCP), refuse(errno.EPROTONOSUPPORT)),
        socket.SOCK_DGRAM: _only(2, (0, socket.IPPROTO_UDP), refuse(errno.EPROTONOSUPPORT)),
    },
    refuse(errno.ESOCKTNOSUPPORT),
    mask=0xF,  # above it stand SOCK_NONBLOCK and SOCK_CLOEXEC
)
# The list of interfaces comes over netlink: ZeroMQ goes on without it, but aborts at any other error than this one.
_NETLINK = refuse(errno.EOPNOTSUPP)
_FAMILIES: dict[int, Rule] = {1: ALLOW, socket.AF_INET: _INTERNET, socket.AF_INET6: _INTERNET, 16: _NETLINK}
SOCKET = By(0, _FAMILIES, refuse(errno.EAFNOSUPPORT))
# REUSEADDR, BROADCAST, KEEPALIVE, OOBINLINE, LINGER, REUSEPORT, PASSCRED, RCVLOWAT, RCVTIMEO, SNDTIMEO, TIMESTAMP and
# the two time-outs of 64 bits. The sizes of buffers stay what they are; asked for more, the kernel too cuts silently.
_OF_SOCKETS = _only(2, (2, 6, 9, 10, 13, 15, 16, 18, 20, 21, 29, 66, 67), refuse(errno.ENOPROTOOPT))
_BUFFERS = dict.fromkeys((socket.SO_SNDBUF, socket.SO_RCVBUF), refuse(0))
OPTIONS = By(
    1,
    {
        socket.SOL_SOCKET: By(2, {**_OF_SOCKETS.cases, **_BUFFERS}, _OF_SOCKETS.otherwise),
        # NODELAY, CORK, KEEPIDLE, KEEPINTVL, KEEPCNT, QUICKACK, USER_TIMEOUT
        socket.IPPROTO_TCP: _only(2, (1, 3, 4, 5, 6, 12, 18), refuse(errno.ENOPROTOOPT)),
        socket.IPPROTO_IPV6: _only(2, (socket.IPV6_V6ONLY,), refuse(errno.ENOPROTOOPT)),
    },
    refuse(errno.ENOPROTOOPT),
)
# Mounts, host name, IPC, user, process, network, control group; a namespace of time has no flag of clone.
NEW_NAMESPACES = 0x20000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x2000000
# A process that no longer dies with its parent outlives the grader; one that may not be looked at is not counted.
PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
# GET_PDEATHSIG, GET_DUMPABLE, SET_NAME, GET_NAME, GET_SECCOMP, CAPBSET_READ, GET_TSC, GET_SECUREBITS, timer slack,
# no_new_privs, GET_TID_ADDRESS, huge pages, and what vector units and pointer tags are set to.
_PRCTL = dict.fromkeys((2, 3, 15, 16, 21, 23, 25, 27, 29, 30, 38, 39, 40, 41, 42, 51, 56), ALLOW)
TIOCSTI, TIOCLINUX = 0x5412, 0x541C  # typing into, and pasting from, somebody's terminal
# Terminals (attributes, becoming a session's own, group, window; number, lock and other end of a new one), FIONREAD,
# FIONBIO, FIOCLEX and the like, reading the interfaces' list.
_OF_TERMINALS = (
    *(*range(0x5401, 0x5405), 0x540B, *range(0x540E, 0x5412), 0x5413, 0x5414, 0x5429, 0x802C542A),
    *(0x80045430, 0x40045431, 0x5441),
)
_OF_DESCRIPTORS = (0x541B, 0x5421, *range(0x5450, 0x5453))
_OF_INTERFACES = (0x8905, 0x8910, 0x8912, 0x8913, 0x8915, 0x891B, 0x8921, 0x8927, 0x8933)
_IOCTL = dict.fromkeys((*_OF_TERMINALS, *_OF_DESCRIPTORS, *_OF_INTERFACES), ALLOW)
SET_PIPE_SIZE = 1031
# Duplicates, flags, locks (also those of open files), GETPIPE_SZ, GET_SEALS. No leases, no notes about folders.
_FCNTL = dict.fromkeys([*range(fcntl.F_DUPFD, fcntl.F_SETLKW + 1), 36, 37, 38, 1030, 1032, 1034], ALLOW)
_KINDS = (0, stat.S_IFREG, stat.S_IFIFO, stat.S_IFSOCK)
# Reading or setting the bases of threads' memory, the size of vector state; everything else is for others.
_ARCH_PRCTL = (*range(0x1001, 0x1005), *range(0x1021, 0x1026), 0x3001)

BY_ARGUMENT: Mapping[str, tuple[int | None, int | None, Rule]] = {
    "socket": (41, 198, SOCKET),
    "socketpair": (53, 199, _only(0, (socket.AF_UNIX,), refuse(errno.EAFNOSUPPORT))),
    "setsockopt": (54, 208, OPTIONS),
    "clone": (56, 220, _only(0, (0,), DENIED, mask=NEW_NAMESPACES)),
    # It hides its flags in memory, where a filter cannot look; told that there is none, the C library takes clone.
    "clone3": (435, 435, UNKNOWN),
    "prctl": (157, 167, By(0, _PRCTL | {PR_SET_PDEATHSIG: DENIED, PR_SET_DUMPABLE: DENIED}, refuse(errno.EINVAL))),
    "arch_prctl": (158, None, _only(0, _ARCH_PRCTL, refuse(errno.EINVAL))),
    "personality": (135, 92, _only(0, (0, 0xFFFFFFFF), DENIED)),  # the usual one, and asking which
    "ioctl": (16, 29, By(1, _IOCTL | {TIOCSTI: DENIED, TIOCLINUX: DENIED}, refuse(errno.ENOTTY))),
    "fcntl": (72, 25, By(1, _FCNTL | {SET_PIPE_SIZE: DENIED}, refuse(errno.EINVAL))),
    "mknod": (133, None, _only(1, _KINDS, DENIED, mask=0xF000)),
    "mknodat": (259, 33, _only(2, _KINDS, DENIED, mask=0xF000)),
}


def numbers(tables: Mapping[str, str], machine: str) -> dict[str, int]:
    """Name -> number of all calls in `tables` that `machine` has."""
    column = list(MACHINES).index(machine)
    rows = (entry.split() for text in tables.values() for entry in text.split(";") if entry.strip())
    return {name: int(columns[column]) for name, *columns in rows if columns[column] != "-"}


def rules(machine: str | None = None) -> dict[int, Rule]:
    """Number -> what becomes of the call, on `machine`, or on this one; numbers that are not in it are unknown.

    Raises:
        OSError: there is no list for that machine.
    """
    machine = machine or platform.machine()
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, f"no list of system calls for {machine}")
    found: dict[int, Rule] = dict.fromkeys(numbers(REFUSED, machine).values(), DENIED)
    found |= dict.fromkeys(numbers(ALLOWED, machine).values(), ALLOW)
    for *columns, rule in BY_ARGUMENT.values():
        number = columns[list(MACHINES).index(machine)]
        if isinstance(number, int):
            found[number] = rule
    return found


def may_be_called(machine: str | None = None) -> int:
    """How many calls student code may make, some of them with certain arguments only."""
    return sum(rule == ALLOW or isinstance(rule, By) for rule in rules(machine).values())
