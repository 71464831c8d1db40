"""The sandbox as its users see it: tasks in, verdicts out, whatever the programs do."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock
from types import TracebackType
from typing import Self

from octo.errors import UsageError
from octo.sandbox.budget import Budget
from octo.sandbox.conversation import WorkerLostError
from octo.sandbox.layers import offered
from octo.sandbox.verdicts import Limits, Outcome, Task, TestVerdict, Verdict
from octo.sandbox.worker import DiskFullError, Worker

KNOWN_FILLINGS = 1000
TRIES = 2
"""A test whose worker was lost is asked of a new one, so often in all."""


class Sandbox:
    """A pool of warm workers. A context manager; its methods may be called from any thread."""

    def __init__(
        self,
        *,
        workers: int = 1,
        limits: Limits | None = None,
        packages: Sequence[str] = (),
        weaker: bool = False,
        without: Sequence[str] = (),
    ) -> None:
        """Choose the layers.

        Args:
            workers: tests that run side by side.
            limits: of each test.
            packages: modules that the workers import beforehand; they then find the environment's other packages too.
                For trusted code that works on untrusted data.
            weaker: run even where there are too few layers to hold a program that wants to do harm.
            without: layers to do without although this machine gives them.

        Raises:
            UsageError: too few layers, and `weaker` is not set.
        """
        found = offered().but(without)
        if not found.sufficient and not weaker:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in found.lacking.items())
            raise UsageError(
                f"this machine cannot hold what a model wrote: it takes seccomp, and Landlock or namespaces ({reasons})"
            )
        self.layers = found.active
        self._limits = limits or Limits()
        self._fillings: deque[tuple[float, float]] = deque(maxlen=KNOWN_FILLINGS)
        """When programs ran that filled the disk."""
        self._one_alone = Lock()
        self._workers = [Worker(limits=self._limits, packages=packages, active=found.active) for _ in range(workers)]
        self._free: SimpleQueue[Worker] = SimpleQueue()
        self._closing = False
        self._threads = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="octo-sandbox")

    def __enter__(self) -> Self:
        for worker in self._workers:
            self._free.put(worker)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._closing = True
        if error is not None:
            for worker in self._workers:
                worker.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.close()

    def judge(self, task: Task) -> Verdict:
        """Run every test of a task, each in a fresh pair of processes."""
        return self.judge_all([task])[0]

    def judge_all(self, tasks: Iterable[Task]) -> list[Verdict]:
        """Run every test of every task on all workers; the verdicts come in the order of the tasks."""
        asked = []
        for task in tasks:
            budget = Budget(self._limits)
            each = [self._threads.submit(self._run, task, place, budget) for place in range(len(task.tests))]
            asked.append((task, budget, each))
        # What was tried while the disk was full is known when all have run, and is tried once more, alone.
        tried = [[each.result() for each in tests] for _, _, tests in asked]
        verdicts = []
        for (task, budget, _), tests in zip(asked, tried, strict=True):
            said = [self._said(each, task, place, budget) for place, each in enumerate(tests)]
            verdicts.append(Verdict(budget.settle(said), self.layers))
        return verdicts

    def _run(self, task: Task, place: int, budget: Budget) -> "_Try | None":
        """Try one test; None where it need not be run."""
        if budget.ended_before(place):
            return None
        began = time.monotonic()
        said = ""
        for _ in range(TRIES):
            with self._worker() as worker:
                try:
                    ran = worker.run(task, task.tests[place])
                except DiskFullError:
                    return _Try(None, began, time.monotonic())
                except WorkerLostError as error:
                    worker.close()
                    said = str(error)
                    if self._closing:
                        break
                    continue
                ended = time.monotonic()
                if ran.filled:
                    self._fillings.append((began, ended))
                budget.charge(place, ran.verdict, cpu_seconds=ran.cpu_seconds, wall_seconds=ran.wall_seconds)
                return _Try(ran.verdict, began, ended, filled=ran.filled)
        return _Try(TestVerdict(Outcome.COULD_NOT_RUN, said), began, time.monotonic())

    def _said(self, tried: "_Try | None", task: Task, place: int, budget: Budget) -> TestVerdict | None:
        if tried is None:
            return None
        if tried.verdict is None or self._is_void(tried):
            return self._run_alone(task, place, budget)
        return tried.verdict

    def _is_void(self, tried: "_Try") -> bool:
        """Whether a try says nothing of its program, as another one filled the disk meanwhile."""
        if tried.filled or (tried.verdict and tried.verdict.outcome is Outcome.PASS):
            return False
        return any(began < tried.ended and tried.began < ended for began, ended in self._fillings)

    def _run_alone(self, task: Task, place: int, budget: Budget) -> TestVerdict:
        """Try a test while no other runs. A program that then fills the disk has done so itself."""
        with ExitStack() as held:
            held.enter_context(self._one_alone)
            workers = [held.enter_context(self._worker()) for _ in self._workers]
            try:
                ran = workers[0].run(task, task.tests[place])
            except WorkerLostError as error:
                workers[0].close()
                return TestVerdict(Outcome.COULD_NOT_RUN, str(error))
            except DiskFullError as error:
                if error.held >= error.room / 2 > 0:
                    said = f"filled the disk: it held {error.held >> 20} of the {error.room >> 20} MiB that were free"
                    return TestVerdict(Outcome.ERROR, said)
                return TestVerdict(Outcome.COULD_NOT_RUN, str(error))
        budget.charge(place, ran.verdict, cpu_seconds=ran.cpu_seconds, wall_seconds=ran.wall_seconds)
        return ran.verdict

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        worker = self._free.get()
        try:
            yield worker
        finally:
            self._free.put(worker)


@dataclass(frozen=True)
class _Try:
    """A test that was tried among others."""

    verdict: TestVerdict | None
    """None where the disk was full."""
    began: float
    ended: float
    filled: bool = False
    """Whether its program filled the disk."""
