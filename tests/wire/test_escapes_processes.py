"""Attacks by processes, threads and signals."""

import os
from collections.abc import Iterator

import pytest

from octo.sandbox.verdicts import Outcome
from tests.wire.escapes import (
    BRIEF,
    CONFIGURATIONS,
    NEEDS_LAYERS,
    WORKER,
    Target,
    stopped_by,
    target_of,
    urgent_signals,
)

pytestmark = NEEDS_LAYERS


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def brief(request: pytest.FixtureRequest) -> Iterator[Target]:
    with target_of(request.param, limits=BRIEF) as target:
        yield target


@pytest.fixture
def signalled() -> Iterator[list[int]]:
    with urgent_signals() as seen:
        yield seen


@stopped_by("seccomp", "rlimits", WORKER)
def test_a_fork_bomb_has_no_first_child(target: Target) -> None:
    told = target.told("""
        import collections
        def attack():
            return collections.Counter(attempt(os.fork) for _ in range(200))
    """)
    assert told == {"EPERM": 200}


@stopped_by("seccomp", "landlock")
def test_no_other_program_is_started(target: Target) -> None:
    told = target.told("""
        import multiprocessing, subprocess
        def attack():
            return [
                attempt(subprocess.run, ["true"]),
                attempt(os.posix_spawn, "/bin/true", ["true"], {}),
                attempt(os.popen, "true"),
                attempt(multiprocessing.Process(target=print).start),
                os.waitstatus_to_exitcode(os.system("true")),
            ]
    """)
    assert told == ["EPERM"] * 4 + [127]


@stopped_by("seccomp", "landlock")
def test_a_program_does_not_turn_into_another_one(target: Target) -> None:
    told = target.told("""
        def attack():
            return [attempt(os.execv, path, [path, "-c", "exit 0"]) for path in ("/bin/sh", "/proc/self/exe", "sh")]
    """)
    assert told == ["EPERM"] * 3


@stopped_by("seccomp", WORKER)
def test_an_orphan_daemon_is_never_born(target: Target) -> None:
    told = target.told("""
        import time
        def daemon():
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(20)
                os._exit(0)
        def attack():
            return [attempt(daemon), attempt(os.setsid)]
    """)
    assert told == ["EPERM", "EPERM"]


@stopped_by("seccomp")
def test_a_program_does_not_leave_the_group_that_is_killed(target: Target) -> None:
    told = target.told("""
        def attack():
            return [attempt(os.setpgid, 0, 0), attempt(os.setpgid, 0, os.getppid()), call("prctl", 1, 0, 0, 0, 0)]
    """)
    assert told == ["EPERM", "EPERM", "EPERM"]


@stopped_by("landlock", "namespaces")
def test_the_worker_is_sent_no_signal(target: Target) -> None:
    told = target.told("""
        import signal
        def attack():
            return [attempt(os.kill, os.getppid(), number) for number in (0, signal.SIGTERM, signal.SIGKILL)]
    """)
    assert told == ["EPERM"] * 3


@stopped_by("landlock", "namespaces")
def test_whoever_uses_the_sandbox_is_sent_no_signal(target: Target, signalled: list[int]) -> None:
    told = target.told(f"""
        import signal
        def attack():
            return [
                attempt(os.kill, {os.getpid()}, signal.SIGURG),
                attempt(os.killpg, {os.getpgrp()}, signal.SIGURG),
                call("tgkill", {os.getpid()}, {os.getpid()}, int(signal.SIGURG)),
            ]
    """)
    assert set(told) <= {"EPERM", "ESRCH"}
    assert signalled == []


@stopped_by("landlock", "namespaces")
def test_a_signal_to_everybody_reaches_nobody(target: Target, signalled: list[int]) -> None:
    """The kernel does not say to whom it went."""
    target.told("""
        import signal
        def attack():
            return attempt(os.kill, -1, signal.SIGURG)
    """)
    assert signalled == []


@stopped_by("landlock", "namespaces")
def test_the_judge_is_sent_no_signal(target: Target) -> None:
    """It is the process that is forked next; 0 is no signal, but asks whether one could be sent."""
    told = target.told("""
        def attack():
            return [attempt(os.kill, os.getpid() + later, 0) for later in (1, 2, 3)]
    """)
    assert set(told) <= {"EPERM", "ESRCH"}


@stopped_by("seccomp")
def test_the_kernel_sends_no_signal_in_the_name_of_a_program(target: Target, signalled: list[int]) -> None:
    told = target.told(f"""
        import fcntl, signal
        def attack():
            reading, writing = os.pipe()
            return [
                attempt(fcntl.fcntl, reading, fcntl.F_SETOWN, {os.getpid()}),
                attempt(fcntl.fcntl, reading, fcntl.F_SETSIG, signal.SIGURG),
                attempt(fcntl.ioctl, reading, 0x8901, {os.getpid()}),
            ]
    """)
    assert told == ["EPERM", "EPERM", "EPERM"]
    assert signalled == []


@stopped_by("seccomp", "landlock")
def test_the_worker_is_not_traced(target: Target) -> None:
    """Attaching, seizing, and having oneself traced."""
    told = target.told("""
        def attack():
            return [call("ptrace", request, os.getppid(), 0, 0) for request in (16, 0x4206, 0)]
    """)
    assert told == ["EPERM", "EPERM", "EPERM"]


@stopped_by("seccomp", "landlock")
def test_memory_of_the_worker_is_not_copied(target: Target) -> None:
    told = target.told("""
        class Part(ctypes.Structure):
            _fields_ = [("start", ctypes.c_void_p), ("length", ctypes.c_size_t)]
        def attack():
            # Both are copies of one process: what is here is there.
            there = ctypes.create_string_buffer(b"here", 5)
            here = ctypes.create_string_buffer(5)
            parts = [Part(ctypes.addressof(each), 5) for each in (here, there)]
            places = [ctypes.addressof(part) for part in parts]
            done = call("process_vm_readv", os.getppid(), places[0], 1, places[1], 1, 0)
            return [done, here.raw.hex()]
    """)
    assert told == ["EPERM", "00" * 5]


@stopped_by(WORKER)
def test_threads_left_running_end_with_the_test(target: Target) -> None:
    found = target.verdict("""
        import threading, time
        def attack():
            threading.Thread(target=time.sleep, args=(60,)).start()
            return "right"
    """)
    assert found.outcome is Outcome.PASS


@stopped_by("rlimits", WORKER)
def test_a_thread_bomb_runs_out_of_memory(target: Target) -> None:
    told = target.told("""
        import threading, time
        def attack():
            for started in range(300):
                try:
                    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                except RuntimeError:
                    return started
    """)
    assert 0 < told < 64


@stopped_by(WORKER)
def test_a_program_that_ignores_all_signals_is_killed(target: Target) -> None:
    found = target.verdict("""
        import signal, threading, time
        def attack():
            for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                attempt(signal.signal, number, signal.SIG_IGN)
            threading.Thread(target=time.sleep, args=(60,)).start()
            return "right"
    """)
    assert found.outcome is Outcome.PASS


@stopped_by("rlimits", WORKER)
def test_processor_time_is_over_whether_its_signal_is_ignored_or_not(brief: Target) -> None:
    found = brief.verdict("""
        import signal
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        def attack():
            while True:
                pass
    """)
    assert found.outcome is Outcome.TIMEOUT
