"""What the chart can be told: one description, of which values.yaml and values.schema.json are written."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from octo.render.pods import cores, gibibytes
from octo.settings.base import Need, ServiceUrl
from octo.settings.installation import Installation
from octo.settings.launch import STALE_SECONDS, LaunchSettings

Labels = dict[str, str]
Resources = dict[Literal["requests", "limits"], dict[str, str | int | float]]
Peer = dict[Literal["ipBlock", "namespaceSelector", "podSelector"], dict[str, Any]]
"""One end of a connection, in a NetworkPolicy's words."""

_ANYWHERE: tuple[Peer, ...] = (
    {"namespaceSelector": {}},
    {"ipBlock": {"cidr": "0.0.0.0/0"}},
    {"ipBlock": {"cidr": "::/0"}},
)
"""All pods, for some networks take none of them for part of a block, and all addresses."""
_COLLECTOR_NEED = Need(cpus=0.1, memory_gib=0.5, scratch_gib=0.25)
_METADATA_NAME = "kubernetes.io/metadata.name"


def _resources(need: Need) -> Any:
    limits = {"memory": gibibytes(need.memory_gib), "ephemeral-storage": gibibytes(need.scratch_gib)}
    asked = {"requests": {"cpu": cores(need.cpus), **limits}, "limits": limits}
    return Field(default=asked, description="Requests and limits of its pods.")


class _Group(BaseModel):
    """Keys are spelt as charts spell them."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, alias_generator=to_camel, populate_by_name=True
    )


class JobOfTheChart(_Group):
    """A job that the release runs: launched once for these settings, or by a schedule."""

    job: str
    """Which job."""
    settings: dict[str, Any] = {}
    """Its settings, as in a settings file."""
    schedule: str = ""
    """When to run it, as cron says it, each time as a run of its own; empty runs it once for these settings."""


class ServiceAccount(_Group):
    """A service account of one duty."""

    annotations: Labels = {}
    """Annotations, such as those of workload identity."""


class ServiceAccounts(_Group):
    """Accounts of the pods. Those of jobs and of launch are named by the installation."""

    create: bool = True
    """Create them; otherwise they must be there, by the same names."""
    jobs: ServiceAccount = ServiceAccount()
    """Of the jobs: no rights in the cluster, no token; annotate it for the store."""
    launch: ServiceAccount = ServiceAccount()
    """Of launch and of helm test: it creates and follows JobSets, and proves the store."""
    janitor: ServiceAccount = ServiceAccount()
    """Of the janitor."""
    upload: ServiceAccount = ServiceAccount()
    """Of the upload to Kubeflow: no rights in the cluster."""
    collector: ServiceAccount = ServiceAccount()
    """Of the collector: no rights in the cluster."""


class Subject(_Group):
    """Somebody whom Kubernetes knows."""

    kind: Literal["ServiceAccount", "User", "Group"]
    """What it is."""
    name: str
    """Its name."""
    namespace: str = ""
    """Namespace of a service account; empty takes the release's."""


class Rbac(_Group):
    """Rights in the release's namespace, one Role for each duty."""

    create: bool = True
    """Create the Roles and bind them."""
    launchers: tuple[Subject, ...] = ()
    """Who else may launch, such as the account of Kubeflow's runs, or people who call octo submit."""


class Traffic(_Group):
    """Where connections may go."""

    to: tuple[Peer, ...] = ()
    """Peers; none lets it go nowhere. A block that holds a cloud's metadata address leaves it out: name that alone."""
    ports: tuple[int, ...] = ()
    """TCP ports of the pods or hosts that answer, not of a Service in front of them."""


class NamedTraffic(Traffic):
    """More that some pods need."""

    components: tuple[str, ...] = ()
    """Which pods, by their label app.kubernetes.io/component: a job's name, or launch; none means all of octo's."""


class NetworkPolicies(_Group):
    """Nothing goes in or out of octo's pods but what is opened here; what is emptied here is closed."""

    enabled: bool = True
    """Create them."""
    dns: Traffic = Traffic(
        to=(
            {"namespaceSelector": {"matchLabels": {_METADATA_NAME: "kube-system"}}},
            {"ipBlock": {"cidr": "169.254.20.10/32"}},
        ),
        ports=(53,),
    )
    """Names, over UDP and TCP: the cluster's servers, or those on each node."""
    store: Traffic = Traffic(to=_ANYWHERE)
    """The S3 service; without ports, that of installation.s3_endpoint, or 443."""
    api_server: Traffic = Traffic(to=_ANYWHERE, ports=(443, 6443))
    """The API server, for launch and the janitor."""
    telemetry: Traffic = Traffic(to=_ANYWHERE)
    """The collector at installation.otlp_endpoint; without ports, that of its URL. The chart's own is always open."""
    exporters: Traffic = Traffic(to=_ANYWHERE, ports=(443, 4317, 4318))
    """Where the chart's collector sends what it gets."""
    kubeflow: Traffic = Traffic(to=({"namespaceSelector": {"matchLabels": {_METADATA_NAME: "kubeflow"}}},))
    """Kubeflow's services, for the steps of pipelines and the upload."""
    more: dict[str, NamedTraffic] = {}
    """More traffic, by a name: a package index, an endpoint of a language model."""


class Kueue(_Group):
    """Objects of Kueue; its operator is installed apart from this chart."""

    cluster_queue: str = ""
    """ClusterQueue behind the LocalQueue installation.queue; empty creates no LocalQueue."""
    resource_flavors: bool = False
    """Create a ResourceFlavor for each pool, called by the release and the pool. They belong to the whole cluster."""


class Placement(_Group):
    """Where the chart's own pods go; jobs go to the installation's pools."""

    node_selector: Labels = {}
    """Labels of the nodes."""
    tolerations: tuple[dict[str, Any], ...] = ()
    """Taints to put up with."""
    affinity: dict[str, Any] = {}
    """Affinity."""


class Launch(_Group):
    """The pods that launch and follow what is under jobs."""

    resources: Resources = _resources(LaunchSettings.own_need)


class Janitor(_Group):
    """Stops JobSets that nobody follows any more, such as those of a pipeline's run that was terminated."""

    enabled: bool = True
    """Run it."""
    schedule: str = "*/10 * * * *"
    """When, as cron says it."""
    stale_seconds: int = Field(default=STALE_SECONDS, gt=0)
    """A JobSet is stopped when its last heartbeat is older."""
    resources: Resources = _resources(LaunchSettings.own_need)


class UploadedPipeline(_Group):
    """A pipeline that Kubeflow gets."""

    name: str
    """Which pipeline."""
    preset: str = ""
    """The settings to start from; empty takes octo's default."""
    set: tuple[str, ...] = ()
    """STAGE.FIELD=VALUE: what a run cannot change."""


class Kubeflow(_Group):
    """Kubeflow Pipelines; it is installed apart from this chart."""

    upload: bool = False
    """Upload the pipelines after each install and upgrade."""
    endpoint: ServiceUrl = "http://ml-pipeline.kubeflow:8888"
    """URL of its API."""
    profile: str = ""
    """Namespace of the profile that the pipelines belong to; empty shares them."""
    token_audience: str = ""
    """Audience of the token to call it with, such as pipelines.kubeflow.org; empty sends none."""
    pipelines: tuple[UploadedPipeline, ...] = (UploadedPipeline(name="octothinker"),)
    """Which pipelines."""
    resources: Resources = _resources(Need(cpus=0.5, memory_gib=1, scratch_gib=1))


class Doctor(_Group):
    """The pod of helm test."""

    resources: Resources = _resources(LaunchSettings.own_need)


class Collector(_Group):
    """An OpenTelemetry collector for the spans of all runs."""

    enabled: bool = False
    """Run one; installation.otlp_endpoint names it then, unless it names another."""
    image: str = "otel/opentelemetry-collector-contrib:0.150.1"
    """Its image, with the components that the config names."""
    replicas: int = Field(default=1, ge=1)
    """Pods of it; one alone can count spans."""
    exporters: dict[str, Any] = {"debug": {}}
    """Its exporters, each of which gets every span; debug, which writes to its log, is left out by `debug: null`."""
    secret: str = ""
    """Secret whose keys are variables of the collector, for its exporters: ${env:KEY}; empty gives none."""
    span_metrics: bool = False
    """Count and time spans by name, for Prometheus, on port 8889; Prometheus must then be let in."""
    scraped_from: tuple[Peer, ...] = ({"namespaceSelector": {"matchLabels": {_METADATA_NAME: "monitoring"}}},)
    """Who may read them."""
    resources: Resources = _resources(_COLLECTOR_NEED)


class Monitored(_Group):
    """An object that a monitoring system looks for."""

    enabled: bool = False
    """Create it."""
    labels: Labels = {}
    """Labels that it is found by."""


class Monitoring(_Group):
    """What is shown and watched of metrics that the cluster has: those of kube-state-metrics and of Kueue."""

    dashboard: Monitored = Monitored(labels={"grafana_dashboard": "1"})
    """A dashboard in a ConfigMap, which Grafana's sidecar loads."""
    rules: Monitored = Monitored()
    """Alerts in a PrometheusRule, left out where the cluster does not know that kind."""


class Values(_Group):
    """Values of the chart."""

    installation: Installation = Installation(launch_service_account="")
    """What jobs are rendered with. Empty, `namespace` is the release's, and the service accounts are the chart's."""
    jobs: dict[str, JobOfTheChart] = {}
    """Jobs that the release runs, by a name of your choice: each with `job`, its `settings`, perhaps a `schedule`."""
    name_override: str = ""
    """Stands for the chart's name in names."""
    fullname_override: str = ""
    """Stands for the release's and the chart's name in names. Pipelines look for a ConfigMap octo-installation."""
    common_labels: Labels = {}
    """More labels of all the chart's objects."""
    pod_labels: Labels = {}
    """More labels of the chart's own pods."""
    pod_annotations: Labels = {}
    """More annotations of the chart's own pods."""
    placement: Placement = Placement()
    """Where the chart's own pods go."""
    service_accounts: ServiceAccounts = ServiceAccounts()
    """Accounts of the pods."""
    rbac: Rbac = Rbac()
    """Rights in the namespace."""
    network_policies: NetworkPolicies = NetworkPolicies()
    """What may go in and out of octo's pods."""
    kueue: Kueue = Kueue()
    """Objects of Kueue."""
    launch: Launch = Launch()
    """The pods that launch and follow what is under jobs."""
    janitor: Janitor = Janitor()
    """Stops what nobody follows."""
    kubeflow: Kubeflow = Kubeflow()
    """The upload of pipelines."""
    doctor: Doctor = Doctor()
    """The pod of helm test."""
    collector: Collector = Collector()
    """An OpenTelemetry collector."""
    monitoring: Monitoring = Monitoring()
    """Dashboard and alerts."""
