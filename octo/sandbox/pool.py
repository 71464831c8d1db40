"""The sandbox as its users see it: tasks in, verdicts out, whatever the programs do."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from octo.errors import UsageError
from octo.sandbox.conversation import WorkerLostError
from octo.sandbox.layers import offered
from octo.sandbox.verdicts import Limits, Outcome, Task, TestVerdict, Verdict
from octo.sandbox.worker import Worker

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
        self._workers = [
            Worker(limits=limits or Limits(), packages=packages, active=found.active) for _ in range(workers)
        ]
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
        asked = [[self._threads.submit(self._run, task, test) for test in task.tests] for task in tasks]
        return [Verdict(tuple(test.result() for test in tests), self.layers) for tests in asked]

    def _run(self, task: Task, test: str) -> TestVerdict:
        said = ""
        for _ in range(TRIES):
            with self._worker() as worker:
                try:
                    return worker.run(task, test)
                except WorkerLostError as error:
                    worker.close()
                    said = str(error)
                    if self._closing:
                        break
        return TestVerdict(Outcome.COULD_NOT_RUN, said)

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        worker = self._free.get()
        try:
            yield worker
        finally:
            self._free.put(worker)
