"""What a person is told about input that cannot be used: one sentence, an exit code, and no traceback."""

import gzip
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from octo.settings.base import S3Settings
from octo.settings.ingestion import IngestionSettings
from octo.settings.loading import secrets_of
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.e2e.conftest import octo
from tests.wire.careless import careless_server

LINE = json.dumps({"text": "a document of some words"}) + "\n"


def variables(s3: S3Settings) -> dict[str, str]:
    return {**os.environ, **secrets_of(IngestionSettings(s3=s3))}


def ingest(store: Store, embedded: EmbeddedStore, *sources: str) -> "subprocess.CompletedProcess[str]":
    flags = [f"--store={store.address}", f"--s3.endpoint={embedded.s3.endpoint}", f"--sources={json.dumps(sources)}"]
    return octo("ingestion", *flags, env=variables(embedded.s3))


def artifact_of(store: Store, ran: "subprocess.CompletedProcess[str]") -> Artifact:
    assert ran.returncode == 0, ran.stderr
    return open_artifact(store, ran.stdout.split()[-1])


def assert_one_sentence(ran: "subprocess.CompletedProcess[str]", code: int, *said: str) -> None:
    assert ran.returncode == code, ran.stderr
    assert ran.stderr.startswith("octo: ")
    assert ran.stderr.count("\n") == 1
    assert "Traceback" not in ran.stderr + ran.stdout
    for words in said:
        assert words in ran.stderr


def cut_gzip(path: Path) -> Path:
    whole = gzip.compress((LINE * 500).encode())
    path.write_bytes(whole[: len(whole) // 2])
    return path


def cut_parquet(path: Path) -> Path:
    pq.write_table(pa.table({"text": ["a document"] * 1000}), path)
    path.write_bytes(path.read_bytes()[:-100])
    return path


@pytest.mark.parametrize(("make", "name"), [(cut_gzip, "cut.jsonl.gz"), (cut_parquet, "cut.parquet")])
def test_a_damaged_file_is_named_and_what_is_committed_stays(
    make: Callable[[Path], Path], name: str, store: Store, embedded: EmbeddedStore, tmp_path: Path
) -> None:
    whole = tmp_path / "whole.jsonl"
    whole.write_text(LINE)
    path = make(tmp_path / name)
    ran = ingest(store, embedded, f"good=file:{whole}", f"bad=file:{path}")
    assert_one_sentence(ran, 1, str(path), "--on-bad-file skip")
    commits = [key for key in store.list("artifacts/") if "/commits/" in key]
    assert [key.rpartition("/")[2] for key in commits] == ["0.json"]


def test_a_document_of_100_megabytes_is_set_aside_and_counted(
    store: Store, embedded: EmbeddedStore, tmp_path: Path
) -> None:
    path = tmp_path / "large.jsonl"
    with path.open("w") as lines:
        lines.write(LINE * 99)
        lines.write('{"text": "')
        for _ in range(100):
            lines.write("x" * 1_000_000)
        lines.write('"}\n')
    counters = artifact_of(store, ingest(store, embedded, f"large=file:{path}")).manifest.counters
    assert any(name.endswith("too_large") and count == 1 for name, count in counters.items()), counters


def test_invalid_utf8_is_set_aside_and_too_much_of_it_fails(
    store: Store, embedded: EmbeddedStore, tmp_path: Path
) -> None:
    bad = b'{"text": "caf\xe9 au lait"}\n'
    path = tmp_path / "latin.jsonl"
    path.write_bytes(LINE.encode() * 99 + bad)
    counters = artifact_of(store, ingest(store, embedded, f"latin=file:{path}")).manifest.counters
    assert any(name.endswith("invalid_utf8") and count == 1 for name, count in counters.items()), counters
    path.write_bytes(LINE.encode() + bad)
    assert_one_sentence(ingest(store, embedded, f"latin=file:{path}"), 1, "invalid_utf8", "latin")


def test_an_empty_source_is_named(store: Store, embedded: EmbeddedStore, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    assert_one_sentence(ingest(store, embedded, f"void=file:{tmp_path / 'empty.jsonl'}"), 1, "void")


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = octo("run", "octothinker", "--store", str(tmp_path / "file" / "below"))
    assert_one_sentence(ran, 2, str(tmp_path / "file" / "below"), "--store")


def test_wrong_credentials_are_answered_with_what_to_set(store: Store, embedded: EmbeddedStore) -> None:
    environment = {**variables(embedded.s3), "OCTO_S3__SECRET_KEY": "wrong"}
    ran = octo("run", "octothinker", "--store", store.address, "--s3.endpoint", embedded.s3.endpoint, env=environment)
    assert_one_sentence(ran, 1, "OCTO_S3__SECRET_KEY")
    assert "wrong" not in ran.stderr.replace("wrong credentials", "")


def test_a_store_without_conditional_writes_is_refused_before_anything_is_written() -> None:
    environment = {**os.environ, "OCTO_S3__ACCESS_KEY": "key", "OCTO_S3__SECRET_KEY": "secret"}
    with careless_server() as server:
        ran = octo("run", "octothinker", "--store", "s3://bucket/x", "--s3.endpoint", server.endpoint, env=environment)
        assert not [key for key in server.objects if "artifacts" in key]
    assert_one_sentence(ran, 1, server.endpoint, "If-None-Match")


@pytest.mark.parametrize(
    ("command", "key", "near"), [("run octothinker", "presett", "preset"), ("curation", "min_word", "min_words")]
)
def test_a_misspelt_key_of_a_settings_file_is_answered_with_the_nearest(
    command: str, key: str, near: str, tmp_path: Path
) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(f"{key}: 1\n")
    ran = octo(*command.split(), "--settings-file", str(path))
    assert_one_sentence(ran, 2, str(path), key, f"did you mean {near}?")


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = octo("run", "octothinker", "--store", str(tmp_path / "file" / "below"), "--debug")
    assert ran.returncode == 2
    assert "Traceback" in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith("octo: ")
