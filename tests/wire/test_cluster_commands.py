import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from octo.cluster.cancel import cancel_command
from octo.cluster.janitor import janitor_command
from octo.cluster.logs import logs_command
from octo.cluster.ps import age_text, ps_command, status_command
from octo.errors import (
    ClusterForbiddenError,
    ClusterLacksError,
    ClusterMissingError,
    UsageError,
)
from tests.wire.cluster_examples import create_queue, fleet, gang, queued
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import Controllers, controlled
from tests.wire.kubernetes.job_controller import index_of
from tests.wire.kubernetes.objects import Object
from tests.wire.kubernetes.resources import EVENTS, JOB_SETS, NAMESPACES
from tests.wire.kubernetes.rights import granted
from tests.wire.kubernetes.runners import Ending, ScriptedRunner
from tests.wire.kubernetes.store import timestamp


@pytest.fixture
def run(kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """A command's standard output; the kubeconfig is given as flags are."""

    def ran(command: Callable[[list[str]], int], *arguments: str) -> str:
        assert command([*arguments, f"--kubeconfig={kubeconfig}"]) == 0
        return capsys.readouterr().out

    return ran


def table(shown: str) -> list[dict[str, str]]:
    header, *rows = [line.split() for line in shown.splitlines()]
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_ps_lists_what_runs(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, run: Callable[..., str]
) -> None:
    api.store.create(JOB_SETS, fleet(3))
    api.store.create(JOB_SETS, {"metadata": {"name": "somebody-elses"}, "spec": {"replicatedJobs": []}})
    controllers.settle()
    runner.end("curation-shards-0-1", Ending())
    controllers.settle()
    [row] = table(run(ps_command))
    assert row.pop("AGE")[-1] == "s"
    assert row == {"NAME": "curation", "RUN": "first-run", "STATE": "Running", "PODS": "3/3", "RESTARTS": "0"}
    [wide] = table(run(ps_command, "-o", "wide", "-A"))
    assert (wide["NAMESPACE"], wide["STAGE"], wide["DONE"], wide["QUEUE"]) == ("default", "curation", "1/3", "-")


def test_ps_shows_each_state(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, run: Callable[..., str]
) -> None:
    create_queue(api, 8)
    api.store.create(JOB_SETS, fleet(1, name="done"))
    api.store.create(JOB_SETS, fleet(1, name="broken", retries=0))
    api.store.create(JOB_SETS, queued(gang(2, name="waiting")))
    api.store.create(JOB_SETS, gang(1, name="restarted"))
    controllers.settle()
    for pod, code in (("done", 0), ("broken", 1), ("restarted", 1)):
        runner.end(pod, Ending(code))
    controllers.settle()
    controllers.kubelet.unschedulable = lambda _pod: "no room"
    api.store.create(JOB_SETS, fleet(1, name="pending"))
    controllers.settle()
    rows = {row["NAME"]: row for row in table(run(ps_command))}
    assert {name: row["STATE"] for name, row in rows.items()} == {
        "done": "Succeeded",
        "broken": "Failed",
        "waiting": "Queued",
        "restarted": "Running",
        "pending": "Pending",
    }
    assert rows["restarted"]["RESTARTS"] == "1"


def test_ps_prints_the_objects_of_the_api(api: FakeCluster, run: Callable[..., str]) -> None:
    created = api.store.create(JOB_SETS, fleet())
    api.store.create(JOB_SETS, fleet(name="other"))
    assert json.loads(run(ps_command, "-o", "json", "-l", "octo.dev/job=curation"))["items"] == [created]
    assert yaml.safe_load(run(ps_command, "-o", "yaml"))["items"][0] == created
    assert run(ps_command, "-o", "name") == "jobset.jobset.x-k8s.io/curation\njobset.jobset.x-k8s.io/other\n"


def test_ps_of_nothing_prints_nothing(run: Callable[..., str]) -> None:
    assert run(ps_command) == ""


def test_ps_without_jobset_on_the_cluster_says_what_to_install(api: FakeCluster, run: Callable[..., str]) -> None:
    api.resources.remove(JOB_SETS)
    with pytest.raises(ClusterLacksError, match=r"install JobSet 0\.12 or newer"):
        run(ps_command)


@pytest.mark.parametrize(("seconds", "text"), [(5, "5s"), (119, "119s"), (600, "10m"), (7200, "2h"), (200_000, "2d")])
def test_an_age_is_short(seconds: int, text: str) -> None:
    assert age_text(seconds) == text


@pytest.fixture
def written(api: FakeCluster, controllers: Controllers, runner: ScriptedRunner) -> ScriptedRunner:
    api.store.create(JOB_SETS, gang(2))
    controllers.settle()
    runner.say("training-node-0-0", "zero", "zero again")
    runner.say("training-node-0-1", "one")
    return runner


def test_logs_of_one_rank_are_printed_as_they_are(written: ScriptedRunner, run: Callable[..., str]) -> None:
    assert run(logs_command, "training", "--rank=0") == "zero\nzero again\n"
    assert run(logs_command, "training", "--role=node", "--rank=1") == "one\n"
    assert run(logs_command, "training", "--rank=0", "--tail=1") == "zero again\n"


def test_logs_of_several_have_the_pods_name_before_each_line(written: ScriptedRunner, run: Callable[..., str]) -> None:
    lines = run(logs_command, "first-run").splitlines()
    assert [line.split("] ")[1] for line in lines] == ["zero", "zero again", "one"]
    assert lines[2].startswith("[training-node-0-1-")


def test_logs_since_a_while_leave_out_what_is_older(written: ScriptedRunner, run: Callable[..., str]) -> None:
    next(iter(written.running.values())).log.lines.insert(0, (10**18, "of old"))
    assert run(logs_command, "training", "--rank=0", "--since=5m") == "zero\nzero again\n"
    assert run(logs_command, "training", "--rank=0").startswith("of old\n")


def test_logs_are_followed_to_the_end_and_through_a_restart(api: FakeCluster, run: Callable[..., str]) -> None:
    def ending(pod: Object) -> Ending:
        attempt = pod["metadata"]["labels"]["jobset.sigs.k8s.io/restart-attempt"]
        return Ending(0 if attempt == "1" else 1, lines=(f"attempt {attempt}",))

    with controlled(api, ScriptedRunner(ending)):
        api.store.create(JOB_SETS, gang(1))
        shown = run(logs_command, "training", "--rank=0", "-f").splitlines()
    # What a pod wrote that was deleted before anybody looked cannot be had.
    assert shown[-1] == "attempt 1"


def test_logs_of_a_role_that_has_no_pods_say_so(written: ScriptedRunner, run: Callable[..., str]) -> None:
    with pytest.raises(ClusterMissingError, match="training has no pod of role learner yet: `octo status training`"):
        run(logs_command, "training", "--role=learner")


def test_a_since_that_is_no_duration_is_wrong_usage(run: Callable[..., str]) -> None:
    with pytest.raises(UsageError, match="--since: expected a number and s, m, h or d, got 'soon'"):
        run(logs_command, "training", "--since=soon")


def test_a_name_of_nothing_is_said(run: Callable[..., str]) -> None:
    with pytest.raises(ClusterMissingError, match="there is no run and no JobSet nothing in namespace default"):
        run(logs_command, "nothing")


def test_status_shows_each_stage_and_why_one_waits_or_failed(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, run: Callable[..., str]
) -> None:
    create_queue(api, 8)
    api.store.create(JOB_SETS, fleet(4))
    api.store.create(JOB_SETS, fleet(1, name="tokenization", retries=0))
    api.store.create(JOB_SETS, queued(gang(2)))
    controllers.settle()
    runner.end("curation-shards-0-2", Ending())
    runner.end("tokenization", Ending(1, '{"error": "no weights"}'))
    controllers.settle()
    shown = run(status_command, "first-run")
    rows = {row["STAGE"]: row for row in table("\n".join(shown.splitlines()[:4]))}
    assert (rows["curation"]["DONE"], rows["curation"]["PODS"]) == ("1/4", "4/4")
    assert "tokenization: no weights; once mended, `octo cancel tokenization`, and start it again\n" in shown
    assert "training: it can never run in queue team: couldn't assign flavors to pod set node: insufficient" in shown
    [one] = json.loads(run(status_command, "training", "-o", "json"))["jobsets"]
    assert (one["state"], one["total"]) == ("Queued", 2)


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (
            lambda kubelet: setattr(
                kubelet, "unschedulable", lambda _pod: "0/3 nodes are available: 3 Insufficient gpu."
            ),
            (
                "2 of 2 pods wait: no node takes it: 0/3 nodes are available: 3 Insufficient gpu; ask for less by "
                "--need, or wait until others have ended"
            ),
        ),
        (
            lambda kubelet: setattr(kubelet, "unpullable", lambda pod: "manifest unknown" if index_of(pod) else ""),
            (
                "1 of 2 pods wait: image octo-data:1 cannot be fetched (manifest unknown): build and push it, or name "
                "another by --installation.images"
            ),
        ),
    ],
)
def test_status_says_why_pods_wait(
    api: FakeCluster,
    controllers: Controllers,
    run: Callable[..., str],
    break_it: Callable[[object], None],
    reason: str,
) -> None:
    break_it(controllers.kubelet)
    api.store.create(JOB_SETS, fleet())
    controllers.settle()
    assert f"curation: {reason}\n" in run(status_command, "curation")


def test_status_names_a_secret_that_is_missing(
    api: FakeCluster, controllers: Controllers, run: Callable[..., str]
) -> None:
    jobset = fleet(1)
    container = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "octo-s3", "key": "access_key"}}}]
    api.store.create(JOB_SETS, jobset)
    controllers.settle()
    reason = (
        'its pod waits: its container cannot be started: secret "octo-s3" not found: create it in the namespace of '
    )
    reason += "the job"
    assert f"curation: {reason}\n" in run(status_command, "curation")


def test_status_names_a_quota_that_lets_no_pod_in(api: FakeCluster, run: Callable[..., str]) -> None:
    api.store.create(JOB_SETS, fleet())
    message = (
        'Error creating: pods "p" is forbidden: exceeded quota: team, requested: pods=1, used: pods=9, limited: pods=9'
    )
    event = {
        "involvedObject": {"kind": "Job", "name": "curation-shards-0"},
        "reason": "FailedCreate",
        "message": message,
    }
    api.store.create(EVENTS, {"metadata": {"name": "e"}} | event)
    shown = run(status_command, "curation")
    assert "its pods cannot be created: the quota of the namespace leaves no room: team, requested: pods=1" in shown


@pytest.mark.parametrize(
    ("set_up", "reason"),
    [
        (lambda _api: None, "there is no LocalQueue team in its namespace: create it"),
        (
            lambda api: create_queue(api, 8, stop_policy="Hold"),
            "queue team admits nothing: ClusterQueue all is inactive; whoever runs the cluster can start it again",
        ),
    ],
)
def test_status_says_what_is_wrong_with_a_queue(
    api: FakeCluster,
    controllers: Controllers,
    run: Callable[..., str],
    set_up: Callable[[FakeCluster], None],
    reason: str,
) -> None:
    set_up(api)
    api.store.create(JOB_SETS, queued(gang()))
    controllers.settle()
    assert reason in run(status_command, "training")


def test_status_needs_no_right_to_queues_and_events(
    api: FakeCluster, controllers: Controllers, run: Callable[..., str]
) -> None:
    create_queue(api, 0)
    api.store.create(JOB_SETS, queued(gang()))
    controllers.settle()
    rules = [
        {"apiGroups": ["jobset.x-k8s.io"], "resources": ["jobsets"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list"]},
    ]
    api.rights = granted(rules, "default")
    assert "training: it waits for Kueue" in run(status_command, "training")


def test_cancel_deletes_what_has_not_succeeded_and_says_what_stays(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, run: Callable[..., str]
) -> None:
    api.store.create(JOB_SETS, fleet())
    api.store.create(JOB_SETS, fleet(1, name="done"))
    api.store.create(JOB_SETS, fleet(1, name="failed"))
    controllers.settle()
    runner.end("done", Ending())
    runner.end("failed", Ending(2))
    controllers.settle()
    shown = run(cancel_command, "first-run", "--yes")
    assert shown.startswith("cancelled curation, failed: ")
    assert "stay in the store" in shown
    controllers.settle()
    assert [each["metadata"]["name"] for each in api.store.listed(JOB_SETS)] == ["done"]
    assert runner.running == {}
    assert "done has succeeded: there is nothing to cancel" in run(cancel_command, "done")


def test_cancel_without_a_terminal_wants_a_yes(
    api: FakeCluster, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api.store.create(JOB_SETS, fleet())
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(UsageError, match="There is no terminal to ask on: say --yes"):
            run(cancel_command, "curation")
    assert api.store.listed(JOB_SETS)


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("", 1)])
def test_cancel_asks_on_a_terminal(api: FakeCluster, kubeconfig: Path, answer: str, left: int) -> None:
    api.store.create(JOB_SETS, fleet())
    ours, theirs = pty.openpty()
    script = "import sys; from octo.cluster.cancel import cancel_command; sys.exit(cancel_command(sys.argv[1:]))"
    command = [sys.executable, "-c", script, "curation", f"--kubeconfig={kubeconfig}"]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        os.write(ours, f"{answer}\n".encode())
        _, asked = process.communicate(timeout=1500)
    os.close(ours)
    os.close(theirs)
    assert b"Cancel curation in namespace default? [y/N]" in asked
    assert process.returncode == left
    assert len(api.store.listed(JOB_SETS)) == left


def test_the_janitor_deletes_what_nobody_follows_any_more(api: FakeCluster, run: Callable[..., str]) -> None:
    def create(name: str, *, heard: str, followed: bool = True, over: bool = False) -> None:
        jobset = fleet(name=name)
        if followed:
            jobset["metadata"]["labels"]["octo.dev/followed"] = "true"
        jobset["metadata"]["annotations"]["octo.dev/heartbeat"] = heard
        jobset["status"] = {"conditions": [{"type": "Completed", "status": "True"}] if over else []}
        api.store.create(JOB_SETS, jobset)

    create("lost", heard="2026-01-01T00:00:00Z")
    create("followed", heard=timestamp())
    create("by-hand", heard="2026-01-01T00:00:00Z", followed=False)
    create("over", heard="2026-01-01T00:00:00Z", over=True)
    create("new", heard="")
    rights = [{"apiGroups": ["jobset.x-k8s.io"], "resources": ["jobsets"], "verbs": ["list", "get", "delete"]}]
    api.rights = granted(rights, "default")
    assert run(janitor_command, "--dry-run").startswith("would delete JobSet lost: nobody has followed it for ")
    assert len(api.store.listed(JOB_SETS)) == 5
    assert run(janitor_command).startswith("deleted JobSet lost: ")
    left = [each["metadata"]["name"] for each in api.store.listed(JOB_SETS)]
    assert left == ["by-hand", "followed", "new", "over"]
    assert run(janitor_command).startswith("every JobSet in namespace default has ended or was heard of in 900 s")


def test_a_command_on_another_namespace_looks_there(api: FakeCluster, run: Callable[..., str]) -> None:
    api.store.create(NAMESPACES, {"metadata": {"name": "far"}})
    api.store.create(JOB_SETS, fleet(), "far")
    assert run(ps_command) == ""
    assert table(run(ps_command, "-n", "far"))[0]["NAME"] == "curation"


def test_what_is_not_allowed_is_said(api: FakeCluster, run: Callable[..., str]) -> None:
    api.rights = granted([], "default")
    with pytest.raises(ClusterForbiddenError, match=r"not allowed to list jobsets of jobset\.x-k8s\.io in namespace"):
        run(ps_command)


def test_the_help_of_a_command_imports_no_client() -> None:
    script = (
        "import sys\nfrom octo.cluster.ps import ps_command\n"
        "try: ps_command(['--help'])\nexcept SystemExit: print('kubernetes' in sys.modules, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=1500)
    assert ran.stderr == "False\n"
    assert "--all-namespaces" in ran.stdout
