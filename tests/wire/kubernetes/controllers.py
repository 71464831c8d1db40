"""Everything that acts on the objects of a fake cluster: step by step when told to, or by a thread of its own."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.garbage import GarbageCollector
from tests.wire.kubernetes.job_controller import JobController
from tests.wire.kubernetes.jobset_controller import JobSetController
from tests.wire.kubernetes.kubelet import Kubelet
from tests.wire.kubernetes.objects import Object
from tests.wire.kubernetes.queueing import Queueing, suspended_when_queued
from tests.wire.kubernetes.resources import CLUSTER_QUEUES, JOB_SETS, JOBS, LOCAL_QUEUES, PODS, WORKLOADS
from tests.wire.kubernetes.runners import Runner
from tests.wire.kubernetes.store import Change

_MOST_STEPS = 1000


class Controllers:
    """JobSets, Jobs, pods and queues of one cluster."""

    def __init__(self, api: FakeCluster, runner: Runner) -> None:
        self.api = api
        self.jobs = JobController(api.store)
        self.jobsets = JobSetController(api.store)
        self.queueing = Queueing(api.store)
        self.kubelet = Kubelet(api, runner)
        self.garbage = GarbageCollector(api.store, api.resources)
        self._acts = {JOB_SETS: self.jobsets.reconcile, JOBS: self.jobs.reconcile, PODS: self._act_on_pod}
        self._seen = 0
        self._stopped = False
        api.store.admission.append(suspended_when_queued)
        api.evict = self.kubelet.evict

    def settle(self) -> None:
        """Look at everything, and act until nothing changes any more by itself."""
        self._seen = 0
        for _ in range(_MOST_STEPS):
            if not self.step():
                return
        raise AssertionError("the controllers never come to rest")

    def step(self) -> bool:
        """Act on what has changed since the last step; whether anything had."""
        store = self.api.store
        with store.lock:
            changes, self._seen = store.all_changes(self._seen), store.version
            self.garbage.reconcile(changes)
            if any(change.resource in (JOB_SETS, LOCAL_QUEUES, CLUSTER_QUEUES, WORKLOADS) for change in changes):
                self.queueing.reconcile()
            for uid in _concerned(changes):
                # Read anew: what was done for the one before may have changed this one.
                found = store.identified(uid)
                if found and found[0] in self._acts:
                    self._acts[found[0]](found[1])
            return bool(changes)

    def _act_on_pod(self, pod: Object) -> None:
        self.kubelet.reconcile(pod)
        if found := self.api.store.identified(pod["metadata"]["uid"]):
            self.jobs.release_orphan(found[1])

    @contextmanager
    def running(self) -> Iterator[None]:
        """Act in a thread while the block lasts."""
        thread = threading.Thread(target=self._run, name="controllers")
        thread.start()
        try:
            yield
        finally:
            with self.api.store.changed:
                self._stopped = True
                self.api.store.changed.notify_all()
            thread.join()
            self.kubelet.runner.close()

    def _run(self) -> None:
        store = self.api.store
        while not self._stopped:
            if not self.step():
                with store.changed:
                    if store.version == self._seen and not self._stopped:
                        store.changed.wait(1)


def _concerned(changes: Iterable[Change]) -> Iterable[str]:
    """The objects that have changed and their owners, each once, in order."""
    uids: dict[str, None] = {}
    for change in changes:
        metadata = change.manifest["metadata"]
        uids |= dict.fromkeys([metadata["uid"], *(owner["uid"] for owner in metadata.get("ownerReferences", []))])
    return uids


@contextmanager
def controlled(api: FakeCluster, runner: Runner) -> Iterator[Controllers]:
    """A cluster whose controllers run by themselves while the block lasts."""
    controllers = Controllers(api, runner)
    with controllers.running():
        yield controllers
