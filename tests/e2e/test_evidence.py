"""What a run leaves behind proves how it came about: one trace, every producer in it, lineage, and no secret."""

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
