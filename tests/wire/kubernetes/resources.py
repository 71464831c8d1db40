"""The kinds that the fake API server knows, with the names that clients know them by."""

from dataclasses import dataclass

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Resource:
    group: str
    version: str
    plural: str
    kind: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    custom: bool = False
    """Defined by a CRD: strategic merge patches are refused, and it can be absent."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """As in `jobsets.jobset.x-k8s.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


PODS = Resource("", "v1", "pods", "Pod", ("po",), subresources=("status", "log", "eviction"))
POD_TEMPLATES = Resource("", "v1", "podtemplates", "PodTemplate")
EVENTS = Resource("", "v1", "events", "Event", ("ev",))
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", ("cm",))
SECRETS = Resource("", "v1", "secrets", "Secret")
SERVICES = Resource("", "v1", "services", "Service", ("svc",), subresources=("status",))
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", ("sa",))
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", ("ns",), namespaced=False, subresources=("status",))
NODES = Resource("", "v1", "nodes", "Node", ("no",), namespaced=False, subresources=("status",))
JOBS = Resource("batch", "v1", "jobs", "Job", subresources=("status",))
CRON_JOBS = Resource("batch", "v1", "cronjobs", "CronJob", ("cj",), subresources=("status",))
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
NETWORK_POLICIES = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", ("netpol",))
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", ("deploy",), subresources=("status",))
ACCESS_REVIEWS = Resource(
    "authorization.k8s.io",
    "v1",
    "selfsubjectaccessreviews",
    "SelfSubjectAccessReview",
    namespaced=False,
    verbs=("create",),
)
JOB_SETS = Resource("jobset.x-k8s.io", "v1alpha2", "jobsets", "JobSet", subresources=("status",), custom=True)
LOCAL_QUEUES = Resource(
    "kueue.x-k8s.io", "v1beta2", "localqueues", "LocalQueue", ("lq", "queue"), subresources=("status",), custom=True
)
CLUSTER_QUEUES = Resource(
    "kueue.x-k8s.io",
    "v1beta2",
    "clusterqueues",
    "ClusterQueue",
    ("cq",),
    namespaced=False,
    subresources=("status",),
    custom=True,
)
WORKLOADS = Resource(
    "kueue.x-k8s.io", "v1beta2", "workloads", "Workload", ("wl",), subresources=("status",), custom=True
)

RESOURCES = (
    PODS,
    POD_TEMPLATES,
    EVENTS,
    CONFIG_MAPS,
    SECRETS,
    SERVICES,
    SERVICE_ACCOUNTS,
    NAMESPACES,
    NODES,
    JOBS,
    CRON_JOBS,
    ROLES,
    ROLE_BINDINGS,
    NETWORK_POLICIES,
    DEPLOYMENTS,
    ACCESS_REVIEWS,
    JOB_SETS,
    LOCAL_QUEUES,
    CLUSTER_QUEUES,
    WORKLOADS,
)
