"""What programs, models and servers say is shown by every command, and obeyed by none."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from octo import telemetry
from octo.cluster.logs import logs_command
from octo.cluster.ps import ps_command, status_command
from octo.errors import StageFailedError
from octo.outcome import concluded
from octo.pipelines.settings import TraceSettings
from octo.pipelines.views import trace_command
from octo.settings.loading import arguments_of, secrets_of
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.wire.cluster_examples import fleet
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import Controllers
from tests.wire.kubernetes.resources import JOB_SETS
from tests.wire.kubernetes.runners import Ending, ScriptedRunner

HOSTILE = "loss \x1b]52;c;cm0=\x07\x1b[2K\x9b1A 0.1\u202e9.9"
SHOWN = r"loss \x1b]52;c;cm0=\x07\x1b[2K\u009b1A 0.1\u202e9.9"
ACTING = {"\x1b", "\x07", "\x9b", "\u202e"}


@pytest.fixture
def printed(kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(command: Callable[[list[str]], int], *arguments: str) -> str:
        assert command([*arguments, f"--kubeconfig={kubeconfig}"]) == 0
        said = capsys.readouterr().out
        assert set(said) & ACTING == set()
        return said

    return run


def test_what_pods_say_and_end_with(api: FakeCluster, printed: Callable[..., str]) -> None:
    runner = ScriptedRunner()
    controllers = Controllers(api, runner)
    api.store.create(JOB_SETS, fleet(1, retries=0))
    controllers.settle()
    runner.say("curation-shards-0-0", HOSTILE, "\rof another pod")
    assert printed(logs_command, "curation", "--rank", "0") == f"{SHOWN}\n\\x0dof another pod\n"
    runner.end("curation-shards-0-0", Ending(1, json.dumps({"error": HOSTILE})))
    controllers.settle()
    assert SHOWN in printed(status_command, "curation")
    printed(ps_command, "-o", "wide")


def test_what_the_api_server_says_of_a_label(api: FakeCluster, printed: Callable[..., str]) -> None:
    jobset = fleet(1)
    jobset["metadata"]["annotations"] = {"octo.dev/note": HOSTILE}
    created = api.store.create(JOB_SETS, jobset)
    assert json.loads(printed(ps_command, "-o", "json"))["items"] == [created]


def test_what_a_run_called_its_spans(store: Store, embedded: EmbeddedStore, monkeypatch, capsys) -> None:
    store.put_record("runs/a/run.json", {})
    traced = telemetry.start(
        service=HOSTILE, run_id="a", sink=lambda lines: store.put_sealed("runs/a/spans/x.jsonl", lines)
    )
    with traced.span("octo.run", {"octo.stage": HOSTILE}):
        pass
    traced.shutdown()
    settings = TraceSettings(run_id="a", store=store.address, s3=embedded.s3)
    for name, value in secrets_of(settings).items():
        monkeypatch.setenv(name, value)
    for more in ([], ["--critical-path"], ["--json"]):
        assert trace_command([*arguments_of(settings), *more]) == 0
        assert set(capsys.readouterr().out) & ACTING == set()


def test_what_an_error_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []

    def fail(_arguments: object) -> int:
        raise StageFailedError(f"the store answered 500: {HOSTILE}")

    assert concluded(fail, ["--debug"], on_error=told.append) == 1
    said = capsys.readouterr().err
    assert said.endswith(f"octo: the store answered 500: {SHOWN}\n")
    assert set(said) & ACTING == set()
    # What Kubernetes shows of a pod is printed by others.
    assert told == [f"the store answered 500: {SHOWN}"]
