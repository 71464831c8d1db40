"""NetworkPolicies: who reaches what, worked out as Kubernetes would."""

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from octo.settings import JOBS
from tests.chart.rendering import ROOT, VALUES_FILES, Document, pods, rendered_chart, rendered_file

pytestmark = pytest.mark.tools

MANIFESTS = sorted((ROOT / "manifests").glob("*.yaml"))
S3_PORT, DNS_PORT = 9000, 53
METADATA = (ip_address("169.254.169.254"), ip_address("fd00:ec2::254"))
"""Where clouds hand out the credentials of a machine to whoever asks from it."""


def matches(selector: Document, labels: dict[str, str]) -> bool:
    assert selector.keys() <= {"matchExpressions"}
    for each in selector["matchExpressions"]:
        assert each["operator"] in ("In", "NotIn")
        if (labels.get(each["key"]) in each["values"]) != (each["operator"] == "In"):
            return False
    return True


def of_pod(rendered: Any, labels: dict[str, str], direction: str) -> list[Document]:
    """The policies for connections of a pod in that direction."""
    return [
        each["spec"]
        for each in rendered
        if each["kind"] == "NetworkPolicy"
        and direction in each["spec"]["policyTypes"]
        and matches(each["spec"]["podSelector"], labels)
    ]


def ports_out(rendered: Any, labels: dict[str, str]) -> set[int]:
    return {
        port["port"]
        for policy in of_pod(rendered, labels, "Egress")
        for rule in policy.get("egress", [])
        for port in rule.get("ports", [])
    }


def labels_of(component: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": "octo", "app.kubernetes.io/component": component}


@pytest.mark.parametrize("file", VALUES_FILES, ids=lambda file: file.stem)
def test_a_policy_holds_for_every_pod_in_both_directions(file: Path) -> None:
    rendered = rendered_file(file)
    own = [(name, pod["metadata"]["labels"]) for name, pod in pods(rendered)]
    jobs = [(job, labels_of(job)) for job in JOBS]
    for name, labels in [*own, *jobs]:
        assert of_pod(rendered, labels, "Ingress"), name
        assert of_pod(rendered, labels, "Egress"), name


def test_pods_of_others_are_left_alone() -> None:
    for file in VALUES_FILES:
        assert not of_pod(rendered_file(file), {"app.kubernetes.io/name": "something"}, "Ingress")


def test_every_job_reaches_names_and_the_store_by_its_own_port(tmp_path: Path) -> None:
    rendered = rendered_chart({"installation": {"s3_endpoint": f"http://objects:{S3_PORT}"}}, tmp_path)
    for job in JOBS:
        assert {DNS_PORT, S3_PORT} <= ports_out(rendered, labels_of(job)), job


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [("", 443), ("https://objects.example", 443), ("http://objects", 80), ("https://a:1234", 1234)],
)
def test_the_port_of_the_store_follows_from_its_url(endpoint: str, port: int, tmp_path: Path) -> None:
    values = {"installation": {"s3_endpoint": endpoint}, "networkPolicies": {"apiServer": {"ports": [6443]}}}
    assert ports_out(rendered_chart(values, tmp_path), labels_of("curation")) == {DNS_PORT, port}


def test_only_who_speaks_to_the_api_server_can_reach_it(tmp_path: Path) -> None:
    rendered = rendered_chart({}, tmp_path)
    reaching = {each for each in [*JOBS, "janitor", "doctor"] if 6443 in ports_out(rendered, labels_of(each))}
    assert reaching == {"launch", "janitor", "doctor"}


def test_the_pods_of_a_gang_and_who_asks_a_model_reach_each_other_and_nobody_else_reaches_them(tmp_path: Path) -> None:
    rendered = rendered_chart({}, tmp_path)
    for job in JOBS:
        callers = {
            other
            for other in JOBS
            for policy in of_pod(rendered, labels_of(job), "Ingress")
            for rule in policy.get("ingress", [])
            for peer in rule["from"]
            if matches(peer["podSelector"], labels_of(other))
        }
        assert callers == ({job} if JOBS[job].pod_shape == "gang" or JOBS[job].speaks_within else set()), job


def peers_out(rendered: Any, labels: dict[str, str], *, by: int) -> list[Document]:
    """Whom a pod may speak to by a port; a rule without peers would be one for everybody."""
    rules = [rule for policy in of_pod(rendered, labels, "Egress") for rule in policy.get("egress", [])]
    assert all(rule["to"] for rule in rules)
    return [peer for rule in rules if by in [port["port"] for port in rule.get("ports", [])] for peer in rule["to"]]


CLOSED = {"to": []}


def test_who_may_go_nowhere_reaches_names_and_nothing_else(tmp_path: Path) -> None:
    places = ("store", "apiServer", "telemetry", "exporters", "kubeflow")
    values = {
        "networkPolicies": {**dict.fromkeys(places, CLOSED), "more": {"later": {"ports": [443]}}},
        "installation": {"otlp_endpoint": "http://collector:4318"},
        "collector": {"enabled": True, "spanMetrics": True, "scrapedFrom": []},
    }
    rendered = rendered_chart(values, tmp_path)
    for component in [*JOBS, "janitor", "doctor", "upload", "collector"]:
        elsewhere = [
            peer
            for policy in of_pod(rendered, labels_of(component), "Egress")
            for rule in policy.get("egress", [])
            for peer in rule["to"]
            if "podSelector" not in peer and [port["port"] for port in rule["ports"]] != [DNS_PORT] * 2
        ]
        assert elsewhere == [], component
    assert {
        port["port"]
        for policy in of_pod(rendered, labels_of("collector"), "Ingress")
        for rule in policy.get("ingress", [])
        for port in rule["ports"]
    } == {4317, 4318}


@pytest.mark.parametrize("file", VALUES_FILES, ids=lambda file: file.stem)
def test_no_block_that_is_opened_holds_a_metadata_address(file: Path) -> None:
    blocks = [
        peer["ipBlock"]
        for policy in rendered_file(file)
        if policy["kind"] == "NetworkPolicy"
        for rule in policy["spec"].get("egress", [])
        for peer in rule["to"]
        if "ipBlock" in peer
    ]
    assert blocks
    for block in blocks:
        network = ip_network(block["cidr"])
        for address in METADATA:
            if address.version == network.version and address in network:
                assert any(address in ip_network(each) for each in block["except"]), block


@pytest.mark.parametrize(
    ("cidr", "left_out"),
    [
        ("0.0.0.0/0", ["169.254.169.254/32"]),
        ("128.0.0.0/1", ["169.254.169.254/32"]),
        ("169.254.0.0/16", ["169.254.169.254/32"]),
        ("169.254.169.254/31", ["169.254.169.254/32"]),
        ("169.254.169.254/32", []),
        ("169.254.168.0/24", []),
        ("0.0.0.0/1", []),
        ("10.0.0.0/8", []),
        ("255.255.255.255/32", []),
        ("::/0", ["fd00:ec2::254/128"]),
        ("8000::/1", ["fd00:ec2::254/128"]),
        ("fc00::/7", ["fd00:ec2::254/128"]),
        ("FD00:0EC2::/32", ["fd00:ec2::254/128"]),
        ("fd00:ec2:0:0::/64", ["fd00:ec2::254/128"]),
        ("fd00:ec2::200/119", ["fd00:ec2::254/128"]),
        ("fd00:ec2:0:0:0:0:0:254/128", []),
        ("fd00:ec2::/120", []),
        ("fd00:ec3::/32", []),
        ("::/1", []),
        ("2001:db8::/32", []),
    ],
)
def test_a_block_leaves_out_the_metadata_address_where_it_holds_it(
    cidr: str, left_out: list[str], tmp_path: Path
) -> None:
    own = {"ipBlock": {"cidr": cidr, "except": ["10.1.2.3/32"]}}
    values = {"networkPolicies": {"store": {"to": [own, {"ipBlock": {"cidr": cidr}}], "ports": [S3_PORT]}}}
    first, second = peers_out(rendered_chart(values, tmp_path), labels_of("curation"), by=S3_PORT)
    assert first["ipBlock"] == {"cidr": cidr, "except": ["10.1.2.3/32", *left_out]}
    assert second["ipBlock"] == ({"cidr": cidr, "except": left_out} if left_out else {"cidr": cidr})


def test_nothing_is_closed_when_policies_are_off(tmp_path: Path) -> None:
    rendered = rendered_chart({"networkPolicies": {"enabled": False}}, tmp_path)
    assert [each for each in rendered if each["kind"] == "NetworkPolicy"] == []
