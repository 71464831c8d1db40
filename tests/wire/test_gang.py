"""Gangs as pods start them: real agents, real ranks, one process to look at."""

import signal
import socket
import subprocess
import sys

import pytest

from octo.ml.gang import main
from tests.ports import free_port

JOB = "tests.wire.gang_job"


def start(
    *deeds: str, port: int, nodes: int = 1, node: int = 0, ranks: int = 2, more: tuple[str, ...] = ()
) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "octo.ml.gang", f"--nnodes={nodes}", f"--nproc-per-node={ranks}"]
    command += [f"--node-rank={node}", "--master-addr=127.0.0.1", f"--master-port={port}", *more, "-m", JOB, *deeds]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=1500)
    return process.returncode, out, err


def test_machines_meet_and_only_rank_0_speaks_on_stdout() -> None:
    port = free_port()
    flags = ["--path=$HOME", "-m"]
    first, second = (start(*flags, port=port, nodes=2, node=node) for node in (0, 1))
    code, out, err = ended(first)
    assert (code, out) == (0, f"rank 0 (0 here) of 4: {flags}\n")
    assert sorted(err.splitlines()) == ["[rank 0] a warning", "[rank 1] a warning"]
    code, out, err = ended(second)
    assert (code, out) == (0, "")
    assert sorted(err.splitlines()) == ["[rank 2] a warning", "[rank 3] a warning"]


def test_a_gang_of_one_is_the_job_itself() -> None:
    assert ended(start(port=free_port(), ranks=1)) == (0, "rank 0 (0 here) of 1: []\n", "a warning\n")


@pytest.mark.parametrize(
    ("deeds", "exit_code", "said"),
    [
        (["0=refuse", "1=refuse"], 2, "octo: the ranks are odd: give even ones\n"),
        (["0=wait", "1=fail"], 1, "octo: a shard is empty\n"),
        (["0=lose", "1=lose"], 75, "octo: rank lost another\n"),
        (["0=wait", "1=die"], 1, "octo: rank 1 was killed by SIGKILL (out of memory?): run again, it resumes\n"),
        (["0=wait", "1=vanish"], 1, "octo: rank 1 ended with exit code 3, and said last: no device is left\n"),
    ],
)
def test_a_gang_ends_as_the_rank_that_failed_first(deeds: list[str], exit_code: int, said: str) -> None:
    code, out, err = ended(start(*deeds, port=free_port()))
    of_the_gang = "".join(line for line in err.splitlines(keepends=True) if not line.startswith("[rank "))
    assert (code, out, of_the_gang) == (exit_code, "", said), err


def test_a_rank_that_does_not_come_to_a_collective_is_named_with_every_ranks_stack() -> None:
    code, _, err = ended(start("0=meet", "1=stop", port=free_port()))
    assert code == 75, err
    told = err.splitlines()[-1]
    assert told.startswith("octo: rank 0 waited 2 s in all_reduce (tests/wire/gang_job.py:"), err
    assert "for rank 1, which was stopped by a signal in stop (tests/wire/gang_job.py:" in told
    assert "run again, it resumes" in told
    for rank, place in enumerate(("meet", "stop")):
        frames = [
            line for line in err.splitlines() if line.startswith(f"[rank {rank}]") and line.endswith(f"in {place}")
        ]
        assert frames, err


def test_a_rank_that_crashes_shows_where() -> None:
    code, _, err = ended(start("0=crash", port=free_port(), ranks=1))
    assert code == 1
    assert [line for line in err.splitlines() if line.startswith("[rank 0]") and line.endswith("in crash")], err
    assert "[rank 0] terminate called\n[rank 0]   what():  a shape is odd\n" in err
    assert err.splitlines()[-1] == (
        "octo: rank 0 was killed by SIGABRT (its stack is above), and said last: what():  a shape is odd: run again, "
        "it resumes"
    )


def test_a_rank_that_fails_on_another_machine_is_told_to_those_who_wait_for_it_to_join() -> None:
    port = free_port()
    waiting, failing = (start("0=meet", "1=fail", port=port, nodes=2, node=node, ranks=1) for node in (0, 1))
    assert ended(failing)[::2] == (1, "octo: a shard is empty\n")
    code, _, err = ended(waiting)
    assert code == 75
    assert err.splitlines()[-1] == (
        "octo: on another machine rank 1 failed: a shard is empty; what is committed stays: run again to resume"
    )


def test_a_gang_that_is_stopped_stops_its_ranks_and_can_be_resumed() -> None:
    gang = start("0=wait", "1=wait", port=free_port())
    assert gang.stderr
    assert sorted(gang.stderr.readline() for _ in range(2)) == ["[rank 0] rank 0 waits\n", "[rank 1] rank 1 waits\n"]
    gang.send_signal(signal.SIGTERM)
    assert ended(gang) == (75, "", "octo: stopped by SIGTERM; run again\n")


def test_a_gang_that_cannot_meet_says_where_and_can_be_resumed() -> None:
    port = free_port()
    code, out, err = ended(start(port=port, nodes=2, more=("--meeting-seconds=1",)))
    assert (code, out) == (75, "")
    assert err == f"octo: 2 machines did not all meet at 127.0.0.1:{port} within 1 s: run again\n"


def test_a_taken_port_is_named() -> None:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        port = listener.getsockname()[1]
        code, _, err = ended(start(port=port))
    assert (code, err) == (75, f"octo: port {port} is taken on this machine: give another --master-port\n")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--nnodes=x", "-m", JOB], "octo: octo.ml.gang: argument --nnodes: invalid int value: 'x'\n"),
        ([], "octo: octo.ml.gang: the following arguments are required: -m\n"),
        (["--node-rank=1", "-m", JOB], "octo: expected --node-rank below --nnodes"),
        (["--nodes=2", "-m", JOB], "octo: octo.ml.gang: unrecognized arguments: --nodes=2\n"),
    ],
)
def test_bad_flags_of_a_gang_are_refused_before_anything_starts(
    capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    assert main(flags) == 2
    assert capsys.readouterr().err.startswith(said)
