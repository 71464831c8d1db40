import json
import logging
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from octo.data.mixture import mixture_of
from octo.data.sequences import SequenceReader, names_of
from octo.data.token_shards import TokenShards, open_token_shards
from octo.errors import UsageError
from octo.ml.sequences import (
    micro_batches,
    mixture_record,
    plan_steps,
    schedule,
    sequences_of,
    tokens_by_source,
    warn_of_epochs,
)
from octo.settings.midtraining import MidtrainingSettings
from octo.storage.store import Store
from tests.token_shards import commit_tokens

SETTINGS = MidtrainingSettings(weights={"web": 0.7, "math": 0.3}, batch_size=8, micro_batch_size=2, num_steps=6)


@pytest.fixture
def shards(store: Store, tmp_path: Path) -> TokenShards:
    return open_token_shards([commit_tokens(store, tmp_path / "tokens", {"web": [20, 9], "math": [5], "rest": [2]})])


def trained_on(shards: TokenShards, folder: Path, *, steps: range, ranks: int) -> list[list[tuple[int, ...]]]:
    """The sequences of each of these steps in the order of the micro-batches, read by so many ranks alone."""
    mixture = mixture_of(SETTINGS.weights, shards.counts, seed=SETTINGS.seed)
    read: dict[int, list[tuple[int, ...]]] = {}
    for rank in range(ranks):
        planned = schedule(SETTINGS, steps, rank=rank, ranks=ranks)
        with SequenceReader(
            shards, mixture, folder=folder / f"{ranks}-{rank}", cache_bytes=1 << 20, schedule=planned
        ) as reader:
            for step in steps:
                for wanted in micro_batches(SETTINGS, step, rank=rank, ranks=ranks):
                    read[wanted.start] = [
                        tuple(tokens) for tokens in reader.rows(wanted.start, len(wanted)).tokens_NS.tolist()
                    ]
    return [list(chain.from_iterable(read[wanted.start] for wanted in micro_batches(SETTINGS, step))) for step in steps]


def test_a_training_sees_the_same_sequences_on_any_ranks_and_resumed_at_any_step(
    shards: TokenShards, tmp_path: Path
) -> None:
    whole = trained_on(shards, tmp_path, steps=range(6), ranks=1)
    assert len(set(chain.from_iterable(whole))) > 30
    for ranks in (2, 4):
        assert trained_on(shards, tmp_path, steps=range(6), ranks=ranks) == whole
    for first in range(1, 6):
        resumed = trained_on(shards, tmp_path / f"from-{first}", steps=range(first, 6), ranks=2)
        assert resumed == whole[first:]


def test_the_sequences_of_a_step_are_named_by_the_parts_and_rows_that_hold_them(
    shards: TokenShards, tmp_path: Path
) -> None:
    mixture = mixture_of(SETTINGS.weights, shards.counts, seed=SETTINGS.seed)
    wanted = sequences_of(SETTINGS, 2)
    with SequenceReader(shards, mixture, folder=tmp_path, cache_bytes=1 << 20) as reader:
        read = sorted(map(tuple, reader.rows(wanted.start, len(wanted)).tokens_NS.tolist()))
    named = []
    for name in names_of(shards, mixture, wanted):
        place, _, rows = name.partition(" rows ")
        address, index, part_name = place.rsplit("/", 2)
        [part] = [
            part
            for parts in shards.parts.values()
            for part in parts
            if part.key == f"{index}/{part_name}" and part.artifact.address == address
        ]
        records = part.artifact.read(part.part)
        size = shards.format.record_bytes
        for run in rows.replace(" and ", ", ").split(", "):
            first, _, last = run.partition(" to ")
            span = records[int(first) * size : (int(last or first) + 1) * size]
            named.extend(shards.format.decode(span).tokens_NS.tolist())
    assert sorted(map(tuple, named)) == sorted(set(read))


def test_a_rank_reads_its_own_micro_batches_alone() -> None:
    own = [list(schedule(SETTINGS, range(3), rank=rank, ranks=2)) for rank in range(2)]
    assert own[0][:3] == [range(2), range(4, 6), range(8, 10)]
    assert sorted(index for rank in own for wanted in rank for index in wanted) == list(range(24))


def test_the_record_of_a_mixture_says_what_was_asked_used_and_given(shards: TokenShards, tmp_path: Path) -> None:
    mixture = mixture_of(SETTINGS.weights, shards.counts, seed=0)
    with SequenceReader(shards, mixture, folder=tmp_path / "cache", cache_bytes=1 << 20) as reader:
        sequences = reader.rows(0, 48)
    tokens = tokens_by_source(mixture, {range(48): sequences})
    record = json.loads(mixture_record(SETTINGS, shards, mixture, num_sequences=48, tokens=tokens))
    math, web = record["sources"]
    assert (math["source"], math["weight"], math["share"]) == ("math", 0.3, "3/10")
    # 4.8 times the pattern of ten.
    assert (math["sequences"], web["sequences"]) in {(14, 34), (15, 33)}
    assert math["epochs"] == math["sequences"] / 5
    assert math["tokens"] + web["tokens"] == (sequences.slices_NS >= 0).sum()
    from_math = mixture.at(np.arange(48)).source_N == 0
    assert math["tokens"] == (sequences.slices_NS[from_math] >= 0).sum()
    assert record["left_out"] == {"rest": 2}


def test_a_source_that_comes_around_too_often_is_warned_of(
    shards: TokenShards, caplog: pytest.LogCaptureFixture
) -> None:
    mixture = mixture_of({"web": 1.0, "rest": 1.0}, shards.counts, seed=0)
    with caplog.at_level(logging.WARNING):
        warn_of_epochs(mixture, 16, most=4)
        assert caplog.messages == []
        warn_of_epochs(mixture, 20, most=4)
    assert caplog.messages[0].startswith(
        "rest comes around 5.0 times in this training, more than the 4 of --most-epoch"
    )


def test_steps_are_those_asked_for_or_one_pass(shards: TokenShards) -> None:
    mixture = mixture_of({}, shards.counts, seed=0)
    assert plan_steps(SETTINGS, mixture) == 6
    one_pass = SETTINGS.model_copy(update={"num_steps": 0})
    assert plan_steps(one_pass, mixture) == 36 // 8
    with pytest.raises(UsageError, match=r"one pass over 36 sequences is less than one step of 40: lower --batch-size"):
        plan_steps(one_pass.model_copy(update={"batch_size": 40}), mixture)


def test_a_step_reads_behind_those_that_are_taken_and_its_ranks_share_its_sequences() -> None:
    settings = SETTINGS.model_copy(update={"first_step": 5})
    for step in range(3):
        assert sequences_of(settings, step) == sequences_of(SETTINGS, step + 5)
        dealt = [each for rank in range(2) for each in micro_batches(settings, step, rank=rank, ranks=2)]
        assert sorted(index for each in dealt for index in each) == list(sequences_of(settings, step))
