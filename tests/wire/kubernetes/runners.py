"""What pods run: an ending out of a script, or a real process."""

import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.wire.forking import Forked, Forks
from tests.wire.kubernetes.logs import PodLog
from tests.wire.kubernetes.objects import Object

SIGKILLED = 137
SIGTERMED = 143


@dataclass(frozen=True)
class Ending:
    """How a container ended."""

    exit_code: int = 0
    message: str = ""
    """What it left in its termination log."""
    lines: tuple[str, ...] = ()
    """What it had written, where no process did."""
    reason: str = ""
    """Such as OOMKilled; empty is Completed or Error."""


@dataclass
class Container:
    """One container to run, with everything in it resolved."""

    pod: Object
    command: list[str]
    environment: dict[str, str]
    files: Mapping[str, Mapping[str, str]]
    """By the path where a folder is mounted: the texts of the files in it, by name."""
    log: PodLog
    started: Callable[[], None]
    ended: Callable[[Ending], None]

    @property
    def uid(self) -> str:
        return self.pod["metadata"]["uid"]


class Runner(Protocol):
    def start(self, container: Container) -> None: ...

    def stop(self, uid: str) -> None:
        """SIGTERM, and SIGKILL when the time of grace is over."""

    def kill(self, uid: str) -> None:
        """SIGKILL."""

    def close(self) -> None: ...


@dataclass
class ScriptedRunner:
    """Containers that end as the script says; those of which it says None run until they are told to end."""

    script: Callable[[Object], Ending | None] = lambda _pod: None
    running: dict[str, Container] = field(default_factory=dict)
    """By the pod's uid."""

    def start(self, container: Container) -> None:
        container.started()
        self.running[container.uid] = container
        if (ending := self.script(container.pod)) is not None:
            self._end(container.uid, ending)

    def say(self, pod_name: str, *lines: str) -> None:
        for line in lines:
            self._named(pod_name).log.write(line)

    def end(self, pod_name: str, ending: Ending) -> None:
        """End the container of the running pod whose name starts so."""
        self._end(self._named(pod_name).uid, ending)

    def stop(self, uid: str) -> None:
        self._end(uid, Ending(SIGTERMED))

    def kill(self, uid: str) -> None:
        self._end(uid, Ending(SIGKILLED))

    def close(self) -> None:
        self.running.clear()

    def _named(self, pod_name: str) -> Container:
        return next(each for each in self.running.values() if each.pod["metadata"]["name"].startswith(pod_name))

    def _end(self, uid: str, ending: Ending) -> None:
        if container := self.running.pop(uid, None):
            for line in ending.lines:
                container.log.write(line)
            container.ended(ending)


class ProcessRunner:
    """Real processes of this Python, so many at once; what is mounted is a folder of this machine."""

    def __init__(self, folder: Path, *, at_once: int = 2, grace_seconds: float = 30) -> None:
        self._folder = folder
        self._grace = grace_seconds
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="kubelet")
        self._forks = Forks("octo.job", "octo.data.ingestion")
        self._processes: dict[str, Forked] = {}
        self._unwanted: dict[str, Ending] = {}
        """What was stopped before it had begun."""
        self._lock = threading.Lock()

    def start(self, container: Container) -> None:
        self._pool.submit(self._run, container)

    def stop(self, uid: str) -> None:
        if process := self._told(uid, Ending(SIGTERMED)):
            _signal(process, signal.SIGTERM)
            reaper = threading.Timer(self._grace, _signal, (process, signal.SIGKILL))
            reaper.daemon = True
            reaper.start()

    def kill(self, uid: str) -> None:
        if process := self._told(uid, Ending(SIGKILLED)):
            _signal(process, signal.SIGKILL)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for process in self._processes.values():
                _signal(process, signal.SIGKILL)
        self._pool.shutdown(wait=True)
        self._forks.close()

    def _told(self, uid: str, ending: Ending) -> Forked | None:
        with self._lock:
            if uid not in self._processes:
                self._unwanted[uid] = ending
            return self._processes.get(uid)

    def _run(self, container: Container) -> None:
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            places = _places(container, Path(folder))
            environment = {name: _placed(value, places) for name, value in container.environment.items()}
            command = [_placed(part, places) for part in container.command]
            process = self._start(container.uid, command, environment)
            if process is None:
                container.ended(self._unwanted[container.uid])
                return
            container.started()
            for line in process.stdout:
                container.log.write(line.decode(errors="replace").rstrip("\n"))
            status = process.wait()
            message = Path(places["/dev/termination-log"]).read_text()[:4096]
        with self._lock:
            del self._processes[container.uid]
        container.ended(Ending(128 - status if status < 0 else status, message))

    def _start(self, uid: str, command: list[str], environment: dict[str, str]) -> Forked | None:
        with self._lock:
            if uid in self._unwanted:
                return None
            assert command[0] == sys.executable
            process = self._forks.start(command[1:], environment={"PATH": os.environ["PATH"]} | environment)
            self._processes[uid] = process
            return process


def _places(container: Container, folder: Path) -> dict[str, str]:
    """Where on this machine each path of the container is."""
    places = {"/dev/termination-log": str(folder / "termination-log")}
    (folder / "termination-log").touch()
    for mount in container.pod["spec"]["containers"][0].get("volumeMounts", []):
        if mount["mountPath"].startswith("/dev/"):
            continue
        place = folder / mount["name"]
        place.mkdir(exist_ok=True)
        places[mount["mountPath"]] = str(place)
        for name, text in container.files.get(mount["mountPath"], {}).items():
            (place / name).write_text(text)
    return places


def _placed(text: str, places: Mapping[str, str]) -> str:
    if text in ("python", "python3"):
        return sys.executable
    for path, place in places.items():
        text = text.replace(path, place)
    # Names of pods, as the headless service of their JobSet resolves them: all of them run here.
    return re.sub(r"\b([a-z][a-z0-9-]*)-[a-z]+-\d+-\d+\.\1\b", "127.0.0.1", text)


def _signal(process: Forked, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
