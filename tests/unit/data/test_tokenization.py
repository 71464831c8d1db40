import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from octo.data.documents import Document, new_document, to_parquet
from octo.data.tokenization import Corpus, by_source, describe, mix, train_tokenizer
from octo.errors import InvariantError, UsageError
from octo.job import produce
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
SETTINGS = {"weights": {"math": 3.0, "short": 1.0}, "tokens": 4_000, "sequence_length": 32, "vocabulary_size": 300}


def tokenized(place: dict[str, object], *corpus: Artifact, tokenizer: str = "", **changes: object) -> Artifact:
    settings = TokenizationSettings(
        **place,
        corpus=tuple(artifact.address for artifact in corpus),
        tokenizer=tokenizer,
        **(SETTINGS | changes),
    )
    return produce(settings, "octo.data.tokenization:tokenize")


def corpus(store: Store, documents: list[Document] = DOCUMENTS, *, num_shards: int = 1) -> Artifact:
    shards = [documents[start::num_shards] for start in range(num_shards)]
    return commit(store, [{"documents.parquet": to_parquet(shard, Document)} for shard in shards], job="curation")


def boundaries_of(artifact: Artifact) -> list[dict[str, object]]:
    return pq.read_table(io.BytesIO(artifact.read_one("boundaries.parquet"))).to_pylist()


def test_every_token_leads_back_to_its_document(store: Store, place: dict[str, object]) -> None:
    artifact = tokenized(place, corpus(store))
    tokenizer = Tokenizer.from_str(artifact.read_one("tokenizer.json").decode())
    tokens = np.frombuffer(artifact.read_one("tokens.bin"), dtype="<u2").reshape(-1, 32)
    texts = {document.id: document.text for document in DOCUMENTS}
    covered = np.zeros(tokens.shape, dtype=int)
    for row in boundaries_of(artifact):
        place = row["sequence"], slice(row["offset"], row["offset"] + row["length"])
        covered[place] += 1
        whole = [*tokenizer.encode(texts[row["document"]]).ids, 0]
        start = row["document_offset"]
        assert tokens[place].tolist() == whole[start : start + row["length"]]
        if len(whole) <= 32:
            assert row["length"] == len(whole)
    assert covered.max() == 1
    assert (tokens[covered == 0] == tokenizer.token_to_id("<|pad|>")).all()


def test_the_mixture_says_what_was_asked_and_delivered_and_the_boundaries_agree(
    store: Store, place: dict[str, object]
) -> None:
    artifact = tokenized(place, corpus(store))
    mixture = json.loads(artifact.read_one("mixture.json"))
    math, short = mixture["sources"]
    assert (math["source"], math["tokens_asked"], short["tokens_asked"]) == ("math", 3_000, 1_000)
    rows = boundaries_of(artifact)
    for source in (math, short):
        held = sum(row["length"] for row in rows if row["source"] == source["source"])
        assert held == source["tokens_delivered"]
        assert abs(held - source["tokens_asked"]) <= 200
    assert mixture["vocabulary_size"] <= 300
    delivered = math["tokens_delivered"] + short["tokens_delivered"]
    assert mixture["sequences"] * 32 == delivered + mixture["padding_tokens"]
    assert artifact.manifest.counters == {
        "sequences": mixture["sequences"],
        "tokens.delivered": delivered,
        "tokens.padding": mixture["padding_tokens"],
    }


def test_shards_of_the_corpus_and_their_order_do_not_change_the_tokens(store: Store, place: dict[str, object]) -> None:
    whole = tokenized(place, corpus(store))
    split = tokenized(place, corpus(store, DOCUMENTS[::-1], num_shards=4), workers=2)
    assert split.manifest.content == whole.manifest.content
    assert tokenized(place, corpus(store), seed=1).manifest.content != whole.manifest.content


def test_a_given_tokenizer_is_used_as_it_is(store: Store, place: dict[str, object]) -> None:
    first = tokenized(place, corpus(store))
    second = tokenized(place, corpus(store, DOCUMENTS[120:]), tokenizer=first.address, weights={"short": 1.0})
    assert second.read_one("tokenizer.json") == first.read_one("tokenizer.json")


def test_a_small_source_repeats_in_epochs() -> None:
    settings = TokenizationSettings(weights={"a": 1.0}, tokens=500, sequence_length=16)
    corpora = {"a": Corpus(["x", "y"], ["one two", "three"])}
    tokenizer = train_tokenizer(corpora, settings)
    mixture = mix(corpora, tokenizer, settings)
    (source,) = describe(mixture, corpora, tokenizer, settings)["sources"]
    assert source["epochs"] == source["documents"] / 2 > 10


def test_a_token_that_is_in_no_sequence_is_an_invariant_error() -> None:
    settings = TokenizationSettings(weights={"a": 1.0}, tokens=50, sequence_length=16)
    corpora = {"a": Corpus(["x", "y"], ["one two", "three"])}
    tokenizer = train_tokenizer(corpora, settings)
    mixture = mix(corpora, tokenizer, settings)
    with pytest.raises(InvariantError, match="tokens delivered by the sources"):
        describe(mixture._replace(sequences=mixture.sequences[1:]), corpora, tokenizer, settings)


def test_a_text_in_two_corpora_counts_once_in_a_source() -> None:
    rows = [("i", "web", "text"), ("i", "web", "text"), ("i", "math", "text")]
    assert by_source(rows) == {"math": Corpus(["i"], ["text"]), "web": Corpus(["i"], ["text"])}


@pytest.mark.parametrize("weight", [0.0, -1.0, float("inf"), float("nan")])
def test_a_weight_that_is_no_share_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="expected a positive weight for web"):
        TokenizationSettings(weights={"web": weight})


def test_bad_weights_and_a_missing_corpus_are_usage_errors(store: Store, place: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"names web, of which there is no document; the corpus has math \(120"):
        tokenized(place, corpus(store), weights={"web": 1.0})
    with pytest.raises(UsageError, match="give --corpus"):
        tokenized(place)
