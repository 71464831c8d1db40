"""A token leads back to its document: the one whose text the token was made from."""

from pathlib import Path

import pytest

from octo.data.mixture import mixture_of
from octo.data.origins import Place, origins_of, place_in_part, places_in_training
from octo.data.packed import PADDING_SLICE
from octo.data.sequences import SequenceReader
from octo.data.token_shards import open_token_shards
from octo.data.tokenizer import read_tokenizer
from octo.errors import InputError, UsageError
from octo.storage.artifacts import Artifact
from octo.storage.store import Store
from tests.committing import commit
from tests.unit.data.test_tokenization import DOCUMENTS, LENGTH, corpus, tokenized

TEXTS = {document.id: document for document in DOCUMENTS}
SETTINGS = {
    "batch_size": 4,
    "micro_batch_size": 2,
    "weights": {"math": 0.75, "short": 0.25},
    "seed": 5,
    "first_step": 3,
}


@pytest.fixture
def tokens(store: Store, place: dict[str, object]) -> Artifact:
    made = tokenized(place, corpus(store, DOCUMENTS[:150], num_shards=2), corpus(store, DOCUMENTS[150:], num_shards=2))
    # As a job commits it, whose inputs are in its manifest.
    assert made.manifest.inputs["corpus"]
    return made


def training_on(store: Store, tokens: Artifact, **changes: object) -> Artifact:
    parts = [{"config.json": b"{}"}]
    return commit(store, parts, job="midtraining", settings=SETTINGS | changes, inputs={"tokens": [tokens]})


def test_every_token_of_every_sequence_that_a_training_reads_is_told_its_document(
    store: Store, tokens: Artifact, tmp_path: Path
) -> None:
    shards, tokenizer = open_token_shards([tokens]), read_tokenizer(tokens)
    training = training_on(store, tokens)
    for number in (0, 2):
        mixture = mixture_of(SETTINGS["weights"], shards.counts, seed=5 + number)
        folder = tmp_path / str(number)
        folder.mkdir()
        with SequenceReader(shards, mixture, folder=folder, cache_bytes=1 << 20) as reader:
            read = reader.rows(3 * 4 + 7, 9)
        places = places_in_training(store, training, range(7, 16), number=number)
        for row, sequence in enumerate(places):
            told = [False] * LENGTH
            for origin in origins_of(sequence, tmp_path):
                document = TEXTS[origin.document]
                assert (origin.source, origin.url) == (document.source, document.url)
                assert document.text.startswith(origin.excerpt)
                assert len(origin.excerpt) == min(200, len(document.text))
                whole = [*tokenizer.encode(document.text), tokenizer.end_id]
                here = slice(origin.offset, origin.offset + origin.length)
                assert read.tokens_NS[row, here].tolist() == whole[origin.document_offset :][: origin.length]
                told[here] = [True] * origin.length
            assert told == (read.slices_NS[row] != PADDING_SLICE).tolist()


def test_a_sequence_is_found_by_the_name_that_messages_give_its_part(
    store: Store, tokens: Artifact, tmp_path: Path
) -> None:
    shards = open_token_shards([tokens])
    part = shards.parts["math"][1]
    name = f"{tokens.address}/{part.key}"
    place = place_in_part(store, name, 2)
    assert place is not None
    assert (place.part.key, place.row) == (part.key, 2)
    assert {each.tokens for each in origins_of(place, tmp_path)} == {name}
    assert place_in_part(store, tokens.address, 2) is None
    with pytest.raises(UsageError, match=f"expected a sequence from 0 to {part.part.rows - 1}.*got {part.part.rows}"):
        place_in_part(store, name, part.part.rows)
    with pytest.raises(UsageError, match=r"has no part 0/tokens-none-00000\.bin"):
        place_in_part(store, f"{tokens.address}/0/tokens-none-00000.bin", 0)


def test_what_reads_no_tokens_has_none(store: Store, tokens: Artifact, tmp_path: Path) -> None:
    policy = commit(store, [{"config.json": b"{}"}], job="rl")
    with pytest.raises(UsageError, match="is of rl, which reads no packed tokens"):
        places_in_training(store, policy, range(1))
    # Slices of documents that are in no shard of the corpus are the fault of somebody, and nobody's documents.
    place = place_in_part(store, f"{tokens.address}/{open_token_shards([tokens]).parts['math'][0].key}", 0)
    assert place is not None
    other = corpus(store, DOCUMENTS[100:], num_shards=4)
    inputs = {
        "corpus": tuple(tokens.manifest.inputs["corpus"][0].model_copy(update={"address": other.address}) for _ in "ab")
    }
    moved = Artifact(store, tokens.address, tokens.manifest.model_copy(update={"inputs": inputs}))
    with pytest.raises(InputError, match=r"has no document [0-9a-f]{64} in its shard"):
        origins_of(Place(place.part._replace(artifact=moved), 0), tmp_path)
