"""One fake cluster: its objects, its logs, what it serves, to whom, and what it does wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.wire.kubernetes.faults import Faults
from tests.wire.kubernetes.logs import PodLog
from tests.wire.kubernetes.resources import RESOURCES, Resource
from tests.wire.kubernetes.rights import Rights, everything
from tests.wire.kubernetes.store import Store
from tests.wire.kubernetes.validation import validated


@dataclass
class FakeCluster:
    endpoint: str = ""
    store: Store = field(default_factory=Store)
    logs: dict[str, PodLog] = field(default_factory=dict)
    """By the uid of the pod."""
    resources: list[Resource] = field(default_factory=lambda: list(RESOURCES))
    """Take custom ones out, and their CRD is not installed."""
    faults: Faults = field(default_factory=Faults)
    rights: Rights = everything
    token: str = ""
    """Bearer token that requests must have; empty asks for none."""
    evict: Callable[[str, str], None] | None = None
    """What POST to pods/eviction does with namespace and name; without it the pod is deleted."""
    longest_watch: float = 3600
    """Seconds after which a watch ends in order, whatever it asked for."""
    requests: list[str] = field(default_factory=list)
    """Method and path with query of every request."""
    user: str = "tester"
    """As whom requests come: what refusals name."""
    used: set[tuple[str, str, str]] = field(default_factory=set)
    """Verb, group and resource of every request that was looked at for its rights."""
    forbidding: int = 0
    """So many requests more are refused with 403, whatever their rights: the server has just started."""
    down: bool = False
    """Close every connection without an answer."""
    stopped: bool = False
    _epoch: int = 0

    def __post_init__(self) -> None:
        self.store.admission.append(validated)

    def cut_streams(self) -> None:
        """End every watch and every followed log in the middle, as the restart of an API server does."""
        with self.store.changed:
            self._epoch += 1
            self.store.changed.notify_all()

    @contextmanager
    def restarting(self, *, forbids: int = 0) -> Iterator[None]:
        """No answer to anyone while the block lasts, and 403 to so many requests after it.

        A real server answers so for about a second, until it has read who may do what.
        """
        self.down = True
        self.cut_streams()
        yield
        self.forbidding = forbids
        self.down = False

    def stream_is_cut(self) -> Callable[[], bool]:
        epoch = self._epoch
        return lambda: self._epoch != epoch or self.stopped or self.down

    def write_kubeconfig(self, path: Path, namespace: str = "default") -> Path:
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "fake",
                    "clusters": [{"name": "fake", "cluster": {"server": self.endpoint}}],
                    "contexts": [
                        {"name": "fake", "context": {"cluster": "fake", "user": "tester", "namespace": namespace}}
                    ],
                    "users": [{"name": "tester", "user": {"token": self.token or "any"}}],
                }
            )
        )
        return path
