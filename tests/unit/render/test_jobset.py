"""What a JobSet says of retries, roles and rendezvous."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.errors import UsageError
from octo.render.jobset import SPEC_DIGEST, jobset, jobset_name, label_value
from octo.settings import JOBS
from octo.settings.base import Need, S3Settings
from octo.settings.combined import with_job
from octo.settings.curation import CurationSettings
from octo.settings.endpoint import EndpointSettings, ServingSettings
from octo.settings.grading import GradingSettings
from octo.settings.installation import Installation, Pool
from octo.settings.launch import LaunchSettings, Owner
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.report import ReportSettings

GPUS = Installation(
    pools=(Pool(name="plain"), Pool(name="gpus", accelerators=8, node_selector={"pool": "gpus"})),
    queue="training",
    topology="rack",
)


def jobs_of(rendered: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each["template"]["spec"] for each in rendered["spec"]["replicatedJobs"]}


def container_of(job: dict[str, Any]) -> dict[str, Any]:
    [container] = job["template"]["spec"]["containers"]
    return dict(container)


def variables_of(job: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value") or each["valueFrom"] for each in container_of(job)["env"]}


def test_an_index_of_a_fleet_is_retried_alone_and_wrong_settings_end_it_at_once() -> None:
    [shards] = jobs_of(jobset(CurationSettings(need=Need(pods=7, retries=2)), Installation())).values()
    assert (shards["completions"], shards["parallelism"], shards["completionMode"]) == (7, 7, "Indexed")
    assert shards["backoffLimitPerIndex"] == 2
    assert "backoffLimit" not in shards
    assert shards["podReplacementPolicy"] == "Failed"
    actions = [
        (rule["action"], rule.get("onExitCodes", {}).get("values") or rule["onPodConditions"][0]["type"])
        for rule in shards["podFailurePolicy"]["rules"]
    ]
    assert actions == [("FailJob", [2]), ("Ignore", "DisruptionTarget"), ("Count", [75])]


def test_every_shard_group_of_a_fleet_is_somebodys_however_many_pools_there_are() -> None:
    pools = (Pool(name="a", share=2), Pool(name="b"), Pool(name="c"))
    jobs = jobs_of(jobset(CurationSettings(need=Need(pods=9)), Installation(pools=pools)))
    groups = []
    for job in jobs.values():
        arguments = dict(each.partition("=")[::2] for each in container_of(job)["args"])
        assert arguments["--shard-group.count"] == "9"
        first = int(arguments.get("--shard-group.first", "0"))
        groups += range(first, first + job["completions"])
        field = variables_of(job)["OCTO_SHARD_GROUP__INDEX"]["fieldRef"]["fieldPath"]
        assert field == "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    assert sorted(groups) == list(range(9))
    assert list(jobs) == ["shards-a", "shards-b", "shards-c"]


def test_a_gang_starts_and_restarts_as_one_and_finds_its_first_node_by_name() -> None:
    need = Need(pods=4, accelerators=8, memory_gib=8, retries=5)
    rendered = jobset(MidtrainingSettings(need=need, batch_size=32, micro_batch_size=1), GPUS)
    [node] = jobs_of(rendered).values()
    assert (node["completions"], node["parallelism"], node["backoffLimit"]) == (4, 4, 0)
    assert rendered["spec"]["failurePolicy"]["maxRestarts"] == 5
    [rule] = rendered["spec"]["failurePolicy"]["rules"]
    assert (rule["action"], rule["onJobFailureReasons"]) == ("FailJobSet", ["PodFailurePolicy", "DeadlineExceeded"])
    container = container_of(node)
    assert container["command"] == ["python", "-m", "octo.ml.gang"]
    assert container["args"][:7] == [
        "--nnodes=4",
        "--nproc-per-node=8",
        "--node-rank=$(NODE_RANK)",
        "--master-addr=$(JOBSET_NAME)-node-0-0.$(JOBSET_NAME)",
        "--master-port=29500",
        "-m",
        "jobs.midtraining",
    ]
    assert {"NODE_RANK", "JOBSET_NAME"} <= variables_of(node).keys()
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "8"
    assert node["template"]["spec"]["nodeSelector"] == {"pool": "gpus"}
    assert node["template"]["metadata"]["annotations"] == {"kueue.x-k8s.io/podset-required-topology": "rack"}


def test_kueue_reads_its_labels_on_the_jobset_alone() -> None:
    rendered = jobset(MidtrainingSettings(need=Need(accelerators=1)), GPUS)
    assert rendered["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "training"
    assert "kueue" not in repr(jobs_of(rendered)["node"]["template"]["metadata"]["labels"])
    [replicated] = rendered["spec"]["replicatedJobs"]
    assert "kueue" not in repr(replicated["template"]["metadata"]["labels"])


def test_memory_covers_what_is_written_to_shared_memory() -> None:
    [main] = jobs_of(jobset(ReportSettings(need=Need(memory_gib=3, shared_memory_gib=0.5)), Installation())).values()
    assert container_of(main)["resources"]["limits"]["memory"] == "3584Mi"
    [shm] = [each for each in main["template"]["spec"]["volumes"] if each["name"] == "shm"]
    assert shm["emptyDir"] == {"medium": "Memory", "sizeLimit": "512Mi"}


def test_a_value_that_looks_like_a_variable_of_kubernetes_stays_as_it_is() -> None:
    settings = CurationSettings(benchmark_sources=("$(JOBSET_NAME)",))
    [shards] = jobs_of(jobset(settings, Installation())).values()
    assert '--benchmark-sources=["$$(JOBSET_NAME)"]' in container_of(shards)["args"]


def test_the_installation_says_where_the_store_is_unless_the_settings_do() -> None:
    installation = Installation(store="s3://site", s3_endpoint="http://s3:9000", otlp_endpoint="http://otlp:4318")

    def arguments(settings: CurationSettings) -> list[str]:
        [shards] = jobs_of(jobset(settings, installation)).values()
        return list(container_of(shards)["args"])

    assert {"--store=s3://site", "--s3.endpoint=http://s3:9000", "--otlp-endpoint=http://otlp:4318"} <= set(
        arguments(CurationSettings())
    )
    own = arguments(CurationSettings(store="s3://own", s3=S3Settings(endpoint="http://mine")))
    assert {"--store=s3://own", "--s3.endpoint=http://mine"} <= set(own)


def test_secrets_are_named_and_never_written() -> None:
    settings = CurationSettings.model_validate({"s3": {"access_key": "AKIA-visible", "secret_key": "very-secret"}})
    rendered = jobset(settings, Installation(s3_secret="team-s3"))
    assert "visible" not in repr(rendered)
    assert "very-secret" not in repr(rendered)
    [shards] = jobs_of(rendered).values()
    reference = variables_of(shards)["OCTO_S3__SECRET_KEY"]["secretKeyRef"]
    assert reference == {"name": "team-s3", "key": "secret_key", "optional": True}


def test_only_launch_may_speak_to_the_api_server() -> None:
    for job in JOBS:
        settings = with_job(LaunchSettings, "curation")() if job == "launch" else JOBS[job]()
        for each in jobs_of(jobset(settings, Installation(service_account="workers"))).values():
            pod = each["template"]["spec"]
            expected = (True, "octo-launch") if job == "launch" else (False, "workers")
            assert (pod["automountServiceAccountToken"], pod["serviceAccountName"]) == expected


def test_launch_asks_for_little_whatever_it_launches() -> None:
    settings = with_job(LaunchSettings, "midtraining").model_validate({"need": {"pods": 4, "accelerators": 8}})
    [main] = jobs_of(jobset(settings, Installation())).values()
    assert main["completions"] == 1
    assert container_of(main)["resources"]["requests"]["cpu"] == "100m"
    assert container_of(main)["args"][0] == "midtraining"
    assert "--need.pods=4" in container_of(main)["args"]


def test_who_traces_a_jobset_does_not_change_what_it_is() -> None:
    plain, traced = (jobset(CurationSettings(), Installation(), traceparent=given) for given in ("", "00-aa-bb-01"))
    other = jobset(CurationSettings(seed=1), Installation())
    assert plain["metadata"]["annotations"][SPEC_DIGEST] == traced["metadata"]["annotations"][SPEC_DIGEST]
    assert plain["metadata"]["annotations"][SPEC_DIGEST] != other["metadata"]["annotations"][SPEC_DIGEST]
    [shards] = jobs_of(traced).values()
    assert variables_of(shards)["OCTO_TRACEPARENT"] == "00-aa-bb-01"


def test_a_jobset_belongs_to_the_job_that_launches_it_and_to_no_pod() -> None:
    rendered = jobset(CurationSettings(), Installation(), name="curate-1", owner=Owner(name="step", uid="1-2"))
    assert rendered["metadata"]["ownerReferences"] == [
        {"apiVersion": "batch/v1", "kind": "Job", "name": "step", "uid": "1-2"}
    ]
    assert "ownerReferences" not in jobset(CurationSettings(), Installation(), owner=Owner())["metadata"]


def test_a_job_of_one_pod_cannot_have_several() -> None:
    with pytest.raises(UsageError, match=r"--need\.pods 2: report runs in one pod"):
        jobset(ReportSettings(need=Need(pods=2)), Installation())


def test_pods_are_not_sent_to_a_directory() -> None:
    with pytest.raises(UsageError, match=r"pods share no directory: give --store s3://bucket/prefix, got 'here'"):
        jobset(ReportSettings(store="here"), Installation())


@given(stage=st.text(min_size=1, max_size=80), key=st.text(max_size=80))
def test_any_stage_of_any_run_has_a_name_that_leaves_its_pods_room(stage: str, key: str) -> None:
    name = jobset_name(stage, key)
    assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name)
    # <jobset>-shards-<pool>-0-<index>
    assert len(f"{name}-shards-{'p' * 16}-0-99999") <= 63
    assert name != jobset_name(stage, f"{key}x")


@given(text=st.text(max_size=100))
def test_any_text_can_label(text: str) -> None:
    assert re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?", label_value(text))


def test_the_pods_that_serve_a_fleets_model_are_found_by_it_and_outlive_no_shard() -> None:
    endpoint = EndpointSettings(model="llama", serving=ServingSettings(pods=2, accelerators=0), secret="team-llm")
    settings = GradingSettings(endpoint=endpoint, need=Need(pods=3, cpus=1, memory_gib=2), run_id="r")
    spec = jobset(settings, Installation())["spec"]
    shards, server = spec["replicatedJobs"]
    assert (shards["name"], server["name"]) == ("shards", "server")
    assert spec["successPolicy"] == {"operator": "All", "targetReplicatedJobs": ["shards"]}
    assert spec["network"]["enableDNSHostnames"]
    assert server["template"]["spec"]["completions"] == 2
    asker, serving = (each["template"]["spec"]["template"]["spec"]["containers"][0] for each in (shards, server))
    urls = [f"http://$(JOBSET_NAME)-server-0-{index}.$(JOBSET_NAME):8600/v1" for index in range(2)]
    assert f"--endpoint.servers={json.dumps(urls)}" in [each.replace('","', '", "') for each in asker["args"]]
    assert "--role=server" in serving["args"]
    assert not [each for each in serving["args"] if each.startswith("--endpoint.servers")]
    assert (asker["image"], serving["image"]) == (Installation().images.data, Installation().images.inference)
    for container in (asker, serving):
        [key] = [each for each in container["env"] if each["name"] == "OCTO_ENDPOINT__API_KEY"]
        assert key["valueFrom"]["secretKeyRef"] == {"name": "team-llm", "key": "api_key", "optional": True}
    named = [each["name"] for each in asker["env"]]
    assert named.count("JOBSET_NAME") == 1


def test_a_fleet_that_asks_a_service_elsewhere_has_no_pods_beside_it() -> None:
    endpoint = EndpointSettings(model="llama", url="https://llm.example/v1")
    spec = jobset(GradingSettings(endpoint=endpoint, run_id="r"), Installation())["spec"]
    assert [each["name"] for each in spec["replicatedJobs"]] == ["shards"]
    assert "successPolicy" not in spec
