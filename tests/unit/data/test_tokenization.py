import io
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest

from octo.data.documents import Document, new_document, to_parquet
from octo.data.packed import RecordFormat
from octo.data.token_shards import open_token_shards, part_name
from octo.data.tokenization import check_balance
from octo.data.tokenizer import read_tokenizer
from octo.errors import InputError, InvariantError, UsageError
from octo.job import produce
from octo.settings.base import ShardGroup
from octo.settings.special import SpecialTokens
from octo.settings.tokenization import TokenizationSettings
from octo.storage.artifacts import Artifact
from octo.storage.store import Store
from tests.committing import commit

DOCUMENTS = [
    *(
        new_document(f"Theorem {number}. {'Let x be a number. ' * (number % 9)}", source="math", url=str(number))
        for number in range(120)
    ),
    *(new_document(f"{number}+1={number + 1}", source="short", url=str(number)) for number in range(100)),
]
LENGTH = 32


def tokenized(place: dict[str, object], *corpus: Artifact, **changes: object) -> Artifact:
    settings = TokenizationSettings(
        **place,
        corpus=tuple(artifact.address for artifact in corpus),
        **({"sequence_length": LENGTH, "vocabulary_size": 300, "probe": False} | changes),
    )
    return produce(settings, "octo.data.tokenization:tokenize")


def corpus(store: Store, documents: list[Document] = DOCUMENTS, *, num_shards: int = 1) -> Artifact:
    shards = [documents[start::num_shards] for start in range(num_shards)]
    return commit(
        store,
        [{"documents.parquet": to_parquet(shard, Document)} for shard in shards],
        job="curation",
        rows=[{"documents.parquet": len(shard)} for shard in shards],
    )


def sequences_of(artifact: Artifact, source: str) -> np.ndarray:
    """All tokens of a source, a row for each sequence."""
    shards = open_token_shards([artifact])
    bodies = [part.artifact.read(part.part) for part in shards.parts[source]]
    return np.concatenate([shards.format.decode(body).tokens_NS for body in bodies])


def test_every_token_leads_back_to_its_document(store: Store, place: dict[str, object]) -> None:
    artifact = tokenized(place, corpus(store))
    tokenizer = read_tokenizer(artifact)
    texts = {document.id: document.text for document in DOCUMENTS}
    for source in ("math", "short"):
        tokens = sequences_of(artifact, source)
        covered = np.zeros(tokens.shape, dtype=int)
        for row in pq.read_table(io.BytesIO(artifact.read_one(part_name("slices", source, 0, "parquet")))).to_pylist():
            place = row["sequence"], slice(row["offset"], row["offset"] + row["length"])
            covered[place] += 1
            whole = [*tokenizer.encode(texts[row["document"]]), tokenizer.end_id]
            start = row["document_offset"]
            assert tokens[place].tolist() == whole[start : start + row["length"]]
            if len(whole) <= LENGTH:
                assert row["length"] == len(whole)
        assert covered.max() == 1
        assert (tokens[covered == 0] == tokenizer.pad_id).all()


def test_the_manifest_counts_what_each_source_has(store: Store, place: dict[str, object]) -> None:
    artifact = tokenized(place, corpus(store, num_shards=3))
    shards, counters = open_token_shards([artifact]), artifact.manifest.counters
    tokenizer = read_tokenizer(artifact)
    lengths = Counter[str]()
    for document in DOCUMENTS:
        lengths[document.source] += len(tokenizer.encode(document.text)) + 1
    for source, documents in (("math", 120), ("short", 100)):
        assert counters[f"documents.{source}"] == documents
        assert counters[f"tokens.{source}"] == lengths[source]
        assert counters[f"sequences.{source}"] == shards.counts[source] == len(sequences_of(artifact, source))
    assert counters["tokens.padding"] == LENGTH * sum(shards.counts.values()) - lengths.total()


def test_any_number_of_workers_and_pods_makes_the_same_artifact(store: Store, place: dict[str, object]) -> None:
    given = corpus(store, num_shards=5)
    contents = {tokenized(place, given).manifest.content}
    for count in (4, 16):
        elsewhere = {**place, "store": f"{store.address}/groups-{count}"}
        made = [tokenized(elsewhere, given, shard_group=ShardGroup(count=count, index=index)) for index in range(count)]
        contents.add(next(each.manifest.content for each in made if isinstance(each, Artifact)))
    assert len(contents) == 1


def test_a_shard_of_the_corpus_makes_the_same_tokens_in_another_order_of_shards(
    store: Store, place: dict[str, object]
) -> None:
    """The tokenizer is trained on documents that are chosen by their ids."""
    first, second = tokenized(place, corpus(store)), tokenized(place, corpus(store, DOCUMENTS[::-1], num_shards=4))
    assert first.read_one("tokenizer.json") == second.read_one("tokenizer.json")
    other = tokenized(place, corpus(store), tokenizer_documents=3)
    assert other.read_one("tokenizer.json") != first.read_one("tokenizer.json")


def test_parts_end_at_the_stated_size(store: Store, place: dict[str, object]) -> None:
    documents = [new_document("abcdefghij " * 45_000, source="book", url="1")]
    artifact = tokenized(place, corpus(store, documents), part_mib=1, vocabulary_size=258, sequence_length=512)
    shards = open_token_shards([artifact])
    sizes = [part.part.size for part in shards.parts["book"]]
    assert len(sizes) == 2
    assert max(sizes) <= 1 << 20 < max(sizes) + shards.format.record_bytes
    assert shards.ends["book"].tolist() == np.cumsum([part.part.rows for part in shards.parts["book"]]).tolist()


def test_a_source_may_be_called_anything(store: Store, place: dict[str, object]) -> None:
    names = ["web/2024_w1", "tokens-web-00000.bin", "Ünïcode .~%", "-"]
    documents = [new_document(f"text {name}", source=name, url=name) for name in names]
    artifact = tokenized(place, corpus(store, documents))
    assert open_token_shards([artifact]).counts == dict.fromkeys(sorted(names), 1)


def test_a_given_tokenizer_is_used_as_it_is(store: Store, place: dict[str, object]) -> None:
    first = tokenized(place, corpus(store))
    second = tokenized(place, corpus(store, DOCUMENTS[120:]), tokenizer=first.address)
    assert read_tokenizer(second).files == read_tokenizer(first).files
    assert open_token_shards([first, second]).counts["short"] == 2 * len(sequences_of(first, "short"))


def test_special_tokens_in_a_text_are_text_unless_the_settings_honour_them(
    store: Store, place: dict[str, object]
) -> None:
    given = corpus(store, [new_document("a<|pad|>b<|endoftext|>c", source="web", url="1")])
    first = tokenized(place, given)
    honoured = tokenized(place, given, tokenizer=first.address, honour_special_tokens=True)
    tokenizer = read_tokenizer(first)
    ids = {token: tokenizer.tokenizer.token_to_id(token) for token in ("<|pad|>", "<|endoftext|>")}
    plain, special = (sequences_of(each, "web")[0].tolist() for each in (first, honoured))
    assert plain.index(tokenizer.end_id) > 5
    assert special[1] == ids["<|pad|>"]
    assert special[3] == special[5] == ids["<|endoftext|>"]


def test_a_chosen_end_is_written_down_for_whoever_reads_the_tokens(store: Store, place: dict[str, object]) -> None:
    first = tokenized(place, corpus(store))
    second = tokenized(place, corpus(store), tokenizer=first.address, special=SpecialTokens(end="<|pad|>"))
    assert read_tokenizer(second).end_id == read_tokenizer(first).pad_id
    with pytest.raises(UsageError, match=r"made with two tokenizers, whose tokens cannot be mixed: tokenize one with "):
        open_token_shards([first, second])


def test_a_large_vocabulary_takes_four_bytes_a_token() -> None:
    assert RecordFormat(128, "uint32").record_bytes - RecordFormat(128, "uint16").record_bytes == 256


def test_what_does_not_balance_is_an_invariant_error() -> None:
    good = ({"web": 2}, {"web": 9})
    check_balance(num_rows=2, taken=good, kept=good)
    with pytest.raises(InvariantError, match="3 documents in the shard, 2 tokenized"):
        check_balance(num_rows=3, taken=good, kept=good)
    with pytest.raises(InvariantError, match="2 documents of web tokenized, 1 packed"):
        check_balance(num_rows=2, taken=good, kept=({"web": 1}, {"web": 9}))
    with pytest.raises(InvariantError, match="9 tokens of web tokenized, 8 packed"):
        check_balance(num_rows=2, taken=good, kept=({"web": 2}, {"web": 8}))


def test_tokens_of_two_tokenizers_or_lengths_do_not_mix(store: Store, place: dict[str, object]) -> None:
    first = tokenized(place, corpus(store))
    with pytest.raises(UsageError, match=f"{first.address} and .* were made with two tokenizers"):
        open_token_shards([first, tokenized(place, corpus(store), vocabulary_size=259)])
    with pytest.raises(UsageError, match=r"sequences of 32 tokens .* of 16, which cannot be mixed"):
        open_token_shards([first, tokenized(place, corpus(store), sequence_length=16)])
    with pytest.raises(InputError, match="holds no token shards: give --tokens the artifacts of tokenization"):
        open_token_shards([corpus(store)])
    with pytest.raises(UsageError, match="nothing to train on: give --tokens"):
        open_token_shards([])


def test_a_missing_or_empty_corpus_is_said(store: Store, place: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="give --corpus"):
        tokenized(place)
    with pytest.raises(InputError, match=r"there is no document in s3://.*: what did curation keep\?"):
        tokenized(place, corpus(store, []))
    with pytest.raises(InputError, match="no document"):
        tokenized(place, commit(store, [], job="curation"))
