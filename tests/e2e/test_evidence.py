"""What a run leaves behind proves how it came about: one trace, every producer in it, lineage, and no secret."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from octo.cli import main
from octo.data.token_shards import open_token_shards
from octo.report.runs import span_lines
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.session import Session
from octo.trace import load_spans, orphans
from tests.e2e.conftest import BRANCHES, Finished


def artifacts(finished: Finished, session: Session) -> dict[str, Artifact]:
    return {name: open_artifact(session.store, stage["address"]) for name, stage in finished.outcome["stages"].items()}


def test_the_whole_run_is_one_trace_without_orphans(finished: Finished, looked_at: Session) -> None:
    spans = load_spans(span_lines(looked_at.store, finished.run_id))
    assert {span.trace_id for span in spans} == {finished.outcome["trace_id"]}
    assert orphans(spans) == ()
    roots = [span for span in spans if not span.parent_id]
    assert [root.name for root in roots] == ["octo.run"]
    assert not any(span.unfinished for span in spans)


def test_every_manifest_names_a_span_of_the_trace(finished: Finished, looked_at: Session) -> None:
    spans = {span.span_id: span for span in load_spans(span_lines(looked_at.store, finished.run_id))}
    for name, artifact in artifacts(finished, looked_at).items():
        producer = spans[artifact.manifest.producer.span_id]
        assert producer.name == f"octo.{artifact.manifest.job}"
        assert producer.stage == name


def test_a_stage_links_to_the_spans_that_wrote_its_inputs(finished: Finished, looked_at: Session) -> None:
    spans = {span.span_id: span for span in load_spans(span_lines(looked_at.store, finished.run_id))}
    made = artifacts(finished, looked_at)
    for artifact in made.values():
        linked = {link.span_id for link in spans[artifact.manifest.producer.span_id].links}
        inputs = {reference.address for given in artifact.manifest.inputs.values() for reference in given}
        producers = {each.manifest.producer.span_id for each in made.values() if each.address in inputs}
        assert producers <= linked


def test_every_shard_of_every_stage_has_its_span(finished: Finished, looked_at: Session) -> None:
    spans = load_spans(span_lines(looked_at.store, finished.run_id))
    for name, artifact in artifacts(finished, looked_at).items():
        shards = [span for span in spans if span.stage == name and span.name == f"octo.{artifact.manifest.job}.shard"]
        assert sorted(span.attributes["octo.index"] for span in shards) == sorted(artifact.manifest.attempts)


def test_no_secret_is_written_anywhere_under_the_run(finished: Finished, looked_at: Session) -> None:
    secrets = [
        secret.get_secret_value().encode()
        for secret in (looked_at.s3.access_key, looked_at.s3.secret_key)
        if secret is not None
    ]
    assert len(secrets) == 2
    keys = [*looked_at.store.list(f"runs/{finished.run_id}/")]
    keys += [key for key in looked_at.store.list("artifacts/") if key.endswith(".json")]
    assert len(keys) > 50
    for key in keys:
        body = looked_at.store.get(key)
        assert not any(secret in body for secret in secrets), key


def test_documents_in_are_documents_kept_and_dropped(finished: Finished, looked_at: Session) -> None:
    counters = artifacts(finished, looked_at)["curate"].manifest.counters
    dropped = sum(count for name, count in counters.items() if name.startswith("documents.dropped."))
    assert counters["documents.in"] == counters["documents.kept"] + dropped > 0


def test_the_branches_start_from_one_model_and_are_compared_on_one_set_of_problems(
    finished: Finished, looked_at: Session
) -> None:
    made = artifacts(finished, looked_at)
    branches = [made[f"decay-{branch}"].manifest for branch in BRANCHES]
    assert len({branch.inputs["model"][0].digest for branch in branches}) == 1
    assert len({made[f"evaluate-{branch}"].manifest.inputs["problems"][0].digest for branch in BRANCHES}) == 1
    assert len({artifact.manifest.content for name, artifact in made.items() if name.startswith("decay-")}) == 4


@pytest.fixture
def asked(looked_at: Session, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`octo`, of the run's store, which is open."""
    for name, secret in (("ACCESS", looked_at.s3.access_key), ("SECRET", looked_at.s3.secret_key)):
        assert secret is not None
        monkeypatch.setenv(f"OCTO_S3__{name}_KEY", secret.get_secret_value())
    place = ["--store", looked_at.store.address, "--s3.endpoint", str(looked_at.s3.endpoint)]
    return lambda *arguments: main([*arguments, *place])


@pytest.fixture
def told(asked: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """What `octo why` says, as JSON."""

    def why(*arguments: str) -> Any:
        assert asked("why", *arguments, "--json") == 0
        return json.loads(capsys.readouterr().out)

    return why


def test_a_score_is_explained_down_to_sources_settings_and_contamination(
    finished: Finished, told: Callable[..., Any]
) -> None:
    stages = {name: "/".join(each["address"].split("/")[-2:]) for name, each in finished.outcome["stages"].items()}
    found = told(stages["evaluate-long"][:24], "--verify-bytes")
    made = {each["key"]: each for each in found["made"]}
    assert found["made"][0]["key"] == found["key"] == stages["evaluate-long"]
    assert set(made) == {
        stages[name]
        for name in (
            "evaluate-long",
            "rl-long",
            "decay-long",
            "stable",
            "base",
            "tokenize",
            "curate",
            "ingest",
            "problems",
        )
    }
    assert found["missing"] == []
    assert found["bytes_verified"] == sum(each["bytes"] for each in made.values())
    assert made[stages["decay-long"]]["inputs"]["model"] == [stages["stable"]]
    assert made[stages["decay-long"]]["settings"]["weights"].keys() == {"math", "long"}
    assert "seed" not in made[stages["decay-long"]]["settings"]
    sources = {each["source"]: each for each in found["sources"]}
    assert sources["long"]["tokens"].keys() == {"decay-long"}
    assert sources["long"]["kept"] > 0
    assert sources["long"]["contaminated"] == 0
    assert sources["general"]["dropped"] > 0
    assert {(each["model"], each["problems"] + each["unreached"] > 0) for each in found["scores"]} == {
        (stages["decay-long"], True),
        (stages["rl-long"], True),
    }
    assert found["contamination"]["left"] == 0
    assert "were looked for in all that the models learned from here" in found["coverage"][0]


def test_a_step_is_explained_by_the_documents_that_it_was_made_from(
    finished: Finished,
    looked_at: Session,
    asked: Callable[..., int],
    told: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    stages = {name: each["address"] for name, each in finished.outcome["stages"].items()}
    tokens = open_token_shards([open_artifact(looked_at.store, stages["tokenize"])])
    part = f"{stages['tokenize']}/{tokens.parts['long'][0].key}"
    model = open_artifact(looked_at.store, stages["decay-long"])
    of_step = told(stages["decay-long"], "--step", "2")
    assert {each["source"] for each in of_step} <= {"math", "long"}
    assert len({(each["tokens"], each["row"]) for each in of_step}) == model.manifest.settings["batch_size"]
    second = told(stages["decay-long"], "--step", "2", "--sequence", "1")
    assert second == [
        each for each in of_step if (each["tokens"], each["row"]) == (second[0]["tokens"], second[0]["row"])
    ]
    (one,) = told(part, "--sequence", "0", "--position", "3")
    assert one["offset"] <= 3 < one["offset"] + one["length"]
    assert (one["source"], one["row"], one["tokens"]) == ("long", 0, part)
    assert asked("why", part, "--sequence", "0") == 0
    assert one["excerpt"] in capsys.readouterr().out


def test_questions_that_have_no_answer_are_refused_in_a_sentence(
    finished: Finished, asked: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    stages = {name: each["address"] for name, each in finished.outcome["stages"].items()}
    for arguments, said in (
        (["nothing"], "expected an artifact's address"),
        ([stages["rl-long"], "--step", "1"], "reads no packed tokens"),
        ([stages["decay-long"], "--position", "3"], "--position is of a sequence"),
        ([stages["decay-long"], "--step", "1", "--sequence", "99"], "expected a sequence from 0 to"),
        ([stages["base"][:-1] + "g"], "expected s3://bucket/prefix/artifacts/<job>/<digest>"),
    ):
        assert asked("why", *arguments) == 2
        assert said in capsys.readouterr().err


def test_an_artifact_is_shown_in_words_and_whole(
    finished: Finished, looked_at: Session, asked: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = open_artifact(looked_at.store, finished.outcome["stages"]["curate"]["address"])
    key = "/".join(artifact.address.split("/")[-2:])
    assert asked("show", key[:20]) == 0
    shown = capsys.readouterr().out
    for said in (artifact.address, artifact.manifest.content, "documents.parquet", "documents.kept", "unfiltered"):
        assert said in shown
    assert f"{artifact.manifest.counters['documents.in']:,}" in shown
    for form, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        assert asked("show", artifact.address, "-o", form) == 0
        facts = read(capsys.readouterr().out)
        assert facts.pop("address") == artifact.address
        assert facts == artifact.manifest.model_dump(mode="json")


def test_a_run_is_shown_with_the_artifact_of_each_stage(
    finished: Finished, asked: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked("show", finished.run_id) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, stage in finished.outcome["stages"].items():
        job, digest = stage["address"].split("/")[-2:]
        (line,) = (line for line in lines if line.split()[:1] == [name])
        assert line.split()[1:3] == ["done", f"{job}/{digest[:8]}"]
    assert asked("show", finished.run_id, "-o", "json") == 0
    assert json.loads(capsys.readouterr().out)["trace_id"] == finished.outcome["trace_id"]
    assert asked("show", "nothing") == 2
    said = capsys.readouterr().err
    assert "there is no run 'nothing'" in said
    assert finished.run_id in said


def test_what_an_artifact_holds_is_got_as_files_and_as_rows(
    finished: Finished,
    looked_at: Session,
    asked: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = open_artifact(looked_at.store, finished.outcome["stages"]["stable"]["address"])
    assert asked("get", model.address, str(tmp_path / "model")) == 0
    assert {path.name for path in (tmp_path / "model").iterdir()} == {part.name for part in model.parts()}
    for part in model.parts():
        assert (tmp_path / "model" / part.name).read_bytes() == model.read(part)
    # Of several indexes, each has a folder; here, where nobody says where.
    corpus = open_artifact(looked_at.store, finished.outcome["stages"]["curate"]["address"])
    monkeypatch.chdir(tmp_path)
    assert asked("get", corpus.address, "--part", "documents.parquet") == 0
    here = tmp_path / f"curate-{corpus.manifest.digest[:8]}"
    found = {str(path.relative_to(here)): path.read_bytes() for path in here.rglob("*.parquet")}
    assert found == {f"{part.index}/{part.name}": corpus.read(part) for part in corpus.parts("documents.parquet")}
    capsys.readouterr()
    assert asked("get", corpus.address, "--rows", "--part", "documents.parquet", "--index", "1") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (part,) = (part for part in corpus.parts("documents.parquet") if part.index == 1)
    assert rows == pq.read_table(pa.BufferReader(corpus.read(part))).to_pylist()
    for arguments, said in (
        (["--index", "99"], "has the indexes 0 to"),
        (["--part", "nothing"], "has no part nothing: it has decontamination.json, documents.parquet"),
        ([str(tmp_path / "model")], "is there and not empty"),
    ):
        assert asked("get", corpus.address, *arguments) == 2
        assert said in capsys.readouterr().err
    assert asked("get", model.address, "--rows", "--part", "model.safetensors") == 2
    assert "without --rows" in capsys.readouterr().err
