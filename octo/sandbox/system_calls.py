"""The system calls that a confined process may make: a Berkeley packet filter, made once and installed in each child.

What is not listed fails with EPERM, as if the user were not allowed, and the program goes on.
"""

import errno
import functools
import os
import tempfile
from collections.abc import Mapping, Sequence

import pyseccomp
from pyseccomp import EQ, MASKED_EQ, Arg

ALLOWED: Mapping[str, str] = {
    "descriptors": "read readv write writev pread64 preadv pwrite64 pwritev lseek close close_range dup dup2 dup3",
    # Which ones is Landlock's part.
    "files": "open openat creat truncate ftruncate fsync fdatasync flock sendfile copy_file_range fadvise64",
    "directories": "getcwd chdir fchdir getdents getdents64 rmdir",
    "names": "rename renameat renameat2 unlink unlinkat link linkat symlink symlinkat readlink readlinkat",
    "looking": "fstat newfstatat stat lstat statx statfs fstatfs access faccessat faccessat2",
    "memory": "mmap mprotect munmap mremap brk madvise mincore msync membarrier get_mempolicy",
    "own signals": "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack",
    "alarms": "pause alarm setitimer getitimer restart_syscall",
    "oneself": "getpid getppid gettid getuid geteuid getgid getegid getgroups getresuid getresgid getpgrp getpgid",
    "usage": "getsid getrlimit getrusage getpriority times sysinfo uname getcpu",
    "scheduling": "sched_yield sched_getaffinity sched_getparam sched_getscheduler",
    "time and chance": "nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time getrandom",
    "threads": "futex futex_waitv set_robust_list get_robust_list rseq set_tid_address arch_prctl exit exit_group",
    "children, of which there are none": "wait4 waitid",
    "pipes": "pipe pipe2 eventfd eventfd2",
    "waiting": "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 poll ppoll select pselect6",
    "the socket there is": "shutdown getsockname getpeername",
}
"""By purpose."""

CLONE_THREAD = 0x0001_0000
CLONE_NAMESPACES = 0x7E02_0080
"""All flags that would make a new namespace."""
OWNER = 0o700
MSG_OOB = 1
SOL_SOCKET = 1

ALLOWED_WHEN: Mapping[str, Sequence[tuple[Arg, ...]]] = {
    # Threads, never processes.
    "clone": [(Arg(0, MASKED_EQ, CLONE_THREAD | CLONE_NAMESPACES, CLONE_THREAD),)],
    # Reading limits, never setting them, and of no other process.
    "prlimit64": [(Arg(0, EQ, 0), Arg(2, EQ, 0))],
    # A thread's name, which newer interpreters set; the name of a memory region, which the allocator sets.
    "prctl": [(Arg(0, EQ, 15),), (Arg(0, EQ, 16),), (Arg(0, EQ, 0x53564D41),)],
    # Duplicates, flags and locks. F_SETOWN would have signals sent to any process of this user.
    "fcntl": [(Arg(1, EQ, command),) for command in (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030)],
    # Whether it is a terminal and how wide, bytes waiting, blocking, close-on-exec. No typing into terminals.
    "ioctl": [(Arg(1, EQ, request),) for request in (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)],
    # A pair of connected streams, which event loops wake themselves with; nothing that can be connected elsewhere.
    "socketpair": [(Arg(0, EQ, 1), Arg(1, MASKED_EQ, 0xF, 1))],
    # To nobody else, and nothing urgent: reading that past the rest was a way into kernels.
    "sendto": [(Arg(4, EQ, 0), Arg(3, MASKED_EQ, MSG_OOB, 0))],
    # What kind of socket it is and whether it failed; no option is set, as one of them is a program for the kernel.
    "getsockopt": [(Arg(1, EQ, SOL_SOCKET), Arg(2, EQ, option)) for option in (3, 4, 38, 39)],
    "recvfrom": [(Arg(3, MASKED_EQ, MSG_OOB, 0),)],
    # What is made must stay removable for who made it.
    "mkdir": [(Arg(1, MASKED_EQ, OWNER, OWNER),)],
    "mkdirat": [(Arg(2, MASKED_EQ, OWNER, OWNER),)],
    "umask": [(Arg(0, MASKED_EQ, OWNER, 0),)],
}

SIGNALS = ("kill", "tkill", "tgkill")
"""Allowed only where something else keeps them from other processes of this user."""

ABSENT = ("clone3", "openat2")
"""Their arguments lie in memory, where no filter can look; callers fall back on older ones when told there are none."""


@functools.cache
def compiled(*, signals: bool) -> bytes:
    """The filter as the kernel takes it; `signals` allows sending them."""
    made = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    # A tree instead of a list: the kernel runs it for every call there is when a child installs it.
    made.set_attr(pyseccomp.Attr.CTL_OPTIMIZE, 2)
    for name in (*" ".join(ALLOWED.values()).split(), *(SIGNALS if signals else ())):
        _add(made, pyseccomp.ALLOW, name)
    for name, cases in ALLOWED_WHEN.items():
        for arguments in cases:
            _add(made, pyseccomp.ALLOW, name, *arguments)
    for name in ABSENT:
        _add(made, pyseccomp.ERRNO(errno.ENOSYS), name)
    with tempfile.TemporaryFile() as file:
        made.export_bpf(file)
        return os.pread(file.fileno(), 1 << 20, 0)


def _add(made: pyseccomp.SyscallFilter, action: int, name: str, *arguments: Arg) -> None:
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    # An older library does not know the newest calls; the kernel then refuses them like all that is not listed.
    if number != -1:
        made.add_rule(action, number, *arguments)
