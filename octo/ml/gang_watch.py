"""Watching a gang's ranks from outside: whether some wait for one that does not come, or one is gone.

A rank that waits in a collective hears no signal and raises nothing until its library loses patience, and it cannot
know for whom it waits. The launchers see it: each reads the marks of its machine's ranks, and the first machine's
compares those of all. A slow step is none of it: what is told is that some ranks have begun a collective that others
have not, for as long as the settings have patience with, and that none of them has come any further meanwhile.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from octo.errors import EXIT_DONE, EXIT_PREEMPTED
from octo.ml import stacks
from octo.ml.last_words import Listener, last_words
from octo.ml.machines import EXCHANGE_SECONDS, Hang, Machines
from octo.ml.marks import Mark, marks_in
from octo.ml.rank import endings
from octo.numbers import in_runs

LOOK_SECONDS = 0.25
LEAVING_SECONDS = 5.0
"""For ranks that lost another to end by themselves; one that waits for it to join would wait for minutes."""


@dataclass
class Seen:
    """The marks of all ranks, and since when each of them has stood."""

    marks: dict[int, Mark] = field(default_factory=dict)
    since: dict[int, float] = field(default_factory=dict)

    def look(self, marks: Iterable[Mark], now: float) -> None:
        """Take note of marks as they are now."""
        for mark in marks:
            if self.marks.get(mark.rank) != mark:
                self.marks[mark.rank], self.since[mark.rank] = mark, now

    def hang(self, *, ranks: int, now: float) -> Hang | None:
        """Which ranks have waited for which others as long as they are to, if they have."""
        if len(self.marks) < ranks:
            return None
        furthest = max(mark.collectives for mark in self.marks.values())
        waiting = [rank for rank, mark in sorted(self.marks.items()) if mark.collectives == furthest]
        missing = [rank for rank in sorted(self.marks) if rank not in waiting]
        patience = max(mark.patience for mark in self.marks.values())
        if not missing or not patience or now - max(self.since.values()) < patience:
            return None
        return Hang(waiting=waiting, missing=missing, seconds=patience)


class GangWatch:
    """Looks after one machine's ranks beside the agent that has started them, and ends them where they cannot go on."""

    def __init__(self, folder: Path, machines: Machines, *, local_ranks: int, ranks: int, is_first: bool) -> None:
        """Nothing is looked at yet.

        Args:
            folder: where this machine's ranks leave their marks, stacks and endings.
            machines: the other ones.
            local_ranks: of this machine.
            ranks: of all machines.
            is_first: whether this is the machine that compares the ranks of all.
        """
        self.verdict = ""
        """Why the ranks could not go on, as a sentence; empty where they themselves say it."""
        self.ended: set[int] = set()
        """Ranks that were ended for it: nothing else killed them."""
        self._folder = folder
        self._machines = machines
        self._local_ranks, self._ranks = local_ranks, ranks
        self._is_first = is_first
        self._seen = Seen()
        self._listener = Listener(folder)
        self._shown = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="octo-gang", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(3 * stacks.STACKS_SECONDS)
        self._listener.show(over=True)
        if kind and not self._shown:
            # A rank that crashes writes them too.
            self._show({mark.rank: stacks.written_by(mark, self._folder) for mark in marks_in(self._folder)})
        if kind and self._machines.tell(self._failure(), finished=self._has_finished()) and self._is_first:
            # This launcher takes the store with it.
            time.sleep(2 * EXCHANGE_SECONDS)

    def _watch(self) -> None:
        failed_at = 0.0
        while not self._over.wait(LOOK_SECONDS):
            self._listener.show()
            now, marks = time.monotonic(), marks_in(self._folder)
            self._seen.look([*marks, *self._machines.exchange(marks)], now)
            failure = self._failure()
            self._machines.tell(failure, finished=self._has_finished())
            if not failure and self._machines.failure:
                self.verdict = (
                    f"on another machine {self._machines.failure}; what is committed stays: run again to resume"
                )
            if failure or self._machines.failure:
                failed_at = failed_at or now
                if now - failed_at > LEAVING_SECONDS:
                    self._end(marks)
                    return
            elif hang := self._machines.agree(self._hang(now)):
                self._end_hung(hang, marks)
                return

    def _hang(self, now: float) -> Hang | None:
        return self._seen.hang(ranks=self._ranks, now=now) if self._is_first else None

    def _failure(self) -> str:
        """What went wrong with a rank of this machine, in a clause; empty where nothing did."""
        marks = marks_in(self._folder)
        gone = [mark.rank for mark in marks if stacks.is_gone(mark.pid)]
        # Read after it was seen to be gone, so that what it left before is there.
        left = {ending.rank: ending for ending in endings(self._folder)}
        for ending in left.values():
            if ending.exit_code not in (EXIT_DONE, EXIT_PREEMPTED):
                return f"rank {ending.rank} failed: {ending.sentence.removeprefix('octo: ')}"
        killed = (f"rank {rank} was killed{last_words(self._folder, rank)}" for rank in gone if rank not in left)
        return next(killed, "")

    def _has_finished(self) -> bool:
        left = endings(self._folder)
        return len(left) == self._local_ranks and all(each.exit_code in (EXIT_DONE, EXIT_PREEMPTED) for each in left)

    def _end_hung(self, hang: Hang, marks: Sequence[Mark]) -> None:
        """Show where this machine's ranks are, and end them."""
        stopped = [mark.rank for mark in marks if stacks.is_stopped(mark.pid)]
        written = stacks.asked_for(marks, self._folder)
        self._show({rank: text or "its stacks could not be had" for rank, text in written.items()})
        self.verdict = told(hang, {rank: stacks.place_in(text) for rank, text in written.items()}, stopped=stopped)
        self._end(marks)

    def _end(self, marks: Sequence[Mark]) -> None:
        alive = [mark for mark in marks if not stacks.is_gone(mark.pid)]
        self.ended |= {mark.rank for mark in alive}
        _kill(alive)

    def _show(self, written: Mapping[int, str]) -> None:
        self._shown = True
        for rank, text in written.items():
            for line in text.splitlines():
                sys.stderr.write(f"[rank {rank}] {line}\n")
        sys.stderr.flush()


def told(hang: Hang, places: Mapping[int, str], *, stopped: Sequence[int]) -> str:
    """A hang in a sentence, with the places that are known of ranks."""
    come = next((f" in {places[rank]}" for rank in hang.waiting if places.get(rank)), "")
    late = next((f" in {places[rank]}" for rank in hang.missing if places.get(rank)), "")
    was = "was stopped by a signal" if hang.missing[0] in stopped else "is"
    where = f", which {was}{late}" if late or hang.missing[0] in stopped else ""
    return (
        f"{_ranks(hang.waiting)} waited {hang.seconds:g} s{come} for {_ranks(hang.missing)}{where}: run again, it "
        "resumes (every rank's stack is above; --gang.collective-seconds says how long they wait)"
    )


def _ranks(ranks: Sequence[int]) -> str:
    return f"rank{'s' if len(ranks) > 1 else ''} {in_runs(ranks)}"


def _kill(marks: Sequence[Mark]) -> None:
    for mark in marks:
        with suppress(ProcessLookupError):
            os.kill(mark.pid, signal.SIGKILL)
