"""Near matches through the whole job, compared with every pair of documents."""

import random
from itertools import combinations

import numpy as np
import pytest
from pydantic import ValidationError

from octo.data.documents import new_document
from octo.data.minhash import Signer, chance, overlap
from octo.data.near import COMPARISON, ENTRY, Leaders, comparisons, entries, order_of
from octo.data.near_search import plan_of
from octo.data.normal_forms import comparable
from octo.data.shingles import Shingler
from octo.job import produce
from octo.settings.base import ShardGroup
from octo.settings.near import NearSettings
from octo.storage.artifacts import PendingArtifact
from octo.storage.store import Store
from tests.near_corpus import WORDS, committed, corpus, curated, dropped, kept, said, settings_of

EVERY_PAIR = NearSettings(threshold=0.6, bands=300, rows=1, shingle_size=2, candidates=1000)
"""Of two documents with one shingle in three in common, a share of 10^-52 is not compared."""


def similarity(first: str, second: str, size: int) -> float:
    """The Jaccard similarity by its definition."""
    sets = []
    for text in (first, second):
        words = comparable(text).split()
        sets.append({tuple(words[at : at + size]) for at in range(max(1, len(words) - size + 1))} if words else set())
    union = sets[0] | sets[1]
    return len(sets[0] & sets[1]) / len(union) if union else 0.0


@pytest.mark.parametrize("seed", range(4))
def test_a_document_is_dropped_for_one_before_it_that_is_as_similar_as_said_and_for_nothing_else(
    store: Store, place: dict[str, object], seed: int
) -> None:
    documents = corpus(seed)
    artifact = curated(place, committed(store, documents, 3), EVERY_PAIR)
    expected = {}
    for later in documents:
        near = [
            (-similarity(later.text, before.text, 2), before.id)
            for before in documents
            if before.id < later.id and similarity(later.text, before.text, 2) >= EVERY_PAIR.threshold
        ]
        if near:
            least, witness = min(near)
            expected[later.id] = ["near_duplicate", witness, str(-least)]
    assert len(expected) > 3
    assert dropped(artifact) == expected
    assert kept(artifact).keys() == {each.id for each in documents} - expected.keys()
    counters = artifact.manifest.counters
    assert counters["documents.dropped.near_duplicate"] == len(expected)
    assert counters["near.asked"] == counters["near.found"] == len(expected)


def test_shards_their_order_workers_and_memory_change_nothing(store: Store, place: dict[str, object]) -> None:
    documents = corpus(7, families=30)
    near = NearSettings(threshold=0.6, shingle_size=2, rows=3, sample=20)
    alone = said(curated(place, committed(store, documents, 1), near))
    for seed, (num_shards, workers, memory) in enumerate([(2, 2, 0.1), (4, 1, 0.04), (16, 1, 1.0)]):
        shuffled = random.Random(seed).sample(documents, len(documents))
        small = near.model_copy(update={"memory_mib": memory})
        artifact = curated(place, committed(store, shuffled, num_shards), small, workers=workers)
        assert said(artifact) == alone
    assert alone[2]["documents.dropped.near_duplicate"] > 3


def test_pods_of_a_fleet_share_the_search_and_end_with_what_one_process_makes(
    store: Store, place: dict[str, object]
) -> None:
    near = NearSettings(threshold=0.6, shingle_size=2, rows=3)
    raw = committed(store, corpus(3), 5)
    settings = settings_of(place, raw, near)
    pods = [settings.model_copy(update={"shard_group": ShardGroup(count=3, index=index)}) for index in range(3)]
    first = produce(pods[0], "octo.data.curation:curate")
    assert isinstance(first, PendingArtifact)
    left = {key: store.head(key) for key in store.list("artifacts/curation/") if "/shared/near-" in key}
    assert isinstance(produce(pods[1], "octo.data.curation:curate"), PendingArtifact)
    artifact = produce(pods[2], "octo.data.curation:curate")
    # What the first left, the others read.
    assert {key: store.head(key) for key in store.list("artifacts/curation/") if "/shared/near-" in key} == left
    elsewhere = {**place, "store": f"{store.address}/elsewhere"}
    assert said(curated(elsewhere, raw, near)) == said(artifact)


def test_near_matches_are_looked_for_among_what_the_rules_leave_alone(store: Store, place: dict[str, object]) -> None:
    # The first in the order is too short to stay: it is nobody's witness.
    text = " ".join(WORDS[:40])
    others = sorted(
        (f"{text} {tail}" for tail in ("a b", "c d", "e f")), key=lambda each: new_document(each, source="", url="").id
    )
    short = next(
        words
        for end in range(400)
        if new_document(words := f"{text} {WORDS[end]}", source="", url="").id
        < new_document(others[0], source="", url="").id
    )
    documents = [new_document(each, source="web", url=each[-3:]) for each in [*others, short]]
    near = NearSettings(threshold=0.6, shingle_size=2, rows=1)
    artifact = curated(place, committed(store, documents, 2), near, min_words=42)
    assert {reason for reason, *_ in dropped(artifact).values()} == {"too_short", "near_duplicate"}
    assert [each.text for each in kept(artifact).values()] == [others[0]]


def test_sources_that_skip_the_rules_go_before_others(store: Store, place: dict[str, object]) -> None:
    texts = [f"{' '.join(WORDS[:60])} {tail}" for tail in ("one", "two", "three", "four", "five", "six")]
    last = max(texts, key=lambda text: new_document(text, source="", url="").id)
    documents = [new_document(text, source="own" if text == last else "web", url="u") for text in texts]
    artifact = curated(place, committed(store, documents, 3), NearSettings(threshold=0.6), unfiltered=("own",))
    assert [each.text for each in kept(artifact).values()] == [last]


@pytest.mark.parametrize(
    "texts",
    [
        ["", " \u200b ", "\t"],
        ["one", "ONE.", "one two"],
        ["\ud800 lone", "\ud801 lone"],
        ["数学是研究数量结构以及空间等概念的学科", "数学是研究数量结构以及空间等概念的学问"],
    ],
)
def test_texts_with_few_or_no_shingles_are_compared_by_those_they_have(texts: list[str]) -> None:
    for unit in ("words", "characters"):
        settings = NearSettings(unit=unit)
        runs = Shingler(settings).runs(texts)
        sets = runs.sets(range(len(texts)))
        for (one, first), (two, second) in combinations(enumerate(sets), 2):
            if unit == "words":
                assert overlap(first, second) == similarity(texts[one], texts[two], settings.shingle_size)
        assert len(Signer(settings, seed=0).keys(runs)) == sum(len(each) > 0 for each in sets)


def test_words_and_characters_are_told_apart_by_the_setting() -> None:
    texts = ["integrating by parts", "integrating by part"]
    words = Shingler(NearSettings(shingle_size=2)).runs(texts).sets(range(2))
    characters = Shingler(NearSettings(shingle_size=2, unit="characters")).runs(texts).sets(range(2))
    assert overlap(*words) == 1 / 3
    pairs = [{text[at : at + 2] for at in range(len(text) - 1)} for text in texts]
    assert overlap(*characters) == len(pairs[0] & pairs[1]) / len(pairs[0] | pairs[1])


def test_full_width_letters_case_and_space_make_no_difference() -> None:
    plain, dressed = (
        Shingler(NearSettings())
        .runs(["a b c d e f g", "\N{FULLWIDTH LATIN CAPITAL LETTER A}  B\nc d e f g"])
        .sets(range(2))
    )
    assert overlap(plain, dressed) == 1


def test_a_text_has_the_same_runs_alone_and_among_others() -> None:
    texts = ["a b c d e f g", "", "h", " ".join(WORDS), "x y z"]
    shingler = Shingler(NearSettings())
    together = shingler.runs(texts).sets(range(len(texts)))
    for text, own in zip(texts, together, strict=True):
        (alone,) = shingler.runs([text]).sets([0])
        assert alone.tolist() == own.tolist()


def test_a_long_text_in_pieces_is_what_it_is_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Caf\u0065\u0301  \u2028 of\u00a0the \u0301mark \ufb01sh\u200b\u0301\n\n  \uff21\t end " * 9
    expected = comparable(text)
    for size in (1, 3, 7, 20):
        monkeypatch.setattr("octo.data.normal_forms._CHARACTERS_AT_A_TIME", size)
        assert comparable(text) == expected


def test_the_share_of_pairs_that_meet_is_what_the_bands_promise() -> None:
    settings = NearSettings()
    draw = random.Random(0)
    pairs = []
    for _ in range(1200):
        words = draw.choices(WORDS, k=150)
        changed = list(words)
        for place in draw.sample(range(150), draw.randrange(1, 8)):
            changed[place] = "changed"
        pairs += [" ".join(words), " ".join(changed)]
    runs = Shingler(settings).runs(pairs)
    keys = Signer(settings, seed=5).keys(runs)
    sets = runs.sets(range(len(pairs)))
    promised = [chance(overlap(*both), bands=11, rows=10) for both in zip(sets[::2], sets[1::2], strict=True)]
    met = (keys[::2] == keys[1::2]).any(axis=1)
    spread = np.sqrt(sum(share * (1 - share) for share in promised))
    assert abs(met.sum() - sum(promised)) < 4 * spread


def test_a_long_text_has_the_signature_of_its_least_numbers_however_it_is_cut() -> None:
    settings = NearSettings(rows=1, bands=4, shingle_size=1)
    many = " ".join(f"w{number}" for number in range(30_000))
    runs = Shingler(settings).runs(["before", many, "after", f"{many} w7"])
    keys = Signer(settings, seed=0).keys(runs)
    assert (keys[1] == keys[3]).all()
    assert not (keys[0] == keys[2]).any()


def test_a_bucket_of_a_million_is_compared_with_its_first_documents_alone() -> None:
    num_shards, rows, candidates = 4, 50_000, 3
    draw = np.random.default_rng(0)
    shards = []
    for _ in range(num_shards):
        orders = draw.integers(0, 2**63, rows, np.uint64)
        keys = np.where(np.arange(rows)[:, None] % 2 == 0, np.uint64(7), orders[:, None])
        shards.append(entries(keys, orders, np.arange(rows, dtype=np.uint32)))
    leaders = Leaders(candidates)
    for number, shard in enumerate(shards):
        leaders.add(number, shard)
    table = leaders.table()
    everything = np.concatenate(shards)
    common = np.sort(everything["order"][everything["bucket"] == 7])
    assert table["order"][table["bucket"] == 7].tolist() == common[:candidates].tolist()
    compared = [comparisons(table, shard, candidates=candidates)[0] for shard in shards]
    assert all(found.dtype == COMPARISON for found in compared)
    # Each of the first is compared with those before it, each of the others with all of the first.
    assert sum(map(len, compared)) == candidates * (len(common) - candidates) + candidates * (candidates - 1) // 2


def test_nothing_is_compared_where_there_is_nothing() -> None:
    table = Leaders(4).table()
    found, needed = comparisons(table, np.empty(0, ENTRY), candidates=4)
    assert len(found) == len(needed) == 0


def test_an_order_has_unfiltered_sources_first_and_then_ids() -> None:
    ids = ["00" * 32, "7f" * 32, "ff" * 32]
    orders = [order_of(each, filtered=filtered) for filtered in (False, True) for each in ids]
    assert orders == sorted(set(orders))


def test_ranges_and_homes_are_as_many_as_the_memory_asks_for(store: Store, place: dict[str, object]) -> None:
    raw = committed(store, corpus(0), 2)
    settings = settings_of(place, raw, NearSettings(threshold=0.75))
    parts = [part.model_copy(update={"rows": 10**5, "size": 10**8}) for part in raw.parts()] * 5_000
    plan = plan_of(parts, settings)
    assert (plan.shards, plan.documents) == (10_000, 10**9)
    half = plan_of(parts, settings.model_copy(update={"near": NearSettings(threshold=0.75, memory_mib=256)}))
    assert abs(half.ranges - 2 * plan.ranges) <= 1
    assert abs(half.homes - 2 * plan.homes) <= 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("threshold", 1.5), ("threshold", -0.1), ("bands", 0), ("rows", 0), ("unit", "sentences"), ("candidates", 0)],
)
def test_a_value_that_means_nothing_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        NearSettings(**{field: value})
