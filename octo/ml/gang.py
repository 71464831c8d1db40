"""A gang: ranks of one job on one or more machines, started by torchrun's agent and told of as one process.

`python -m octo.ml.gang --nnodes=N --nproc-per-node=G --node-rank=R --master-addr=A --master-port=P -m jobs.JOB ...`
runs on every machine and exits as the job did. Nothing is restarted here: whoever started the gang restarts all of it.
"""

import argparse
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

# Before torch is there: of a launcher that has gone, its store writes pages of frames; it is told in a sentence.
os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")

from torch.distributed import DistError
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, launch_agent

from octo.errors import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_OUTPUT,
    EXIT_PREEMPTED,
    EXIT_READER_LEFT,
    EXIT_USAGE,
    PreemptedError,
    StageFailedError,
    UsageError,
)
from octo.ml.gang_watch import GangWatch
from octo.ml.last_words import last_words
from octo.ml.machines import Machines
from octo.ml.rank import Ending, endings
from octo.outcome import concluded
from octo.scratch import scratch_folder

MEETING_SECONDS = 600
"""How long machines wait for each other: names of a headless service appear late, images are pulled at other speeds."""
GRACE_SECONDS = 86_400
"""For ranks that were told to stop; Kubernetes' own grace is shorter, and known to it alone."""
LOOPBACK = "127.0.0.1"
RESOLVING_SECONDS = 1.0
"""Between two looks at whether a name has appeared."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run this machine's ranks and give the job's exit code."""
    return concluded(run_gang, sys.argv[1:] if arguments is None else arguments)


def run_gang(arguments: Sequence[str]) -> int:
    """Run this machine's ranks; the deciding rank's sentence is said, once."""
    options, command = _options(arguments)
    # The agent's own account of a failure is a page about child processes; the ranks log for themselves.
    logging.disable()
    with scratch_folder("gang") as folder:
        signal.signal(signal.SIGTERM, _stop)
        watch = _watch(folder, options)
        try:
            _await_name(options.master_addr, options.meeting_seconds)
            with watch:
                launch_agent(_configuration(options), sys.executable, _command_of_a_rank(str(folder), command))
        except ChildFailedError as failed:
            failures = sorted(failed.failures.items(), key=lambda each: (each[1].timestamp, each[0]))
            exit_codes = {number: each.exitcode for number, each in failures if number not in watch.ended}
            return _conclude_failed(folder, exit_codes, verdict=watch.verdict)
        except SignalException:
            return _conclude_stopped(endings(folder))
        except DistError as error:
            raise PreemptedError(_missed(options, error)) from error
        return EXIT_DONE


class _Parser(argparse.ArgumentParser):
    """argparse's parser with our errors."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print under the whole usage."""
        raise UsageError(f"octo.ml.gang: {message}")


def _options(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = _Parser(prog="python -m octo.ml.gang", allow_abbrev=False)
    parser.add_argument("--nnodes", type=int, default=1, help="machines")
    parser.add_argument("--nproc-per-node", type=int, default=1, help="ranks on each machine")
    parser.add_argument("--node-rank", type=int, default=0, help="which machine this is")
    parser.add_argument("--master-addr", default=LOOPBACK, help="name or address of machine 0")
    parser.add_argument("--master-port", type=int, default=29500, help="port on it that the machines meet at")
    parser.add_argument("--meeting-seconds", type=int, default=MEETING_SECONDS, help="how long they wait for all")
    parser.add_argument("-m", dest="module", required=True, metavar="jobs.JOB ...", help="the job and its flags")
    # What follows the module is the job's, whatever it looks like.
    end = list(arguments).index("-m") + 2 if "-m" in arguments else len(arguments)
    options = parser.parse_args(arguments[:end])
    if not 0 <= options.node_rank < options.nnodes or options.nproc_per_node < 1:
        raise UsageError(
            f"expected --node-rank below --nnodes and a rank a node at least, got --node-rank={options.node_rank} "
            f"--nnodes={options.nnodes} --nproc-per-node={options.nproc_per_node}"
        )
    if options.nnodes == 1:
        # A machine by itself meets nobody, and need not wait until its name is known.
        options.master_addr = LOOPBACK
    return options, ["-m", options.module, *arguments[end:]]


def _stop(number: int, _frame: object) -> None:
    # The agent sets the same handler once it runs; before that, names are awaited.
    raise SignalException("stopped", signal.Signals(number))


def _await_name(name: str, seconds: float) -> None:
    """Return when the name has an address. Names of a headless service's pods appear when the pods have started."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.getaddrinfo(name, None)
        except socket.gaierror as error:
            if time.monotonic() > end:
                raise PreemptedError(f"{name} had no address for {seconds} s: {error.strerror}; run again") from None
            time.sleep(RESOLVING_SECONDS)
        else:
            return


def _configuration(options: argparse.Namespace) -> LaunchConfig:
    return LaunchConfig(
        min_nodes=options.nnodes,
        max_nodes=options.nnodes,
        nproc_per_node=options.nproc_per_node,
        run_id="octo",
        rdzv_backend="static",
        rdzv_endpoint=f"{options.master_addr}:{options.master_port}",
        rdzv_configs={"rank": options.node_rank, "timeout": options.meeting_seconds},
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(log_dir=os.devnull),
        shutdown_timeout=GRACE_SECONDS,
    )


def _watch(folder: Path, options: argparse.Namespace) -> GangWatch:
    machines = Machines(
        node=options.node_rank, nodes=options.nnodes, address=options.master_addr, port=options.master_port
    )
    return GangWatch(
        folder,
        machines,
        local_ranks=options.nproc_per_node,
        ranks=options.nnodes * options.nproc_per_node,
        is_first=options.node_rank == 0,
    )


def _command_of_a_rank(folder: str, command: Sequence[str]) -> list[str]:
    # The agent fills in $names in what it runs; two dollars stand for one.
    own = [argument.replace("$", "$$") for argument in command]
    return ["-m", "octo.ml.rank", str(os.getpid()), folder, *own]


def _missed(options: argparse.Namespace, error: DistError) -> str:
    place = f"{options.master_addr}:{options.master_port}"
    if "EADDRINUSE" in str(error):
        return f"port {options.master_port} is taken on this machine: give another --master-port"
    return f"{options.nnodes} machines did not all meet at {place} within {options.meeting_seconds} s: run again"


def _conclude_failed(folder: Path, exit_codes: Mapping[int, int], *, verdict: str) -> int:
    """Say the sentence of the rank that failed first, and give its exit code.

    When one rank fails, the others lose it and are stopped: what they say of that counts only when nobody says more.
    The verdict, if there is one, is that of whoever watched the ranks. Exit codes are the kernel's, by rank, of those
    that failed, the first of them first.
    """
    ended = endings(folder)
    for exit_code in (EXIT_USAGE, EXIT_FAILED, EXIT_OUTPUT, EXIT_READER_LEFT):
        if any(ending.exit_code == exit_code for ending in ended):
            return _say(ended, exit_code)
    if verdict:
        raise PreemptedError(verdict)
    killed = {number: -code for number, code in exit_codes.items() if code < 0 and -code != signal.SIGTERM}
    for number, blow in killed.items():
        why = "out of memory?" if blow == signal.SIGKILL else "its stack is above"
        raise StageFailedError(
            f"rank {number} was killed by {signal.Signals(blow).name} ({why}){last_words(folder, number)}: run again, "
            "it resumes"
        )
    left = {ending.rank: ending.exit_code for ending in ended}
    for number, exit_code in (left | {number: code for number, code in exit_codes.items() if code > 0}).items():
        if exit_code not in (EXIT_DONE, EXIT_PREEMPTED):
            words = last_words(folder, number) or " and said nothing"
            raise StageFailedError(f"rank {number} ended with exit code {exit_code}{words}")
    return _say(ended, EXIT_PREEMPTED)


def _conclude_stopped(ended: Sequence[Ending]) -> int:
    """A gang that was told to stop is preempted, whatever else that did to its ranks, unless it was misused."""
    misused = any(ending.exit_code == EXIT_USAGE for ending in ended)
    return _say(ended, EXIT_USAGE if misused else EXIT_PREEMPTED)


def _say(ended: Sequence[Ending], exit_code: int) -> int:
    sentences = [ending.sentence for ending in ended if ending.exit_code == exit_code and ending.sentence]
    sentence = next(iter(sentences), "octo: stopped; what is committed stays: run again to resume")
    if sentences or exit_code != EXIT_READER_LEFT:
        sys.stderr.write(f"{sentence}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
