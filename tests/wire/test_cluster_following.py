import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from octo.cluster.client import Cluster, connect
from octo.cluster.endings import Outcome, is_over
from octo.cluster.following import Event, following
from octo.errors import ClusterMissingError, ClusterUnreachableError
from octo.render.rights import LAUNCH, rules
from tests.wire.cluster_examples import create_queue, fleet, gang, queued
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import Controllers, controlled
from tests.wire.kubernetes.faults import Fault, cut_after, end_after, refuse
from tests.wire.kubernetes.objects import Object, over_quota
from tests.wire.kubernetes.resources import EVENTS, JOB_SETS, JOBS, PODS, Resource
from tests.wire.kubernetes.rights import granted
from tests.wire.kubernetes.runners import Ending, ScriptedRunner

ADDRESS = "s3://b/p/artifacts/curation/0123"
MADE = Ending(message=json.dumps({"artifact": ADDRESS}))


@dataclass
class Story:
    """A JobSet that is followed, and what is done when something is told of it."""

    cluster: Cluster
    api: FakeCluster
    controllers: Controllers
    runner: ScriptedRunner
    events: list[Event] = field(default_factory=list)

    def follow(self, name: str, then: dict[str, Callable[[], object]], *, patience: float = 30) -> Outcome:
        """Follow to the end. The first event whose kind and text hold a key sets off what stands there, once."""
        waiting = dict(then)
        with following(self.cluster, name, patience=patience) as followed:
            for event in followed:
                self.events.append(event)
                told = f"{event.kind}: {event.text}"
                for part in [part for part in waiting if part in told]:
                    waiting.pop(part)()
        assert waiting == {}, self.events
        assert followed.outcome is not None
        return followed.outcome

    def told(self, kind: str) -> list[str]:
        return [event.text for event in self.events if event.kind == kind]

    def end(self, ending: Ending, *pods: str) -> Callable[[], None]:
        return lambda: [self.runner.end(pod, ending) for pod in pods] and None


@pytest.fixture
def story(cluster: Cluster, api: FakeCluster) -> Iterator[Story]:
    runner = ScriptedRunner()
    with controlled(api, runner) as controllers:
        yield Story(cluster, api, controllers, runner)


def test_a_fleet_is_followed_to_its_artifact(story: Story) -> None:
    story.api.store.create(JOB_SETS, fleet(3))
    pods = [f"curation-shards-0-{index}" for index in range(3)]
    outcome = story.follow("curation", {"pods: 3 running": story.end(MADE, *pods)})
    assert outcome == Outcome(succeeded=True, reason="AllJobsCompleted", exit_code=0, message="", artifact=ADDRESS)


def test_the_log_of_the_first_rank_is_told_in_order_and_once(story: Story) -> None:
    story.api.store.create(JOB_SETS, gang())
    progress = {"done": 3, "total": 10, "unit": "steps", "figures": {"loss": 2.5}}

    def write() -> None:
        story.runner.say("training-node-0-1", "of another rank")
        story.runner.say("training-node-0-0", *(f"line {number}" for number in range(50)))
        story.runner.say("training-node-0-0", json.dumps({"progress": progress}), "{no json", "last")

    ended = story.end(MADE, "training-node-0-0", "training-node-0-1")
    story.follow("training", {"pods: 2 running": write, "log: last": ended})
    assert story.told("log") == [*(f"line {number}" for number in range(50)), "{no json", "last"]
    assert [event.data for event in story.events if event.kind == "progress"] == [progress]


def test_a_log_that_breaks_off_goes_on_where_it_was(story: Story) -> None:
    story.api.store.create(JOB_SETS, fleet(1))
    story.api.faults.plan("GET", "/log", cut_after(3), times=2)
    story.api.faults.plan("GET", "/log", end_after(5))
    story.api.faults.plan("GET", "/log", refuse(503, "ServiceUnavailable"))

    def write() -> None:
        log = next(iter(story.runner.running.values())).log
        # Several lines of one moment, as fast writers leave them.
        for number in range(12):
            log.write(f"line {number}", at=10**18 + number // 4)

    ended = story.end(MADE, "curation-shards-0-0")
    story.follow("curation", {"1 running": write, "log: line 11": ended})
    assert story.told("log") == [f"line {number}" for number in range(12)]


def test_a_restarted_gang_is_followed_into_its_next_attempt(story: Story) -> None:
    story.api.store.create(JOB_SETS, gang())

    def finish() -> None:
        story.runner.say("training-node-0-0", "second attempt")
        for rank in range(2):
            story.runner.end(f"training-node-0-{rank}", MADE)

    then: dict[str, Callable[[], object]] = {
        "pods: 2 running": lambda: story.runner.say("training-node-0-0", "first attempt"),
        "log: first attempt": story.end(Ending(1, '{"error": "out of luck"}'), "training-node-0-1"),
    }
    then["restarting: restarted as a whole, for time 1 of 1"] = when_running(story, "training-node-0-", finish)
    outcome = story.follow("training", then)
    assert outcome.succeeded
    assert story.told("failed")[0] == "out of luck"
    assert story.told("log") == ["first attempt", "second attempt"]


def when_running(story: Story, pods: str, then: Callable[[], object]) -> Callable[[], None]:
    """Act when two pods run whose names start so."""

    def wait() -> None:
        def both_run() -> bool:
            running = [each.pod["metadata"]["name"] for each in list(story.runner.running.values())]
            return sum(name.startswith(pods) for name in running) == 2

        with story.api.store.changed:
            assert story.api.store.changed.wait_for(both_run, timeout=1500)
            then()

    return wait


@pytest.mark.parametrize(
    ("ending", "exit_code", "message"),
    [
        (Ending(2, '{"error": "--x is wrong"}'), 2, "--x is wrong"),
        (Ending(1, '{"error": "it broke"}'), 1, "it broke"),
        (Ending(75, '{"error": "stopped by SIGTERM"}'), 75, "stopped by SIGTERM"),
        (Ending(3, "Traceback:\n oh"), 1, "ended with exit code 3: Traceback: oh"),
        (Ending(1), 1, "ended with exit code 1; its log may say why"),
        (
            Ending(137, reason="OOMKilled"),
            1,
            "was killed for using more memory than its limit: raise --need.memory-gib",
        ),
    ],
)
def test_a_failure_has_the_exit_code_and_the_words_of_its_process(
    story: Story, ending: Ending, exit_code: int, message: str
) -> None:
    story.api.store.create(JOB_SETS, fleet(1, retries=0))
    outcome = story.follow("curation", {"pods: 1 running": story.end(ending, "curation-shards-0-0")})
    assert (outcome.succeeded, outcome.exit_code) == (False, exit_code)
    assert outcome.message.endswith(message)


def test_wrong_usage_is_told_though_others_were_stopped_for_it(story: Story) -> None:
    story.api.store.create(JOB_SETS, fleet(3))
    ended = story.end(Ending(2, '{"error": "--x is wrong"}'), "curation-shards-0-1")
    outcome = story.follow("curation", {"pods: 3 running": ended})
    assert (outcome.exit_code, outcome.message) == (2, "--x is wrong")


def test_a_gang_whose_node_is_taken_away_too_often_was_preempted(story: Story) -> None:
    story.api.store.create(JOB_SETS, gang(1, restarts=0))

    def evict() -> None:
        [pod] = story.api.store.listed(PODS)
        story.controllers.kubelet.evict("default", pod["metadata"]["name"], "PreemptionByScheduler")

    outcome = story.follow("training", {"pods: 1 running": evict})
    assert outcome.exit_code == 75
    assert "was taken away: the node is taken away" in outcome.message


def test_a_deadline_is_named(story: Story) -> None:
    story.api.store.create(JOB_SETS, fleet())
    expire = lambda: story.controllers.jobs.expire("default", "curation-shards-0")  # noqa: E731 - a step of the story
    outcome = story.follow("curation", {"pods: 2 running": expire})
    assert (outcome.reason, outcome.exit_code) == ("DeadlineExceeded", 1)
    assert "ran for longer than 86400 seconds: raise --need.deadline-seconds" in outcome.message


def test_why_a_jobset_waits_in_its_queue_is_told_until_it_is_admitted(story: Story) -> None:
    create_queue(story.api, 16)
    story.api.store.create(JOB_SETS, queued(gang(2, name="first")))
    story.api.store.create(JOB_SETS, queued(gang(1, name="second")))
    then: dict[str, Callable[[], object]] = {
        "it waits in queue team: couldn't assign flavors": story.end(MADE, "first-node-0-0", "first-node-0-1"),
        "admitted": lambda: None,
        "pods: 1 running": story.end(MADE, "second-node-0-0"),
    }
    assert story.follow("second", then).succeeded
    assert "insufficient unused quota for nvidia.com/gpu" in story.told("pending")[0]


def test_a_jobset_was_admitted_that_is_over_by_the_time_that_it_is_looked_at(story: Story) -> None:
    create_queue(story.api, 16)
    story.api.store.create(JOB_SETS, queued(gang(2, name="first")))
    story.api.store.create(JOB_SETS, queued(gang(1, name="second")))

    def let_all_end() -> None:
        story.runner.script = lambda pod: MADE if pod["metadata"]["name"].startswith("second") else None
        story.end(MADE, "first-node-0-0", "first-node-0-1")()
        with story.api.store.changed:
            assert story.api.store.changed.wait_for(
                lambda: all(map(is_over, story.api.store.listed(JOB_SETS))), timeout=1500
            )

    assert story.follow("second", {"it waits in queue team": let_all_end}).succeeded
    assert story.told("admitted") == ["it may start"]


def test_a_preempted_jobset_says_so_and_is_followed_on(story: Story) -> None:
    create_queue(story.api, 16)
    story.api.store.create(JOB_SETS, queued(gang(2)))

    def preempt() -> None:
        story.api.store.create(JOB_SETS, queued(gang(2, name="urgent")))
        story.controllers.queueing.preempt("default", "training")

    def finish_the_other() -> None:
        story.end(MADE, "urgent-node-0-0", "urgent-node-0-1")()

    then: dict[str, Callable[[], object]] = {"pods: 2 running": preempt}
    then["now it waits in queue team: couldn't"] = when_running(story, "urgent-", finish_the_other)
    then["admitted"] = when_running(story, "training-", story.end(MADE, "training-node-0-0", "training-node-0-1"))
    assert story.follow("training", then).succeeded
    assert any(text.startswith("it was preempted (Preempted to acc") for text in story.told("pending"))


def test_a_jobset_that_is_deleted_while_it_is_followed_is_an_error(story: Story) -> None:
    story.api.store.create(JOB_SETS, fleet())
    delete = lambda: story.api.store.delete(JOB_SETS, "default", "curation", "Foreground")  # noqa: E731
    with pytest.raises(ClusterMissingError, match=r"JobSet curation .* was deleted while it was followed"):
        story.follow("curation", {"pods: 2 running": delete})


def test_a_restart_of_the_api_server_is_followed_through(story: Story) -> None:
    story.api.store.create(JOB_SETS, fleet(1))

    @contextmanager
    def compacted() -> Iterator[None]:
        with story.api.restarting():
            story.runner.say("curation-shards-0-0", "said meanwhile")
            story.api.store.compact()
            yield

    def restart() -> None:
        with compacted():
            story.runner.end("curation-shards-0-0", MADE)

    outcome = story.follow(
        "curation", {"log: before": restart, "pods: 1 running": lambda: story.runner.say("curation", "before")}
    )
    assert outcome.artifact == ADDRESS
    assert story.told("log") == ["before", "said meanwhile"]


def test_a_server_that_first_knows_nobodys_rights_is_followed_through(story: Story, kubeconfig: Path) -> None:
    story.cluster = connect(kubeconfig=kubeconfig, attended=False)
    story.api.store.create(JOB_SETS, queued(gang(1), gpus=1))
    create_queue(story.api, 8)

    def restart() -> None:
        with story.api.restarting(forbids=8):
            story.runner.say("training-node-0-0", "said meanwhile")
        story.runner.end("training-node-0-0", MADE)

    outcome = story.follow(
        "training", {"log: before": restart, "pods: 1 running": lambda: story.runner.say("training", "before")}
    )
    assert outcome.artifact == ADDRESS
    assert story.told("log") == ["before", "said meanwhile"]
    assert story.told("unseen") == []
    assert story.api.forbidding == 0


def test_a_job_that_cannot_be_created_is_told_and_followed_when_it_can(story: Story) -> None:
    def deny(resource: Resource, manifest: Object) -> Object:
        if resource == JOBS:
            raise over_quota(JOBS, manifest["metadata"]["name"], "few, requested: count/jobs.batch=1")
        return manifest

    def look_again() -> None:
        store = story.api.store
        with store.changed:
            assert store.changed.wait_for(lambda: store.listed(EVENTS), timeout=30)
        # As each heartbeat does.
        store.change(JOB_SETS, "default", "curation", touched)

    def allow() -> None:
        story.api.store.admission.remove(deny)
        story.api.store.change(JOB_SETS, "default", "curation", touched)

    def touched(old: Object) -> Object:
        beats = int(old["metadata"]["annotations"].get("beats", 0)) + 1
        annotations = old["metadata"]["annotations"] | {"beats": str(beats)}
        return old | {"metadata": old["metadata"] | {"annotations": annotations}}

    story.api.store.admission.append(deny)
    story.api.store.create(JOB_SETS, fleet(1))
    then: dict[str, Callable[[], object]] = {
        "pending: its pods are being created": look_again,
        "pending: its Job cannot be created: the quota of the namespace leaves no room: few": allow,
        "pods: 1 running": story.end(MADE, "curation-shards-0-0"),
    }
    assert story.follow("curation", then).succeeded


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ("pods/log", "the log of pod training-node-0-0"),
        ("workloads", "why it waits in its queue is not told: not allowed to list workloads of kueue"),
    ],
)
def test_what_may_not_be_read_is_said_and_the_rest_goes_on(story: Story, resource: str, said: str) -> None:
    create_queue(story.api, 8)
    story.api.rights = granted(
        [rule for queue in (False, True) for rule in rules(LAUNCH, queued=queue) if rule["resources"] != [resource]],
        "default",
    )
    story.api.store.create(JOB_SETS, queued(gang(1)))
    assert story.follow("training", {"pods: 1 running": story.end(MADE, "training-node-0-0")}).succeeded
    [unseen] = story.told("unseen")
    assert unseen.startswith(said)
    assert "not allowed to" in unseen


def test_a_log_that_stays_out_of_reach_is_said_and_the_rest_goes_on(story: Story) -> None:
    story.api.faults.plan("GET", "/log", refuse(500, "InternalError", "dial tcp 10.0.0.7:10250: no route"), times=9)
    story.api.store.create(JOB_SETS, fleet(1))
    then: dict[str, Callable[[], object]] = {"unseen: the log": story.end(MADE, "curation-shards-0-0")}
    assert story.follow("curation", then, patience=0).succeeded


def test_what_has_ended_before_is_told_as_it_ended(story: Story) -> None:
    story.runner.script = lambda _pod: Ending(message=MADE.message, lines=("hello",))
    story.api.store.create(JOB_SETS, fleet(1))
    story.controllers.settle()
    assert story.follow("curation", {}).artifact == ADDRESS
    assert story.told("log") == ["hello"]


def test_pods_that_nobody_heard_of_before_the_end_are_told_all_the_same(story: Story) -> None:
    released = threading.Event()
    story.api.faults.plan("GET", "jobset-name%3Dcuration&watch=true", Fault(wait=released))
    story.runner.script = lambda _pod: Ending(message=MADE.message, lines=("hello",))
    suspended = fleet(1)
    suspended["spec"]["suspend"] = True
    story.api.store.create(JOB_SETS, suspended)

    def resume() -> None:
        place = (JOB_SETS, "default", "curation")
        story.api.store.change(*place, lambda old: old | {"spec": old["spec"] | {"suspend": False}})

    story.follow("curation", {"pending: it is suspended": resume})
    released.set()
    assert story.told("log") == ["hello"]


def test_what_failed_and_is_gone_is_known_though_the_watch_of_the_pods_hears_nothing(story: Story) -> None:
    released = threading.Event()
    story.api.faults.plan("GET", "jobset-name%3Dtraining&watch=true", Fault(wait=released))
    suspended = gang(1, restarts=0)
    suspended["spec"]["suspend"] = True
    store = story.api.store
    store.create(JOB_SETS, suspended)

    def evicted() -> None:
        store.change(JOB_SETS, "default", "training", lambda old: old | {"spec": old["spec"] | {"suspend": False}})
        with store.changed:
            assert store.changed.wait_for(lambda: story.runner.running, timeout=1500)
            [pod] = store.listed(PODS)
        story.controllers.kubelet.evict("default", pod["metadata"]["name"], "PreemptionByScheduler")

    outcome = story.follow("training", {"pending: it is suspended": evicted})
    released.set()
    assert store.listed(PODS) == []
    assert outcome.exit_code == 75
    assert "was taken away: the node is taken away" in outcome.message
    assert len(story.told("failed")) == 1


def test_following_ends_when_the_server_stays_away(story: Story, kubeconfig: Path) -> None:
    story.api.store.create(JOB_SETS, fleet(1))
    story.cluster = connect(kubeconfig=kubeconfig, patience=0)

    def away() -> None:
        story.api.down = True
        story.api.cut_streams()

    with pytest.raises(ClusterUnreachableError):
        story.follow("curation", {"pods: 1 running": away}, patience=0)


def test_a_heartbeat_is_renewed_and_fails_nothing(story: Story) -> None:
    story.api.store.create(JOB_SETS, fleet(1))
    story.api.faults.plan("PATCH", "/jobsets", refuse(403, "Forbidden", "no"), times=2)
    beating = threading.Event()

    def heard(manifest: Object) -> bool:
        return "octo.dev/heartbeat" in manifest["metadata"]["annotations"]

    with following(story.cluster, "curation", heartbeat_seconds=0.01) as followed, story.api.store.changed:
        assert story.api.store.changed.wait_for(lambda: heard(story.api.store.listed(JOB_SETS)[0]), timeout=1500)
        beating.set()
    assert followed.outcome is None
    assert len(story.api.faults.happened) == 2


def test_a_heartbeat_that_may_not_be_given_is_said_once(story: Story, caplog: pytest.LogCaptureFixture) -> None:
    story.api.store.create(JOB_SETS, fleet(1))
    allowed = [rule for rule in rules(LAUNCH, queued=False) if rule["resources"] != ["jobsets"]]
    jobsets = {"apiGroups": ["jobset.x-k8s.io"], "resources": ["jobsets"], "verbs": ["get", "list", "watch"]}
    story.api.rights = granted([*allowed, jobsets], "default")

    def beaten() -> bool:
        return sum(request.startswith("PATCH") for request in story.api.requests) > 2

    with following(story.cluster, "curation", heartbeat_seconds=0.01):
        while not beaten():
            threading.Event().wait(0.01)
    said = [each.getMessage() for each in caplog.records if "is followed" in each.getMessage()]
    assert len(said) == 1
    assert said[0].startswith(
        "JobSet curation cannot be told that it is followed, and the janitor may stop it after 900 s"
    )
    assert 'User "tester" cannot patch resource "jobsets"' in said[0]


def test_what_does_not_exist_cannot_be_followed(cluster: Cluster) -> None:
    with pytest.raises(ClusterMissingError, match="there is no JobSet nowhere"), following(cluster, "nowhere"):
        pass
