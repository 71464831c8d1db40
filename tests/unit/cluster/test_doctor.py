import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from octo.cluster.doctor import doctor_command, machine, sandbox
from octo.errors import UsageError
from octo.sandbox.layers import LAYERS, Layers, offered
from octo.sandbox.pool import Sandbox

ROOT = Path(__file__).parents[3]


def without(*names: str) -> Layers:
    lacking = {name: f"{name} is not here, get it" for name in names}
    return Layers(tuple(name for name in LAYERS if name not in names), lacking)


def test_every_layer_of_the_sandbox_is_named() -> None:
    found = sandbox(without(), required=True)
    assert (found.state, found.said) == ("ok", f"holds a model's programs by {', '.join(LAYERS)}")


@pytest.mark.parametrize("lacking", [("namespaces",), ("landlock",), ("no-new-privileges", "namespaces")])
def test_a_layer_that_another_stands_in_for_is_told_with_its_remedy_and_is_no_fault(lacking: tuple[str, ...]) -> None:
    found = sandbox(without(*lacking), required=True)
    assert found.state == "ok"
    for name in LAYERS:
        assert (f"{name}: {name} is not here, get it" in found.said) is (name in lacking)


@pytest.mark.parametrize("lacking", [("seccomp",), ("landlock", "namespaces")])
def test_too_weak_a_sandbox_is_a_warning_and_a_fault_where_it_is_required(lacking: tuple[str, ...]) -> None:
    weak = without(*lacking)
    assert sandbox(weak, required=False).state == "warning"
    found = sandbox(weak, required=True)
    assert found.state == "fault"
    assert "code rewards are refused here" in found.said
    assert all(f"{name} is not here, get it" in found.said for name in lacking)


def test_doctor_and_the_sandbox_judge_this_machine_alike(capsys: pytest.CaptureFixture[str]) -> None:
    code = doctor_command(["--json", "--require=sandbox"])
    findings = {each["subject"]: each for each in json.loads(capsys.readouterr().out)["findings"]}
    try:
        with Sandbox():
            refused = False
    except UsageError:
        refused = True
    assert (findings["sandbox"]["state"] == "fault") is refused
    assert (code == 1) is refused
    assert all(name in findings["sandbox"]["said"] for name in (*offered().active, *offered().lacking))


def test_an_extra_that_is_installed_lacks_nothing() -> None:
    extras = {each.subject: each for each in machine() if each.subject.startswith("extra ")}
    assert extras["extra sandbox"].said == "installed"
    assert "extra dev" not in extras


def test_a_package_is_not_missed_on_a_system_that_it_is_not_for(tmp_path: Path) -> None:
    described = tmp_path / "octo-0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: octo\nVersion: 0\nProvides-Extra: odd\n"
        "Requires-Dist: absent-everywhere; extra == 'odd'\n"
        "Requires-Dist: absent-here; sys_platform == 'nowhere' and extra == 'odd'\n"
    )
    code = "from octo.cluster.doctor import machine; print([f.said for f in machine() if f.subject == 'extra odd'])"
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"
    said = subprocess.run([sys.executable, "-c", path], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "['lacks absent-everywhere: install octo[odd] to use it']"


@pytest.mark.parametrize(("flags", "state"), [([], "ok"), (["--require=cluster"], "fault")])
def test_a_machine_without_the_client_of_a_cluster_is_looked_at_all_the_same(flags: list[str], state: str) -> None:
    code = "import sys; sys.modules['kubernetes'] = None; from octo.cluster.doctor import doctor_command"
    command = [sys.executable, "-c", f"{code}; sys.exit(doctor_command(sys.argv[1:]))", "--json", *flags]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    findings = {each["subject"]: each for each in json.loads(said.stdout)["findings"]}
    assert findings["cluster"] == {
        "subject": "cluster",
        "state": state,
        "said": "not looked at: install octo[cluster]",
    }
    assert said.returncode == (state == "fault")


def test_the_sandbox_asks_for_no_package_that_other_systems_lack() -> None:
    needed = [Requirement(each) for each in metadata.requires("octo") or []]
    markers = [each.marker for each in needed if each.marker and each.marker.evaluate({"extra": "sandbox"})]
    assert markers
    assert not any(marker.evaluate({"extra": "sandbox", "sys_platform": "darwin"}) for marker in markers)
