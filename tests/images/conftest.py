"""octo's images, built once for all tests from a stand-in for their base."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.images.containers import Cluster, Containers, cluster, working_containers

ROOT = Path(__file__).parents[2]
STAND_IN = "localhost/octo-stand-in:bookworm"
"""Debian with its Python 3.11, made here: a machine without an image registry can test too. Kept for the next time."""
TAG = "test"
NO_CUDA = ("cuda-", "nvidia-", "triton==")

Build = Callable[..., str]
"""Builds an image and gives its name."""


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    given = os.environ.get("OCTO_IMAGES_BASE", "")
    if given or not shutil.which("podman"):
        return given
    if subprocess.run(["podman", "image", "exists", STAND_IN], check=False).returncode:
        if not shutil.which("debootstrap") or os.geteuid():
            pytest.skip(
                "no base to build from: name one in OCTO_IMAGES_BASE, or run as root with debootstrap installed"
            )
        folder = tmp_path_factory.mktemp("debian")
        wanted = "--include=python3,python3-venv,ca-certificates"
        made = subprocess.run(["debootstrap", "--variant=minbase", wanted, "bookworm", folder], check=False)
        if made.returncode:
            pytest.skip(f"debootstrap made no base to build from: it ended {made.returncode}")
        tar = subprocess.Popen(["tar", "--directory", folder, "--create", "."], stdout=subprocess.PIPE)
        subprocess.run(["podman", "import", "-", STAND_IN], stdin=tar.stdout, check=True)
        shutil.rmtree(folder)
    return STAND_IN


@pytest.fixture(scope="session")
def containers(base: str, tmp_path_factory: pytest.TempPathFactory) -> Containers:
    found = working_containers(base, tmp_path_factory.mktemp("containers"))
    if isinstance(found, str):
        pytest.skip(found)
    return found


@pytest.fixture(scope="session")
def build(base: str, containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Builds from a copy of the tree, which a running editor cannot change between two builds."""
    tree = tmp_path_factory.mktemp("tree")
    for folder in ("images", "jobs", "octo"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (".dockerignore", "LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / file, tree)
    wheel = _torch_without_cuda()
    if wheel:
        (tree / "images" / "cpu.lock").write_text(_lock_without_cuda(tree / "images" / "train.lock", wheel))
    built: dict[tuple[str, ...], str] = {}

    def build(image: str, *, tag: str = TAG, options: tuple[str, ...] = ()) -> str:
        if (image, tag) not in built:
            lock = ["--lock=images/cpu.lock"] if wheel and image == "train" else []
            readable = [f"--volume={path}" for path in _of_this_machine()]
            words = [
                str(tree / "images" / "build"),
                image,
                f"--base={base}",
                f"--tag={tag}",
                *lock,
                *readable,
                *options,
            ]
            made = subprocess.run(words, env=containers.environment, capture_output=True, text=True, check=False)
            assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-4000:]
            built[image, tag] = made.stdout.partition(" ")[0]
        return built[image, tag]

    return build


@pytest.fixture
def served(containers: Containers, build: Build) -> Iterator[Cluster]:
    with cluster(containers, build) as beside:
        yield beside


def _of_this_machine() -> list[str]:
    """What pip needs here to reach its index: certificates, its settings, folders of wheels."""
    named = [os.environ.get("SSL_CERT_FILE", ""), "/etc/pip.conf", *os.environ.get("PIP_FIND_LINKS", "").split()]
    return [path for path in named if path and Path(path).exists()]


def _torch_without_cuda() -> Path | None:
    folders = os.environ.get("PIP_FIND_LINKS", "").split()
    wheels = [wheel for folder in folders for wheel in Path(folder).glob("torch-*+cpu-cp311-*.whl")]
    return wheels[0] if wheels else None


def _lock_without_cuda(lock: Path, wheel: Path) -> str:
    """The lock with that wheel for its torch: what is tested is octo's, and CUDA alone is 5 GB."""
    pinned = re.split(r"\n(?=\S)", lock.read_text().strip())
    with wheel.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    lines = [f"--find-links {wheel.parent}"]
    for each in pinned:
        if each.startswith("torch=="):
            lines.append(f"{each.split()[0]} --hash=sha256:{digest}")
        elif not each.startswith(NO_CUDA):
            lines.append(each)
    return "\n".join(lines) + "\n"
