"""One table says what octo asks of a cluster: the commands use it whole and nothing beyond, and doctor asks for it."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from octo.cluster.cancel import cancel_command
from octo.cluster.client import Cluster, connect
from octo.cluster.doctor import doctor_command
from octo.cluster.janitor import janitor_command
from octo.cluster.kinds import JOB_SET, LOCAL_QUEUE, POD, WORKLOAD
from octo.cluster.launch import launch
from octo.cluster.logs import logs_command
from octo.cluster.ps import ps_command, status_command
from octo.cluster.submit_command import submit_command
from octo.errors import ClusterRightsError
from octo.render.rights import JANITOR, LAUNCH, Right, each_verb, rules
from octo.settings.base import S3Settings
from octo.settings.curation import CurationSettings
from octo.settings.loading import arguments_of
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.committing import commit
from tests.wire.cluster_examples import COMPLETE, create_queue, fleet, queued
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import controlled
from tests.wire.kubernetes.objects import Object
from tests.wire.kubernetes.resources import JOB_SETS
from tests.wire.kubernetes.rights import granted
from tests.wire.kubernetes.runners import Ending, ScriptedRunner

REVIEWS = ("create", "authorization.k8s.io", "selfsubjectaccessreviews")
QUEUE = "--installation.queue=team"


def granted_to_launch(*, but: tuple[str, str] = ("", "")) -> list[Object]:
    """The chart's rules, without one verb on one resource."""
    both = [*rules(LAUNCH, queued=False), *rules(LAUNCH, queued=True)]
    return [rule | {"verbs": [verb for verb in rule["verbs"] if (verb, rule["resources"][0]) != but]} for rule in both]


@pytest.fixture
def settings(store: Store, embedded: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    assert embedded.s3.access_key is not None
    assert embedded.s3.secret_key is not None
    monkeypatch.setenv("OCTO_S3__ACCESS_KEY", embedded.s3.access_key.get_secret_value())
    monkeypatch.setenv("OCTO_S3__SECRET_KEY", embedded.s3.secret_key.get_secret_value())
    curation = CurationSettings(store=store.address, s3=S3Settings(endpoint=embedded.s3.endpoint), **COMPLETE)
    return ["curation", *arguments_of(curation), QUEUE]


@pytest.fixture
def queueing(api: FakeCluster, store: Store) -> Iterator[FakeCluster]:
    """A cluster with a queue, whose pods end well."""
    create_queue(api, 8)
    made = commit(store, [{"documents.parquet": b"1"}], job="curation")
    ending = Ending(0, json.dumps({"artifact": made.address}), lines=("done",))
    with controlled(api, ScriptedRunner(lambda _pod: ending)):
        yield api


def test_the_commands_keep_to_the_table_and_use_all_of_it(
    queueing: FakeCluster, settings: list[str], kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    queueing.rights = granted(granted_to_launch(), "default")
    assert launch([*settings, "--run-id=one"]) == 0
    assert submit_command([*settings, "--run-id=two", "--yes", "--follow"]) == 0
    assert ps_command([]) == 0
    queueing.store.create(JOB_SETS, queued(fleet(1, name="unstarted"), gpus=99))
    held = fleet(1, name="held")
    queueing.store.create(JOB_SETS, held | {"spec": held["spec"] | {"suspend": True}})
    for command in (status_command, logs_command, lambda words: logs_command([*words, "-f"])):
        assert command(["two"]) == 0
    assert status_command(["unstarted"]) == status_command(["held"]) == 0
    assert cancel_command(["unstarted", "--yes"]) == 0
    doctor_command([QUEUE])
    stated = {(verb, right.group, right.resource) for right, verb in each_verb(LAUNCH, queued=True)}
    # Whoever may create pods is answered by a pod's dry run in place of a pod template's.
    assert queueing.used - {REVIEWS, ("create", "", "pods")} == stated


def test_the_janitor_keeps_to_its_own(api: FakeCluster, kubeconfig: Path) -> None:
    jobset = fleet(name="lost")
    jobset["metadata"]["labels"]["octo.dev/followed"] = "true"
    jobset["metadata"]["annotations"]["octo.dev/heartbeat"] = "2026-01-01T00:00:00Z"
    api.store.create(JOB_SETS, jobset)
    api.rights = granted(rules(JANITOR, queued=False), "default")
    assert janitor_command([f"--kubeconfig={kubeconfig}"]) == 0
    assert api.used == {(verb, right.group, right.resource) for right, verb in each_verb(JANITOR, queued=False)}


def findings(kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, str]]]:
    capsys.readouterr()
    code = doctor_command([f"--kubeconfig={kubeconfig}", "--json", QUEUE])
    found = json.loads(capsys.readouterr().out)["findings"]
    return code, [each for each in found if each["subject"] == "rights"]


ITSELF = {("list", "jobsets"), ("get", "localqueues")}
"""What doctor does itself, and says by how it went."""


@pytest.mark.parametrize(
    ("right", "verb"),
    [
        pytest.param(right, verb, id=f"{verb} {right.resource}")
        for right, verb in each_verb(LAUNCH, queued=True)
        if (verb, right.resource) not in ITSELF
    ],
)
def test_doctor_misses_each_right_that_a_command_is_refused(
    api: FakeCluster, kubeconfig: Path, capsys: pytest.CaptureFixture[str], right: Right, verb: str
) -> None:
    create_queue(api, 8)
    api.rights = granted(granted_to_launch(but=(verb, right.resource)), "default")
    code, found = findings(kubeconfig, capsys)
    assert code == int(right.needed)
    [lacking] = found
    assert lacking["state"] == ("fault" if right.needed else "warning")
    assert f"not allowed in namespace default: {verb} {right.resource}" in lacking["said"]
    assert right.purpose in lacking["said"]
    assert "rbac.launchers" in lacking["said"]


def test_with_what_the_chart_grants_doctor_misses_nothing(
    api: FakeCluster, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create_queue(api, 8)
    api.rights = granted(granted_to_launch(), "default")
    code, [found] = findings(kubeconfig, capsys)
    assert (code, found["state"]) == (0, "ok")


ASKED = pytest.mark.parametrize(
    ("user", "ask", "said", "remedy"),
    [
        (
            "jane",
            lambda cluster: cluster.list(JOB_SET),
            'User "jane" cannot list resource "jobsets" in API group "jobset.x-k8s.io" in the namespace "default"',
            'name {kind: User, name: "jane"} under rbac.launchers',
        ),
        (
            "system:serviceaccount:team:default-editor",
            lambda cluster: cluster.get(POD, "p"),
            'User "system:serviceaccount:team:default-editor" cannot get resource "pods" in API group ""',
            "name {kind: ServiceAccount, name: default-editor, namespace: team} under rbac.launchers",
        ),
        (
            "jane",
            lambda cluster: cluster.elsewhere("").list(WORKLOAD),
            'cannot list resource "workloads" in API group "kueue.x-k8s.io" at the cluster scope',
            "name one namespace by --namespace, or have an administrator bind a ClusterRole",
        ),
        (
            "jane",
            lambda cluster: cluster.delete(LOCAL_QUEUE, "team"),
            'cannot delete resource "localqueues"',
            'have an administrator bind a Role in that namespace with that verb to {kind: User, name: "jane"}',
        ),
        ("system:anonymous", lambda cluster: cluster.list(POD), 'User "system:anonymous" cannot list', "log in"),
    ],
)


@ASKED
def test_a_refusal_says_who_was_refused_in_the_servers_words_with_what_would_help(
    api: FakeCluster, cluster: Cluster, user: str, ask: Callable[[Cluster], object], said: str, remedy: str
) -> None:
    api.user = user
    api.rights = granted([], "default")
    with pytest.raises(ClusterRightsError, match=re.escape(said)) as caught:
        ask(cluster)
    assert remedy in str(caught.value)
    assert len(api.requests) == 1


def test_whoever_waits_at_no_prompt_asks_for_a_few_seconds_more(api: FakeCluster, kubeconfig: Path) -> None:
    api.forbidding = 2
    assert connect(kubeconfig=kubeconfig, attended=False).list(JOB_SET).items == []
    assert len(api.requests) == 3
