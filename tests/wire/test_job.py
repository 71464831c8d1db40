"""Jobs against a real store: committed once, resumed, refused, stopped."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from octo.job import produce, run_job, stage_digest
from octo.settings.loading import secrets_of
from octo.storage.artifacts import Artifact, Output
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from octo.trace import load_spans, orphans
from tests.wire.toy_job import SquaresSettings, WatchingSettings

FUNCTION = "tests.wire.toy_job:square"


@pytest.fixture
def settings(store: Store, embedded: EmbeddedStore, tmp_path: Path) -> SquaresSettings:
    return SquaresSettings(store=store.address, s3=embedded.s3, run_id="run", diary=str(tmp_path))


def changed(settings: SquaresSettings, **changes: Any) -> SquaresSettings:
    return settings.model_copy(update=changes)


def squares(artifact: Artifact) -> list[int]:
    return [int(artifact.read(part)) for part in artifact.parts("square.txt")]


def diary(settings: SquaresSettings) -> dict[str, int]:
    return {path.name: len(path.read_text().splitlines()) for path in Path(settings.diary).iterdir()}


def in_a_process(settings: SquaresSettings, function: str = FUNCTION) -> "subprocess.CompletedProcess[str]":
    arguments = [f"--store={settings.store}", f"--s3.endpoint={settings.s3.endpoint}", "--run-id=run"]
    arguments += [f"--diary={settings.diary}", f"--deadly={settings.deadly}", f"--count={settings.count}"]
    arguments.append(f"--workers={settings.workers}")
    code = (
        f"import sys; from octo.job import run_job; from tests.wire.toy_job import SquaresSettings; "
        f"sys.exit(run_job(SquaresSettings, {function!r}, {arguments!r}))"
    )
    environment = {"PATH": "/usr/bin:/bin", **secrets_of(settings)}
    return subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120, env=environment
    )


@pytest.mark.parametrize("workers", [1, 3])
def test_a_job_commits_every_index_once_whatever_the_number_of_workers(settings: SquaresSettings, workers: int) -> None:
    artifact = produce(changed(settings, workers=workers), FUNCTION)
    assert squares(artifact) == [0, 1, 4, 9]
    assert artifact.manifest.counters == {"squares": 4}
    assert diary(settings) == {"0": 1, "1": 1, "2": 1, "3": 1}


def test_the_spans_of_every_worker_are_kept_in_one_trace(settings: SquaresSettings, store: Store) -> None:
    artifact = produce(changed(settings, workers=2), FUNCTION)
    keys = list(store.list("runs/run/spans/"))
    spans = load_spans(line for key in keys for line in store.get(key).splitlines())
    assert orphans(spans) == ()
    assert len({span.trace_id for span in spans}) == 1
    shards = [span.attributes["octo.index"] for span in spans if span.name == "octo.squares.shard"]
    assert sorted(shards) == [0, 1, 2, 3]
    assert artifact.manifest.producer.span_id in {span.span_id for span in spans}


def test_a_second_call_finds_the_artifact_and_computes_nothing(settings: SquaresSettings) -> None:
    first = produce(settings, FUNCTION)
    second = produce(changed(settings, run_id="another", workers=2), FUNCTION)
    assert second.manifest == first.manifest
    assert set(diary(settings).values()) == {1}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_job_redoes_only_what_was_not_committed(settings: SquaresSettings, store: Store, workers: int) -> None:
    killed = in_a_process(changed(settings, deadly=2, workers=workers))
    assert killed.returncode != 0
    output = Output(store, job="squares", digest=stage_digest(settings), attempt="onlooker")
    before, computed = output.committed(), diary(settings)
    artifact = produce(settings, FUNCTION)
    assert squares(artifact) == [0, 1, 4, 9]
    assert 2 not in before
    for index, commit in before.items():
        assert artifact.manifest.attempts[index] == commit.attempt
        assert diary(settings)[str(index)] == computed[str(index)]


def test_workers_commit_under_the_digest_that_was_computed_at_the_start(
    settings: SquaresSettings, tmp_path: Path
) -> None:
    watched = tmp_path / "watched"
    watched.write_text("at the start")
    watching = WatchingSettings(store=settings.store, s3=settings.s3, workers=2, watched=str(watched))
    digest = stage_digest(watching)
    artifact = produce(watching, "tests.wire.toy_job:square_while_the_file_changes")
    assert squares(artifact) == [0, 1, 4, 9]
    assert artifact.manifest.digest == digest
    assert artifact.manifest.settings["watched"] == "at the start"


def test_the_digest_has_settings_and_inputs_and_nothing_neutral(settings: SquaresSettings) -> None:
    digest = stage_digest(settings)
    assert stage_digest(changed(settings, workers=7, run_id="x", store="s3://elsewhere/y", debug=True)) == digest
    assert stage_digest(changed(settings, count=5)) != digest
    assert stage_digest(changed(settings, seed=1)) != digest
    assert stage_digest(changed(settings, before=f"s3://other/artifacts/squares/{'0' * 64}")) != digest


def test_an_input_is_the_same_with_and_without_a_slash_at_its_end(settings: SquaresSettings) -> None:
    address = f"s3://other/artifacts/squares/{'1' * 64}"
    plain, slashed = (stage_digest(changed(settings, before=given)) for given in (address, f"{address}/"))
    assert plain == slashed != stage_digest(settings)


def test_the_manifest_leads_to_what_it_was_made_from(settings: SquaresSettings) -> None:
    first = produce(settings, FUNCTION)
    second = produce(changed(settings, before=first.address, count=2), FUNCTION)
    (reference,) = second.manifest.inputs["before"]
    assert (reference.address, reference.content) == (first.address, first.manifest.content)
    assert second.manifest.settings == {"count": 2, "seed": 0}


def test_an_index_that_was_planned_and_not_committed_fails_the_job(settings: SquaresSettings) -> None:
    refused = in_a_process(settings, "tests.wire.toy_job:forget_one")
    assert refused.returncode == 1
    assert "planned 5 indexes and committed 4: missing [4]" in refused.stderr


@pytest.mark.parametrize(
    ("function", "code", "said"),
    [
        ("refuse", 1, "octo: the squares are round: give corners\n"),
        (
            "stumble",
            1,
            "octo: this is a bug in octo: RuntimeError: nobody thought of this (--debug shows the traceback)\n",
        ),
        ("preempt", 75, "octo: stopped by SIGTERM; what is committed stays: run again to resume\n"),
    ],
)
def test_a_job_ends_with_one_line_and_its_exit_code(
    settings: SquaresSettings, function: str, code: int, said: str
) -> None:
    ended = in_a_process(settings, f"tests.wire.toy_job:{function}")
    assert (ended.returncode, ended.stderr) == (code, said)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_index_that_is_refused_ends_the_job_and_its_workers(settings: SquaresSettings, workers: int) -> None:
    ended = in_a_process(changed(settings, workers=workers), "tests.wire.toy_job:one_refuses")
    assert (ended.returncode, ended.stderr) == (1, "octo: the first square is missing: give it\n")


def test_a_runner_is_told_the_address_as_json(
    settings: SquaresSettings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, secret in secrets_of(settings).items():
        monkeypatch.setenv(variable, secret)
    arguments = [f"--store={settings.store}", f"--s3.endpoint={settings.s3.endpoint}", "--progress=json"]
    assert run_job(SquaresSettings, FUNCTION, arguments) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["artifact"].startswith(f"{settings.store}/artifacts/squares/")
    assert any("progress" in line for line in lines[:-1])
