"""The kinds of objects that octo speaks of, where the API has them, and what brings them."""

from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]
"""An object of the API, as JSON."""


@dataclass(frozen=True)
class Kind:
    """A kind of objects in a namespace."""

    group: str
    version: str
    plural: str
    kind: str
    brought_by: str = ""
    """What to install where the cluster has no such kind; empty for Kubernetes' own."""

    @property
    def api_version(self) -> str:
        """As objects state it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """As rights name it: jobsets.jobset.x-k8s.io."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str, name: str = "", part: str = "") -> str:
        """Where the API has them: all of them without a namespace, one with a name."""
        prefix = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        place = f"/namespaces/{namespace}" if namespace else ""
        return "/".join(filter(None, (f"{prefix}{place}", self.plural, name, part)))


_KUEUE = "Kueue 0.19 or newer"
JOB_SET = Kind("jobset.x-k8s.io", "v1alpha2", "jobsets", "JobSet", "JobSet 0.12 or newer")
WORKLOAD = Kind("kueue.x-k8s.io", "v1beta2", "workloads", "Workload", _KUEUE)
LOCAL_QUEUE = Kind("kueue.x-k8s.io", "v1beta2", "localqueues", "LocalQueue", _KUEUE)
JOB = Kind("batch", "v1", "jobs", "Job")
POD = Kind("", "v1", "pods", "Pod")
POD_TEMPLATE = Kind("", "v1", "podtemplates", "PodTemplate")
EVENT = Kind("", "v1", "events", "Event")
