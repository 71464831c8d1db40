"""Jobs against a real store: committed once, resumed, refused, stopped."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from octo.job import produce, run_job, stage_digest
from octo.report.runs import span_lines
from octo.settings.base import ShardGroup
from octo.settings.loading import arguments_of, secrets_of
from octo.storage.artifacts import Output, open_artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.session import open_session
from octo.storage.store import Store
from octo.trace import load_spans, orphans
from tests.wire.toy_job import (
    FUNCTION,
    GangSettings,
    SquaresSettings,
    WatchingSettings,
    diary,
    in_a_process,
    squares,
)


@pytest.fixture
def settings(store: Store, embedded: EmbeddedStore, tmp_path: Path) -> SquaresSettings:
    notes = tmp_path / "diary"
    notes.mkdir()
    return SquaresSettings(store=store.address, s3=embedded.s3, run_id="run", diary=str(notes))


def changed(settings: SquaresSettings, **changes: Any) -> SquaresSettings:
    return settings.model_copy(update=changes)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_job_commits_every_index_once_whatever_the_number_of_workers(settings: SquaresSettings, workers: int) -> None:
    artifact = produce(changed(settings, workers=workers), FUNCTION)
    assert squares(artifact) == [0, 1, 4, 9]
    assert artifact.manifest.counters == {"squares": 4}
    assert diary(settings) == {0: 1, 1: 1, 2: 1, 3: 1}


def test_the_spans_of_every_worker_are_kept_in_one_trace(settings: SquaresSettings, store: Store) -> None:
    artifact = produce(changed(settings, workers=2), FUNCTION)
    spans = load_spans(span_lines(store, "run"))
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
        assert diary(settings)[index] == computed[index]


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


@dataclass(frozen=True)
class Ended:
    exit_code: int
    stdout: str
    stderr: str


Here = Callable[..., Ended]


@pytest.fixture
def here(settings: SquaresSettings, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    """Runs a toy job in this process as `python -m jobs.JOB` does in its own."""
    for variable, secret in secrets_of(settings).items():
        monkeypatch.setenv(variable, secret)

    def run(settings: SquaresSettings, function: str = "square", *, rank: int = 0, world_size: int = 1) -> Ended:
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", str(world_size))
        exit_code = run_job(type(settings), f"tests.wire.toy_job:{function}", arguments_of(settings))
        return Ended(exit_code, *capfd.readouterr())

    return run


def told(settings: SquaresSettings) -> dict[str, str]:
    """What the job left in its termination log: one line."""
    (line,) = settings.termination_log.read_text(encoding="utf-8").splitlines()
    return json.loads(line)


def test_a_runner_is_told_the_address_as_json(settings: SquaresSettings, here: Here) -> None:
    ended = here(changed(settings, progress="json"))
    assert ended.exit_code == 0
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert lines[-1]["artifact"].startswith(f"{settings.store}/artifacts/squares/")
    assert any("progress" in line for line in lines[:-1])


@pytest.fixture
def logging(settings: SquaresSettings, tmp_path: Path) -> SquaresSettings:
    return changed(settings, termination_log=tmp_path / "termination-log")


def test_the_termination_log_holds_the_address_of_what_was_made(logging: SquaresSettings, here: Here) -> None:
    logging.termination_log.write_text("something of an earlier life, longer than what takes its place\n" * 10)
    ended = here(logging)
    assert told(logging) == {"artifact": ended.stdout.splitlines()[-1]}
    assert told(logging) == {"artifact": produce(logging, FUNCTION).address}


@pytest.mark.parametrize("function", ["refuse", "stumble", "preempt", "forget_one"])
def test_the_termination_log_holds_the_sentence_that_the_user_reads(
    logging: SquaresSettings, here: Here, function: str
) -> None:
    ended = here(logging, function)
    assert ended.exit_code == (75 if function == "preempt" else 1)
    assert ended.stderr == f"octo: {told(logging)['error']}\n"


def test_a_setting_that_only_the_job_can_refuse_is_in_the_termination_log(logging: SquaresSettings, here: Here) -> None:
    assert here(changed(logging, store="")).exit_code == 2
    assert told(logging) == {"error": "pods share no directory: give --store s3://bucket/prefix, got ''"}


def test_a_job_serves_the_directory_that_it_is_given_as_its_store(
    settings: SquaresSettings, here: Here, tmp_path: Path
) -> None:
    given = changed(settings, store=str(tmp_path / "served"), workers=2)
    address = here(given).stdout.splitlines()[-1]
    with open_session(given.store, given.s3) as session:
        assert squares(open_artifact(session.store, address)) == [0, 1, 4, 9]
    assert here(given).stdout.splitlines()[-1] == address
    assert diary(given).total() == 4


@pytest.mark.parametrize("address", ["s3:/bucket", "http://127.0.0.1:1/bucket", "s3://B"])
def test_what_only_resembles_an_address_becomes_no_directory(
    settings: SquaresSettings, here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = here(changed(settings, store=address))
    assert (ended.exit_code, ended.stderr) == (2, f"octo: expected s3://bucket/prefix, got {address!r}\n")
    assert {path.name for path in tmp_path.iterdir()} == {"diary"}


def test_one_group_of_a_fleet_does_not_serve_a_directory_of_its_own(
    settings: SquaresSettings, here: Here, tmp_path: Path
) -> None:
    ended = here(changed(settings, store=str(tmp_path / "served"), shard_group=ShardGroup(count=2)))
    assert ended.exit_code == 2
    assert "pods share no directory: give --store s3://bucket/prefix, got" in ended.stderr


def test_a_sentence_that_is_too_long_for_the_termination_log_is_cut(logging: SquaresSettings, here: Here) -> None:
    here(logging, "refuse_at_length")
    assert 2040 < logging.termination_log.stat().st_size <= 2048
    assert set(told(logging)["error"]) == {"“", "…"}


def test_a_termination_log_that_cannot_be_written_changes_nothing_but_a_warning(
    settings: SquaresSettings, tmp_path: Path
) -> None:
    ended = in_a_process(changed(settings, termination_log=tmp_path / "missing" / "log"))
    assert ended.returncode == 0
    assert "missing/log could not be written" in ended.stderr
    refused = in_a_process(changed(settings, termination_log=tmp_path, count=5), "tests.wire.toy_job:refuse")
    assert refused.returncode == 1
    assert "octo: the squares are round: give corners" in refused.stderr


@pytest.fixture
def gang(logging: SquaresSettings) -> GangSettings:
    return GangSettings(**dict(logging))


def test_ranks_above_0_do_the_work_and_leave_the_committing_to_rank_0(
    gang: GangSettings, here: Here, store: Store
) -> None:
    output = Output(store, job="squares", digest=stage_digest(gang), attempt="onlooker")
    assert here(gang, rank=1, world_size=2) == Ended(0, "", "")
    assert diary(gang) == dict.fromkeys(range(4), 1)
    assert output.committed_indexes() == set()
    (spans,) = store.list("runs/run/spans/")
    assert spans.endswith("-rank-1.jsonl")
    assert b"octo.squares.shard" in store.get(spans)
    assert here(gang, rank=0, world_size=2).stdout.splitlines()[-1] == output.address
    assert squares(produce(gang, FUNCTION)) == [0, 1, 4, 9]


def test_a_rank_that_somebody_else_set_does_not_concern_a_job_that_is_no_gang(
    settings: SquaresSettings, here: Here
) -> None:
    assert here(settings, rank=1, world_size=2).exit_code == 0
    assert squares(produce(settings, FUNCTION)) == [0, 1, 4, 9]
    assert diary(settings).total() == 4


def test_of_the_errors_of_a_gang_the_termination_log_keeps_the_first_until_rank_0_has_an_artifact(
    gang: GangSettings, here: Here
) -> None:
    for rank, function in ((1, "refuse"), (0, "stumble"), (1, "square")):
        here(gang, function, rank=rank, world_size=2)
        assert told(gang) == {"error": "the squares are round: give corners"}
    here(gang, rank=0, world_size=2)
    assert told(gang) == {"artifact": produce(gang, FUNCTION).address}
