"""Which sequences each rank of a training reads, and what the sources have given to it in the end."""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from octo.data.mixture import Mixture
from octo.data.packed import PADDING_SLICE, PackedSequences
from octo.data.token_shards import TokenShards
from octo.errors import UsageError
from octo.ml.engine import Engine
from octo.settings.midtraining import MidtrainingSettings

logger = logging.getLogger(__name__)


def plan_steps(settings: MidtrainingSettings, mixture: Mixture) -> int:
    """How many updates to do: as many as asked, or those that are left of one pass over the sources' sequences."""
    available = sum(mixture.counts) - settings.first_step * settings.batch_size
    if not settings.num_steps and available < settings.batch_size:
        behind = f", of which {settings.first_step} steps (--first-step) are taken," if settings.first_step else ""
        raise UsageError(
            f"one pass over {sum(mixture.counts)} sequences{behind} is less than one step of {settings.batch_size}: "
            "lower --batch-size, or say with --num-steps how many steps to make"
        )
    return settings.num_steps or available // settings.batch_size


def sequences_of(settings: MidtrainingSettings, step: int) -> range:
    """The sequences of a step, by their global indexes."""
    first = (settings.first_step + step) * settings.batch_size
    return range(first, first + settings.batch_size)


def micro_batches(settings: MidtrainingSettings, step: int, *, rank: int = 0, ranks: int = 1) -> list[range]:
    """The sequences of a step by their global indexes: those micro-batches that a rank of so many computes."""
    whole, size = sequences_of(settings, step), settings.micro_batch_size
    return [range(start, start + size) for start in whole[::size][rank::ranks]]


def schedule(settings: MidtrainingSettings, steps: range, *, rank: int, ranks: int) -> Iterator[range]:
    """What a rank reads in these steps, in the order in which it needs it."""
    for step in steps:
        yield from micro_batches(settings, step, rank=rank, ranks=ranks)


class Tokens:
    """How many tokens of documents each source has given to a training."""

    def __init__(self, engine: Engine, mixture: Mixture, before: Mapping[str, int]) -> None:
        """Of all ranks: so many up to now."""
        self._engine = engine
        self._mixture = mixture
        self._whole = Counter(before)
        self._own = Counter[str]()

    def count(self, batches: Mapping[range, PackedSequences]) -> None:
        """This rank's sequences, by the global indexes of each batch."""
        self._own.update(tokens_by_source(self._mixture, batches))

    def whole(self) -> Mapping[str, int]:
        """Those of all ranks, which ask alike."""
        self._whole.update({source: int(self._engine.sum(self._own[source])) for source in self._mixture.sources})
        self._own.clear()
        return dict(self._whole)


def tokens_by_source(mixture: Mixture, batches: Mapping[range, PackedSequences]) -> Mapping[str, int]:
    """How many tokens of documents each source has in these sequences, by the global indexes of each batch."""
    tokens_K = np.zeros(len(mixture.sources), dtype=np.int64)
    for wanted, sequences in batches.items():
        source_N = mixture.at(np.arange(wanted.start, wanted.stop, dtype=np.int64)).source_N
        np.add.at(tokens_K, source_N, (sequences.slices_NS != PADDING_SLICE).sum(axis=1))
    return {source: int(tokens) for source, tokens in zip(mixture.sources, tokens_K, strict=True)}


def warn_of_epochs(mixture: Mixture, num_sequences: int, *, most: float) -> None:
    """Say which sources come around more often than is of use."""
    for source, epochs in epochs_of(mixture, num_sequences).items():
        if epochs > most:
            logger.warning(
                "%s comes around %.1f times in this training, more than the %g of --most-epochs: give it a smaller "
                "weight or more documents, or train for fewer steps",
                source,
                epochs,
                most,
            )


def mixture_record(
    settings: MidtrainingSettings,
    shards: TokenShards,
    mixture: Mixture,
    *,
    num_sequences: int,
    tokens: Mapping[str, int],
) -> bytes:
    """mixture.json: what was asked of each source and what it gave, exactly; and which sources were left out."""
    before = settings.first_step * settings.batch_size
    skipped, given = mixture.given(before), mixture.given(before + num_sequences)
    epochs = epochs_of(mixture, before + num_sequences)
    total = sum(settings.weights.values()) or sum(mixture.counts)
    return json.dumps(
        {
            "sources": [
                {
                    "source": source,
                    "weight": (settings.weights.get(source) or count) / total,
                    "share": f"{share}/{mixture.period}",
                    "sequences": given[source] - skipped[source],
                    "tokens": tokens[source],
                    "epochs": round(epochs[source], 4),
                }
                for source, share, count in zip(mixture.sources, mixture.shares, mixture.counts, strict=True)
            ],
            "left_out": {source: count for source, count in shards.counts.items() if source not in mixture.sources},
            "sequences": num_sequences,
            "sequence_length": shards.format.sequence_length,
            "vocabulary_size": shards.vocabulary_size,
        },
        indent=2,
    ).encode()


def epochs_of(mixture: Mixture, num_sequences: int) -> Mapping[str, float]:
    """How often each source has come around after so many sequences."""
    given = mixture.given(num_sequences)
    return {source: given[source] / count for source, count in zip(mixture.sources, mixture.counts, strict=True)}
