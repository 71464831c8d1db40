"""`octo doctor`: what this machine, the store and the cluster have and lack, each lack with its remedy."""

import json
import os
import platform
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import psutil
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rich.table import Table
from rich.text import Text

from octo.cluster.client import Cluster, prompted
from octo.cluster.kinds import JOB_SET, LOCAL_QUEUE, Kind
from octo.errors import EXIT_DONE, EXIT_FAILED, ClusterError, OctoError, UsageError
from octo.pipelines.settings import StoreSettings
from octo.processes import num_cores, stoppable
from octo.render.pods import gibibytes
from octo.render.rights import LAUNCH, Right, each_verb
from octo.sandbox.layers import Layers, offered
from octo.settings.base import Flag
from octo.settings.cluster import PromptSettings
from octo.settings.installation import Installation, InstalledSettings
from octo.settings.loading import load
from octo.storage.session import open_session
from octo.terminal import Console

ACCESS_REVIEW = Kind("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview")
LITTLE_SCRATCH_GIB = 2.0
SECONDS_TO_CONNECT = 3.0


class DoctorSettings(PromptSettings, StoreSettings, InstalledSettings):
    """Say what this machine, the store and the cluster have and lack, and what to do about it."""

    require: tuple[Literal["store", "cluster", "sandbox"], ...] = ()
    """What must be there; else a store or cluster that nobody named is fine, and too weak a sandbox only a warning."""
    json_output: Annotated[bool, Flag("json")] = False
    """Print one JSON object."""


@dataclass(frozen=True)
class Finding:
    """What one look has found."""

    subject: str
    state: Literal["ok", "warning", "fault"]
    said: str
    """What is there, or what is lacking with its remedy."""


def doctor_command(arguments: Sequence[str]) -> int:
    """Look at everything, print what was found; exit code 1 when something is at fault."""
    settings = load(DoctorSettings, arguments, os.environ)
    with stoppable("nothing was changed"):
        findings = [
            *machine(),
            sandbox(offered(), required="sandbox" in settings.require),
            *store(settings),
            *services(settings),
            *cluster(settings),
        ]
    console = Console()
    if settings.json_output:
        console.print_json(json.dumps({"findings": [asdict(each) for each in findings]}))
    else:
        _print(findings, console)
    return EXIT_FAILED if any(each.state == "fault" for each in findings) else EXIT_DONE


def machine() -> Iterator[Finding]:
    """Python, octo's packages, cores, memory, disk and accelerators of the machine that this runs on."""
    yield Finding("python", "ok", platform.python_version())
    for extra, missing in _missing_packages().items():
        if missing:
            yield Finding(f"extra {extra}", "warning", f"lacks {', '.join(missing)}: install octo[{extra}] to use it")
        else:
            yield Finding(f"extra {extra}", "ok", "installed")
    yield Finding("processors", "ok", f"{num_cores()} cores")
    yield Finding("memory", "ok", gibibytes(round(psutil.virtual_memory().total / 2**30, 1)))
    scratch = shutil.disk_usage(tempfile.gettempdir()).free / 2**30
    if scratch < LITTLE_SCRATCH_GIB:
        said = f"{scratch:.1f} GiB free in {tempfile.gettempdir()}: free some, or set TMPDIR to a larger disk"
        yield Finding("scratch", "warning", said)
    else:
        yield Finding("scratch", "ok", f"{scratch:.0f} GiB free in {tempfile.gettempdir()}")
    devices = sorted(each.name for each in Path("/dev").glob("nvidia[0-9]*"))
    yield Finding("accelerators", "ok", ", ".join(devices) or "none")


def sandbox(layers: Layers, *, required: bool) -> Finding:
    """Which layers stand between a model's program and this machine, and whether they are enough to run one."""
    lacking = "; ".join(f"{name}: {reason}" for name, reason in layers.lacking.items())
    if layers.sufficient:
        said = f"holds a model's programs by {', '.join(layers.active)}"
        return Finding("sandbox", "ok", f"{said}; without {lacking}" if lacking else said)
    said = "holds no model's program, and code rewards are refused here: it takes seccomp, and Landlock or namespaces"
    return Finding("sandbox", "fault" if required else "warning", f"{said} ({lacking})")


def store(settings: DoctorSettings) -> Iterator[Finding]:
    """Whether the store can be read and written, and honours conditional writes."""
    address, s3 = settings.installation.reached(settings.store, settings.s3)
    if not address:
        state: Literal["ok", "fault"] = "fault" if "store" in settings.require else "ok"
        yield Finding("store", state, "none named: give --store; octo run brings its own")
        return
    try:
        with open_session(address, s3, probed=True) as session:
            yield Finding("store", "ok", f"{session.store.address} honours conditional writes")
    except OctoError as error:
        yield Finding("store", "fault", str(error))


def services(settings: DoctorSettings) -> Iterator[Finding]:
    """Whether something listens where spans are to be sent."""
    endpoint = settings.installation.otlp_endpoint
    if not endpoint:
        return
    parts = urlsplit(endpoint)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), timeout=SECONDS_TO_CONNECT):
            yield Finding("telemetry", "ok", f"{endpoint} accepts connections")
    except (OSError, ValueError) as error:
        # Jobs run without it; their spans are in the store all the same.
        said = f"nobody answers at {endpoint} ({error}): start the collector, or mend installation.otlp_endpoint"
        yield Finding("telemetry", "warning", said)


def cluster(settings: DoctorSettings) -> Iterator[Finding]:
    """Whether the cluster can be reached, knows the kinds that octo makes, and allows what submit and follow do."""
    named = bool(settings.context or settings.kubeconfig) or "cluster" in settings.require
    try:
        chosen = settings.namespace or settings.installation.namespace
        found = prompted(settings, chosen)
    except ModuleNotFoundError:
        # The image that trains has no client, and its pods are where a sandbox is to hold.
        yield Finding("cluster", "fault" if named else "ok", "not looked at: install octo[cluster]")
        return
    except UsageError as error:
        yield Finding("cluster", "fault" if named else "ok", str(error))
        return
    try:
        found.list(JOB_SET)
        yield Finding("cluster", "ok", f"JobSets can be listed in namespace {found.namespace}")
    except ClusterError as error:
        yield Finding("cluster", "fault", str(error))
        return
    yield from _queue(found, settings.installation)
    yield from _rights(found, settings.installation)


def _queue(found: Cluster, installation: Installation) -> Iterator[Finding]:
    if not installation.queue:
        return
    try:
        found.get(LOCAL_QUEUE, installation.queue)
        yield Finding("queue", "ok", f"LocalQueue {installation.queue}")
    except ClusterError as error:
        yield Finding("queue", "fault", str(error))


def _rights(found: Cluster, installation: Installation) -> Iterator[Finding]:
    denied: dict[Right, list[str]] = {}
    for right, verb in each_verb(LAUNCH, queued=bool(installation.queue)):
        try:
            if not _allowed(found, right, verb):
                denied.setdefault(right, []).append(verb)
        except ClusterError as error:
            yield Finding("rights", "warning", f"cannot be told: {error}")
            return
    remedy = "name whoever it is under rbac.launchers of octo's chart there, or bind its launch Role to them"
    for right, verbs in denied.items():
        lacking = f"not allowed in namespace {found.namespace}: {', '.join(verbs)} {_resource(right)}"
        state: Literal["warning", "fault"] = "fault" if right.needed else "warning"
        yield Finding("rights", state, f"{lacking}, to {right.purpose}; {remedy}")
    if not denied:
        yield Finding("rights", "ok", f"may submit, follow, show and cancel in namespace {found.namespace}")


def _allowed(found: Cluster, right: Right, verb: str) -> bool:
    resource, _, part = right.resource.partition("/")
    asked = {"group": right.group, "resource": resource, "subresource": part, "verb": verb}
    review = {
        "apiVersion": ACCESS_REVIEW.api_version,
        "kind": ACCESS_REVIEW.kind,
        "metadata": {},
        "spec": {"resourceAttributes": {"namespace": found.namespace, **asked}},
    }
    answer = found.elsewhere("").create(ACCESS_REVIEW, review)
    return bool(answer.get("status", {}).get("allowed"))


def _resource(right: Right) -> str:
    return f"{right.resource} of {right.group}" if right.group else right.resource


def _missing_packages() -> dict[str, list[str]]:
    """By extra of octo, the packages of it that are not installed."""
    installed = {canonicalize_name(each.name) for each in metadata.distributions()}
    requirements = [Requirement(each) for each in metadata.requires("octo") or []]
    return {
        extra: [
            needed.name
            for needed in requirements
            # The marker also says which systems it is for.
            if needed.marker
            and needed.marker.evaluate({"extra": extra})
            and canonicalize_name(needed.name) not in installed
        ]
        for extra in metadata.metadata("octo").get_all("Provides-Extra") or []
        if extra != "dev"
    }


_SIGNS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "fault": ("fault", "red")}


def _print(findings: Sequence[Finding], console: Console) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for each in findings:
        sign, style = _SIGNS[each.state]
        table.add_row(each.subject, Text(sign, style=style), Text(each.said))
    console.print(table, soft_wrap=not console.is_terminal)
