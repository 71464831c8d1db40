"""Pods to containers: scheduling, images, variables, the status while they run and when they end, eviction."""

import base64
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.job_controller import DONE, INDEX, phase
from tests.wire.kubernetes.logs import PodLog
from tests.wire.kubernetes.objects import Object, Refusal, labels_of, with_condition
from tests.wire.kubernetes.resources import CONFIG_MAPS, PODS, SECRETS
from tests.wire.kubernetes.runners import Container, Ending, Runner
from tests.wire.kubernetes.store import timestamp

_REASONS = {0: "Completed"}


def nothing_wrong(_pod: Object) -> str:
    return ""


@dataclass
class Kubelet:
    """Every node of the cluster at once."""

    api: FakeCluster
    runner: Runner
    unschedulable: Callable[[Object], str] = nothing_wrong
    """Why no node takes a pod; empty when one does."""
    unpullable: Callable[[Object], str] = nothing_wrong
    """Why a pod's image cannot be fetched."""
    started: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Containers begun, by the name of the Job and the index in it."""
    _begun: set[str] = field(default_factory=set)
    _stopping: set[str] = field(default_factory=set)

    def reconcile(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        if phase(pod) in DONE:
            return
        if "deletionTimestamp" in pod["metadata"]:
            self._stop(pod, uid)
        elif uid not in self._begun:
            self._begin(pod, uid)

    def evict(self, namespace: str, name: str, reason: str = "EvictionByEvictionAPI") -> None:
        """Take a pod's node away: the condition, then SIGTERM, then SIGKILL."""

        def disrupted(pod: Object) -> Object:
            change = ("DisruptionTarget", "True", reason, "the node is taken away")
            return pod | {"status": with_condition(pod["status"], *change, timestamp())}

        self.api.store.change(PODS, namespace, name, disrupted)
        self.api.store.delete(PODS, namespace, name)

    def kill(self, namespace: str, name: str) -> None:
        """SIGKILL without a reason: exit code 137, and no condition."""
        self.runner.kill(self.api.store.read(PODS, namespace, name)["metadata"]["uid"])

    def _stop(self, pod: Object, uid: str) -> None:
        if uid not in self._begun:
            # It never ran; the Job's controller wants to see it end all the same.
            self._change(pod, {"phase": "Failed"})
        elif uid not in self._stopping:
            self._stopping.add(uid)
            self.runner.stop(uid)

    def _begin(self, pod: Object, uid: str) -> None:
        if why := self.unschedulable(pod):
            self._say(pod, ("PodScheduled", "False", "Unschedulable", why))
            return
        if why := self.unpullable(pod):
            self._wait(pod, "ImagePullBackOff", why)
            return
        try:
            environment = self._environment(pod)
            files = self._files(pod)
        except Refusal as missing:
            self._wait(pod, "CreateContainerConfigError", missing.message)
            return
        self._begun.add(uid)
        self.api.store.hold(uid)
        log = self.api.logs[uid] = PodLog()
        command = [_expanded(part, environment) for part in _command(pod)]
        started, ended = partial(self._started, pod), partial(self._ended, pod, log)
        self.runner.start(Container(pod, command, environment, files, log, started, ended))

    def _started(self, pod: Object) -> None:
        index = int(labels_of(pod).get(INDEX, 0))
        self.started[labels_of(pod).get("batch.kubernetes.io/job-name", ""), index] += 1
        running = _container_status(pod, {"running": {"startedAt": timestamp()}}, ready=True)
        status = {"phase": "Running", "startTime": timestamp(), "containerStatuses": [running]}
        for kind in ("PodScheduled", "Ready"):
            status = with_condition(status, kind, "True", "", "", timestamp())
        self._change(pod, status)

    def _ended(self, pod: Object, log: PodLog, ending: Ending) -> None:
        log.close()
        reason = ending.reason or _REASONS.get(ending.exit_code, "Error")
        terminated = {"exitCode": ending.exit_code, "reason": reason, "finishedAt": timestamp()}
        if ending.message:
            terminated["message"] = ending.message
        ended = _container_status(pod, {"terminated": terminated}, ready=False)
        phase_now = "Failed" if ending.exit_code else "Succeeded"
        self._change(pod, {"phase": phase_now, "containerStatuses": [ended]}, ("Ready", "False", "PodCompleted", ""))
        metadata = pod["metadata"]
        self.api.store.release(PODS, metadata["namespace"], metadata["name"], metadata["uid"])

    def _wait(self, pod: Object, reason: str, message: str) -> None:
        waiting = _container_status(pod, {"waiting": {"reason": reason, "message": message}}, ready=False)
        self._change(pod, {"containerStatuses": [waiting]}, ("PodScheduled", "True", "", ""))

    def _say(self, pod: Object, change: tuple[str, str, str, str]) -> None:
        self._change(pod, {}, change)

    def _change(self, pod: Object, more: Object, change: tuple[str, str, str, str] | None = None) -> None:
        def changed(current: Object) -> Object:
            status = current.get("status", {}) | {key: value for key, value in more.items() if key != "conditions"}
            changes = [change] if change else []
            changes += [
                (each["type"], each["status"], each["reason"], each["message"]) for each in more.get("conditions", [])
            ]
            for each in changes:
                status = with_condition(status, *each, timestamp())
            return current | {"status": status}

        self.api.store.change(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"], changed)

    def _environment(self, pod: Object) -> dict[str, str]:
        environment: dict[str, str] = {}
        for variable in pod["spec"]["containers"][0].get("env", []):
            value = self._value(pod, variable)
            if value is not None:
                environment[variable["name"]] = _expanded(value, environment)
        return environment

    def _value(self, pod: Object, variable: Object) -> str | None:
        source = variable.get("valueFrom")
        if not source:
            return variable.get("value", "")
        if "fieldRef" in source:
            return _field(pod, source["fieldRef"]["fieldPath"])
        resource, wanted = (
            (SECRETS, source["secretKeyRef"]) if "secretKeyRef" in source else (CONFIG_MAPS, source["configMapKeyRef"])
        )
        try:
            found = self.api.store.read(resource, pod["metadata"]["namespace"], wanted["name"])
            return _text(found, wanted["key"])
        except (Refusal, KeyError) as missing:
            if wanted.get("optional"):
                return None
            kind = resource.kind.lower()
            raise Refusal(404, "NotFound", f'{kind} "{wanted["name"]}" not found') from missing

    def _files(self, pod: Object) -> dict[str, dict[str, str]]:
        files: dict[str, dict[str, str]] = {}
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
        for mount in pod["spec"]["containers"][0].get("volumeMounts", []):
            if name := volumes[mount["name"]].get("configMap", {}).get("name"):
                files[mount["mountPath"]] = self.api.store.read(CONFIG_MAPS, pod["metadata"]["namespace"], name)["data"]
        return files


def _command(pod: Object) -> list[str]:
    container = pod["spec"]["containers"][0]
    return [*container.get("command", []), *container.get("args", [])]


def _expanded(text: str, environment: dict[str, str]) -> str:
    """`$(NAME)` replaced where there is such a variable, and left alone where there is none."""
    return re.sub(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)", lambda found: environment.get(found[1], found[0]), text)


def _field(pod: Object, path: str) -> str:
    if found := re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path):
        return pod["metadata"].get(found[1], {}).get(found[2], "")
    if path.startswith("status."):
        return "127.0.0.1"
    group, _, name = path.partition(".")
    return str(pod[group].get(name, ""))


def _text(found: Object, key: str) -> str:
    if found["kind"] == "ConfigMap":
        return found["data"][key]
    return base64.b64decode(found["data"][key]).decode() if key in found.get("data", {}) else found["stringData"][key]


def _container_status(pod: Object, state: Object, *, ready: bool) -> Object:
    container = pod["spec"]["containers"][0]
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "state": state,
        "ready": ready,
        "restartCount": 0,
    }
