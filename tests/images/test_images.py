"""The images: what is in them, what their user may do, and that the committed manifests run in them as they are.

They are built from a stand-in for their base (conftest.py). Layers stay in podman's store, so that the next time builds
only what changed. inference is built where OCTO_IMAGES_INFERENCE is set: with CUDA it takes 25 GB of disk.
"""

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from octo.settings import JOBS
from tests.images.conftest import ROOT, Build
from tests.images.containers import Cluster, Containers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
ORDER = ("ingestion", "curation", "tokenization", "midtraining", "rl", "evaluation", "report")


@pytest.mark.parametrize("image", ["data", "train"])
def test_every_job_says_its_help_in_its_image(image: str, build: Build, containers: Containers) -> None:
    for job in [job for job in JOBS if JOBS[job].image == image]:
        said = containers.run(build(image), "python", "-m", f"jobs.{job}", "--help")
        assert said.returncode == 0, said.stdout
        assert said.stdout.startswith(f"usage: octo {job}")


def test_the_control_plane_is_in_the_data_image(build: Build, containers: Containers) -> None:
    said = containers.run(build("data"), "octo", "render", "ingestion", "--store=s3://bucket/prefix")
    assert yaml.safe_load(said.stdout)["kind"] == "JobSet"
    command = (
        "octo compile octothinker --preset toy -o /scratch/pipeline.yaml >&2; grep schemaVersion /scratch/pipeline.yaml"
    )
    compiled = containers.run(build("data"), "sh", "-c", command)
    assert "schemaVersion: 2.1.0" in compiled.stdout, compiled.stdout


@pytest.mark.parametrize("image", ["data", "train"])
def test_the_user_owns_nothing_of_an_image_but_scratch(image: str, build: Build, containers: Containers) -> None:
    identity = containers.run(
        build(image), "sh", "-c", "id; grep -E '^(CapEff|NoNewPrivs)' /proc/self/status", options=()
    )
    assert "uid=10001(octo) gid=10001(octo) groups=10001(octo)" in identity.stdout
    found = containers.run(
        build(image), "sh", "-c", "find / -xdev -writable -not -path '/tmp*' -not -type l; true", options=()
    )
    ours = [line for line in found.stdout.split() if line.startswith(("/opt", "/venv", "/scratch", "/etc", "/usr"))]
    assert ours == ["/scratch"]


@pytest.mark.parametrize("image", ["data", "train"])
def test_neither_a_compiler_nor_an_installer_is_left(image: str, build: Build, containers: Containers) -> None:
    names = ("cc", "gcc", "nvcc", "make", "pip")
    said = containers.run(build(image), "sh", "-c", f"for name in {' '.join(names)}; do command -v $name; done; true")
    assert said.stdout == ""
    assert containers.run(build(image), "python", "-m", "pip").returncode == 1


@pytest.mark.parametrize("image", ["data", "train"])
def test_every_file_of_the_packages_is_in_an_image_with_bytecode(
    image: str, build: Build, containers: Containers
) -> None:
    tracked = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "octo", "jobs"], capture_output=True, text=True, check=True
    ).stdout.split()
    found = containers.run(build(image), "find", "/opt/octo", "-type", "f", "-printf", "%P\n").stdout.split()
    assert set(tracked) <= set(found)
    for file in tracked:
        if file.endswith(".py"):
            path = Path(file)
            assert f"{path.parent}/__pycache__/{path.stem}.cpython-311.pyc" in found


def test_deepspeed_is_there_without_anything_to_compile_it(build: Build, containers: Containers) -> None:
    said = containers.run(build("train"), "python", "-c", "import deepspeed; print(deepspeed.__version__)")
    assert said.stdout.split()[-1] == "0.19.8", said.stdout


@pytest.mark.parametrize("image", ["data", "train"])
def test_two_builds_of_one_tree_have_the_same_layers(image: str, build: Build, containers: Containers) -> None:
    first = build(image)
    second = build(image, tag="test-again", options=("--fresh",))
    try:
        assert _layers(containers, first) == _layers(containers, second)
    finally:
        containers.call("rmi", second)


def test_a_shard_is_committed_from_a_pod_that_can_write_nowhere(served: Cluster, tmp_path: Path) -> None:
    address = _run("ingestion", served, tmp_path)
    manifest = served.object(f"{address}/manifest.json")
    assert manifest["job"] == "ingestion"
    assert len(manifest["parts"]) >= 2


def test_the_manifests_run_one_after_another_in_the_images(served: Cluster, tmp_path: Path) -> None:
    for job in ORDER:
        assert served.object(f"{_run(job, served, tmp_path)}/manifest.json")["job"] == job


@pytest.mark.skipif("OCTO_IMAGES_INFERENCE" not in os.environ, reason="25 GB: set OCTO_IMAGES_INFERENCE to build it")
def test_vllm_is_in_the_inference_image_beside_all_of_train(build: Build, containers: Containers) -> None:
    build("train")
    said = containers.run(build("inference"), "python", "-c", "import vllm, deepspeed; print(vllm.__version__)")
    assert said.stdout.split()[-1] == "0.32.0", said.stdout


def _run(job: str, served: Cluster, folder: Path) -> str:
    """Run the job's committed manifest to its end; the address of what it committed."""
    logs = folder / job
    logs.mkdir()
    manifest = yaml.safe_load((ROOT / "manifests" / f"{job}.yaml").read_text())
    targets: Sequence[str] | None = manifest["spec"].get("successPolicy", {}).get("targetReplicatedJobs")
    started = served.create(manifest, logs)
    for role, process in started:
        if targets is None or role in targets:
            output, _ = process.communicate(timeout=900)
            assert process.returncode == 0, f"{job} {role}: {output[-3000:]}"
    for _, process in started:
        if process.poll() is None:
            # As the JobSet does with what is left when the work is done.
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=1500) == 75
    said = [json.loads(file.read_text()) for file in logs.glob("*.json") if file.stat().st_size]
    [address] = {line["artifact"] for line in said if "artifact" in line}
    return str(address)


def _layers(containers: Containers, image: str) -> list[str]:
    [description] = json.loads(containers.call("image", "inspect", image).stdout)
    layers: list[str] = description["RootFS"]["Layers"]
    return layers
