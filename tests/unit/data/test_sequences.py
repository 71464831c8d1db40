from pathlib import Path

import numpy as np
import pytest

from octo.data.mixture import Mixture, mixture_of
from octo.data.packed import PackedSequences
from octo.data.sequences import SequenceReader, runs_of
from octo.data.token_shards import TokenShards, open_token_shards
from octo.errors import IntegrityError, MissingError
from octo.storage.store import Store
from tests.token_shards import commit_tokens

WEIGHTS = {"web": 0.5, "math": 0.3, "Ünïcode/": 0.2}
SEQUENCES = {"web": [40, 25], "math": [9, 0, 11], "Ünïcode/": [3]}
ALL = 60


@pytest.fixture
def shards(store: Store, tmp_path: Path) -> TokenShards:
    """Three sources, one of them in parts of a few sequences."""
    return open_token_shards([commit_tokens(store, tmp_path / "written", SEQUENCES, part_bytes=700)])


@pytest.fixture
def mixture(shards: TokenShards) -> Mixture:
    return mixture_of(WEIGHTS, shards.counts, seed=5)


def expected(shards: TokenShards, mixture: Mixture, first: int, count: int) -> PackedSequences:
    """From the whole parts, one after another."""
    bodies = {
        source: b"".join(part.artifact.read(part.part) for part in parts) for source, parts in shards.parts.items()
    }
    found = mixture.at(np.arange(first, first + count))
    size = shards.format.record_bytes
    return shards.format.decode(
        b"".join(
            bodies[mixture.sources[source]][row * size : (row + 1) * size]
            for source, row in zip(found.source_N, found.row_N, strict=True)
        )
    )


def same(one: PackedSequences, other: PackedSequences) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("tokens_NS", "slices_NS", "positions_NS")
    )


def asked_keys(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """Every object that is read from now on, with its range."""
    asked: list[tuple[str, object]] = []
    get_object = store.client.get_object

    def noted(**arguments: object) -> object:
        asked.append((str(arguments["Key"]), arguments.get("Range")))
        return get_object(**arguments)

    monkeypatch.setattr(store.client, "get_object", noted)
    return asked


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
def test_sequences_are_those_of_the_mixture_whole_or_by_ranges(
    shards: TokenShards, mixture: Mixture, tmp_path: Path, cache_bytes: int
) -> None:
    schedule = [range(start, start + 6) for start in range(0, ALL, 6)]
    with SequenceReader(
        shards, mixture, folder=tmp_path / "cache", cache_bytes=cache_bytes, schedule=schedule
    ) as reader:
        for wanted in schedule:
            assert same(reader.rows(wanted.start, 6), expected(shards, mixture, wanted.start, 6))
        # Any others too, of any length, and those of a source's second epoch beside those of its first.
        assert same(reader.rows(11, 40), expected(shards, mixture, 11, 40))
    assert (tmp_path / "cache").exists() == bool(cache_bytes)


def test_neighbours_are_read_at_once_and_nothing_twice(shards: TokenShards, mixture: Mixture) -> None:
    runs = list(runs_of(shards, mixture, range(ALL)))
    assert sorted(place for run in runs for place in run.places) == list(range(ALL))
    # What is wanted lies so near together that each part is read at once.
    assert len(runs) == len({run.part.part.key for run in runs})
    for run in runs:
        assert list(run.rows) == sorted(run.rows)
        assert run.rows[-1] < run.part.part.rows


def test_a_training_that_goes_on_reads_nothing_of_what_came_before(
    shards: TokenShards, mixture: Mixture, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asked_keys(store, monkeypatch)
    schedule = [range(start, start + 4) for start in range(48, ALL, 4)]
    with SequenceReader(shards, mixture, folder=tmp_path / "cache", cache_bytes=0, schedule=schedule) as reader:
        for wanted in schedule:
            reader.rows(wanted.start, 4)
    needed = {
        (part.part.key, row)
        for wanted in schedule
        for part, rows, _ in runs_of(shards, mixture, wanted)
        for row in range(rows[0], rows[-1] + 1)
    }
    size = shards.format.record_bytes
    read = set()
    for key, span in asked:
        first, last = (int(edge) for edge in str(span).removeprefix("bytes=").split("-"))
        read |= {(key.removeprefix(store.location.key("")), row) for row in range(first // size, (last + 1) // size)}
    assert read == needed


def test_reading_goes_ahead_of_the_need_and_no_further_than_the_cache(
    shards: TokenShards, mixture: Mixture, tmp_path: Path
) -> None:
    taken: list[range] = []

    def schedule():
        for start in range(0, 10**9, 2):
            taken.append(range(start, start + 2))
            yield taken[-1]

    with SequenceReader(
        shards,
        mixture,
        folder=tmp_path / "cache",
        cache_bytes=10 * shards.format.record_bytes,
        schedule=schedule(),
    ) as reader:
        assert len(taken) == 5
        for step in range(20):
            assert same(reader.rows(2 * step, 2), expected(shards, mixture, 2 * step, 2))
            assert len(taken) == 6 + step


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
def test_a_record_that_was_changed_in_the_store_is_named(
    shards: TokenShards, mixture: Mixture, tmp_path: Path, store: Store, cache_bytes: int
) -> None:
    part = shards.parts["Ünïcode/"][0]
    body = bytearray(store.get(part.part.key))
    body[-1] ^= 1
    store.put(part.part.key, bytes(body))
    with (
        SequenceReader(shards, mixture, folder=tmp_path / "cache", cache_bytes=cache_bytes) as reader,
        pytest.raises(IntegrityError, match=part.part.name),
    ):
        reader.rows(0, ALL)


def test_a_part_that_is_cut_short_or_gone_is_said(
    shards: TokenShards, mixture: Mixture, tmp_path: Path, store: Store
) -> None:
    part = shards.parts["Ünïcode/"][0]
    store.put(part.part.key, store.get(part.part.key)[:-5])
    with SequenceReader(shards, mixture, folder=tmp_path / "cache", cache_bytes=0) as reader:
        with pytest.raises(IntegrityError, match=rf"expected \d+ bytes of s3://.*{part.part.name} from \d+ on, got"):
            reader.rows(0, ALL)
        store.put(part.part.key, b"")
        with pytest.raises(IntegrityError, match="got 0"):
            reader.rows(0, ALL)
        store.delete(part.part.key)
        with pytest.raises(MissingError, match="nothing is stored at"):
            reader.rows(0, ALL)


def test_two_artifacts_give_to_one_source(store: Store, tmp_path: Path) -> None:
    made = [
        commit_tokens(store, tmp_path / str(number), {"web": [number + 2], f"own-{number}": [1]}, seed=number)
        for number in range(2)
    ]
    shards = open_token_shards(made)
    assert shards.counts == {"own-0": 1, "own-1": 1, "web": 5}
    mixture = mixture_of({}, shards.counts, seed=0)
    with SequenceReader(shards, mixture, folder=tmp_path / "cache", cache_bytes=1 << 20) as reader:
        read = reader.rows(0, 7)
    assert same(read, expected(shards, mixture, 0, 7))
    assert len({tuple(tokens) for tokens in read.tokens_NS.tolist()}) == 7
