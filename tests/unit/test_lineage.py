"""What an artifact was made from is opened to its end, and believed where its digests say so."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from octo.errors import IntegrityError, MissingError, UsageError
from octo.lineage import address_of, check_digests, check_parts, key_of, lineage_of, opened_lineage
from octo.storage.artifacts import Artifact, digest_of
from octo.storage.store import Store
from tests.committing import commit


def made(
    store: Store,
    job: str,
    inputs: Mapping[str, Sequence[Artifact]] | None = None,
    *,
    seed: int = 0,
    honest: bool = True,
) -> Artifact:
    """An artifact whose digest follows from its settings and inputs, or from others."""
    inputs = inputs or {}
    digest = digest_of(
        job=job,
        code_version=1,
        settings={"seed": seed if honest else seed + 1},
        inputs={field: [each.manifest.digest for each in given] for field, given in inputs.items()},
    )
    parts = [{"a.bin": b"0123" * 100, "b.json": b"{}"}]
    return commit(store, parts, job=job, settings={"seed": seed}, inputs=inputs, digest=digest)


def chain(store: Store) -> list[Artifact]:
    documents = made(store, "ingestion")
    curated = made(store, "curation", {"documents": [documents], "benchmarks": [documents]})
    tokens = made(store, "tokenization", {"corpus": [curated]})
    return [documents, curated, tokens, made(store, "midtraining", {"tokens": [tokens], "model": [tokens]})]


def test_all_that_it_was_made_from_is_there_once_and_inputs_come_first(store: Store) -> None:
    artifacts = chain(store)
    lineage = lineage_of([artifacts[-1]], store)
    assert list(lineage.artifacts) == [key_of(each.address) for each in artifacts]
    assert lineage.missing == {}
    check_digests(lineage)


def test_what_is_not_there_any_more_is_named_and_what_is_behind_it_is_not_known(store: Store) -> None:
    artifacts = chain(store)
    gone = artifacts[1]
    store.delete(f"artifacts/{key_of(gone.address)}/manifest.json")
    lineage = lineage_of([artifacts[-1]], store)
    assert lineage.missing == {key_of(gone.address): gone.address}
    assert list(lineage.artifacts) == [key_of(each.address) for each in artifacts[2:]]
    check_digests(lineage)
    with pytest.raises(MissingError, match=gone.manifest.digest):
        opened_lineage([artifacts[-1]], store)


def test_settings_that_the_digest_does_not_stand_for_are_no_lineage(store: Store) -> None:
    documents = made(store, "ingestion", honest=False)
    tokens = made(store, "tokenization", {"corpus": [documents]})
    with pytest.raises(IntegrityError, match=f"ingestion/{documents.manifest.digest} is not what its manifest says"):
        check_digests(lineage_of([tokens], store))


def test_an_input_that_has_other_content_now_is_no_lineage(store: Store) -> None:
    documents = made(store, "ingestion")
    tokens = made(store, "tokenization", {"corpus": [documents]})
    store.delete(f"artifacts/{key_of(documents.address)}/manifest.json")
    store.delete(f"artifacts/{key_of(documents.address)}/commits/0.json")
    commit(store, [{"a.bin": b"other"}], settings={"seed": 0}, digest=documents.manifest.digest)
    with pytest.raises(IntegrityError, match=f"tokenization/{tokens.manifest.digest} was made from other content"):
        check_digests(lineage_of([tokens], store))


def test_every_byte_is_read_where_that_is_asked(store: Store, tmp_path: Path) -> None:
    artifact = made(store, "ingestion")
    assert check_parts(artifact, tmp_path) == 402
    part = artifact.parts("a.bin")[0]
    store.put(part.key, b"0123" * 99 + b"0124")
    with pytest.raises(IntegrityError, match=r"part a\.bin of index 0"):
        check_parts(artifact, tmp_path)


def test_the_first_letters_of_a_digest_are_enough_where_they_are_of_one(store: Store) -> None:
    artifact = made(store, "ingestion")
    digest = artifact.manifest.digest
    for given in (artifact.address, f"{artifact.address}/", f"ingestion/{digest}", f"ingestion/{digest[:4]}"):
        assert address_of(store, given) == artifact.address
    assert address_of(store, f"ingestion/{digest[:6]}/0/a.bin") == f"{artifact.address}/0/a.bin"
    commit(store, [{"a": b""}], digest=f"{digest[:8]}{'0' * 56}")
    with pytest.raises(UsageError, match=f"may be .*{digest}.*give more"):
        address_of(store, f"ingestion/{digest[:6]}")
    with pytest.raises(UsageError, match="has no artifact curation/abcd"):
        address_of(store, "curation/abcd")
    for wrong in ("curation", "abcd", f"ingestion/{digest[:3]}", "../x"):
        with pytest.raises(UsageError, match=r"expected an artifact's address.*got"):
            address_of(store, wrong)
