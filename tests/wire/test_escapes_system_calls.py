"""Attacks by system calls that would lead past the other layers."""

import platform

import pyseccomp
import pytest

from octo.sandbox.verdicts import Outcome
from tests.wire.escapes import NEEDS_LAYERS, Target, stopped_by, target_of

pytestmark = NEEDS_LAYERS
GATEWAYS = {
    "other namespaces": "unshare setns mount umount2 pivot_root chroot fsopen open_tree move_mount",
    "code in the kernel": "bpf io_uring_setup io_uring_enter perf_event_open userfaultfd init_module finit_module",
    "other processes' memory": "ptrace process_vm_readv process_vm_writev kcmp process_madvise move_pages",
    "other processes' handles": "pidfd_open pidfd_getfd pidfd_send_signal rt_sigqueueinfo rt_tgsigqueueinfo",
    "other programs": "execve execveat",
    "keys of the kernel": "keyctl add_key request_key",
    "memory that no limit counts": "memfd_create memfd_secret shmget semget mq_open mlockall",
    "another user": "setuid setgid setreuid setresuid setresgid setfsuid setgroups capset",
    "the machine's clock": "settimeofday clock_settime adjtimex clock_adjtime",
    "the machine's devices": "ioperm iopl swapon quotactl syslog mknodat",
    "files by handle": "name_to_handle_at open_by_handle_at fanotify_init inotify_init1",
    "its own confinement": "seccomp landlock_create_ruleset landlock_restrict_self personality modify_ldt setrlimit",
    "others' share of the processor": "setpriority sched_setaffinity sched_setscheduler sched_setattr ioprio_set",
    "timers that outlive a call": "timer_create timerfd_create signalfd4",
}
"""System calls that open a way out. With zeros for arguments, none would do harm if it were let through."""


@pytest.mark.parametrize("gateway", GATEWAYS)
@stopped_by("seccomp")
def test_no_system_call_opens_a_way_out(target: Target, gateway: str) -> None:
    names = GATEWAYS[gateway].split()
    numbers = {name: pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) for name in names}
    numbers = {name: number for name, number in numbers.items() if number >= 0}
    told = target.told(f"""
        def attack():
            return {{name: call("syscall", number, *[0] * 6) for name, number in {numbers}.items()}}
    """)
    assert told == dict.fromkeys(numbers, "EPERM")
    assert numbers


@stopped_by("seccomp")
def test_a_thread_takes_no_namespace_with_it(target: Target) -> None:
    clone = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "clone")
    clone3 = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "clone3")
    told = target.told(f"""
        def attack():
            flags = [0x10000 | namespace for namespace in (0x10000000, 0x20000, 0x40000000, 0x20000000)]
            return [*(call("syscall", {clone}, each, 0, 0, 0, 0) for each in flags), call("syscall", {clone3}, 0, 0)]
    """)
    assert told == ["EPERM"] * 4 + ["ENOSYS"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the ways of one processor")
@stopped_by("seccomp")
def test_the_filter_is_not_passed_by_calls_in_another_format(target: Target) -> None:
    """The kernel of x86-64 also takes the calls of 32-bit programs, whose numbers mean others."""
    found = target.verdict("""
        import mmap
        def attack():
            code = bytes.fromhex("b814000000cd80c3")  # mov eax, getpid; int 0x80; ret
            page = mmap.mmap(-1, 4096, prot=7)
            page.write(code)
            return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    """)
    assert found.outcome is Outcome.ERROR
    assert found.detail.endswith(("SIGSYS", "SIGSEGV"))
    assert target.verdict('def attack(): return call("syscall", 0x40000027)').outcome is Outcome.ERROR


@stopped_by("seccomp")
def test_limits_are_not_raised(target: Target) -> None:
    """Not even set to what they are. Python says ValueError for EPERM here."""
    told = target.told("""
        import resource
        def attack():
            kinds = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]
            wanted = [(kind, limits) for kind in kinds for limits in ((-1, -1), resource.getrlimit(kind))]
            return sorted({attempt(resource.setrlimit, kind, limits) for kind, limits in wanted})
    """)
    assert told == ["ValueError"]


@stopped_by("seccomp")
def test_the_share_of_the_processor_is_not_changed_for_others(target: Target) -> None:
    told = target.told("""
        import resource
        def attack():
            parent = os.getppid()
            return [
                attempt(os.setpriority, os.PRIO_PROCESS, parent, 19),
                attempt(os.sched_setaffinity, parent, [0]),
                attempt(os.sched_setscheduler, parent, os.SCHED_IDLE, os.sched_param(0)),
                attempt(resource.prlimit, parent, resource.RLIMIT_CPU, (1, 1)),
                attempt(os.nice, 5),
            ]
    """)
    assert told == ["EPERM"] * 5


@stopped_by("no-new-privileges")
def test_no_program_takes_back_the_promise_to_gain_no_rights() -> None:
    """Not even where nothing else is in its way: a set-user-id file would give it nothing."""
    with target_of(("seccomp", "landlock", "namespaces"), weaker=True) as target:
        told = target.told("""
            def attack():
                done = call("prctl", 38, 0, 0, 0, 0)
                with open("/proc/self/status") as status:
                    return [done, *(line.split()[1] for line in status if line.startswith("NoNewPrivs"))]
        """)
    assert told == ["EINVAL", "1"]
