"""Mixing sources by weight: which documents, how often, in which order."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import fsum
from typing import NamedTuple

from octo.data.tokenizer import Tokens
from octo.errors import UsageError
from octo.randomness import permutation


class Delivery(NamedTuple):
    """One use of one document: a document comes once per epoch of its source."""

    source: str
    position: int
    """Of the document among its source's."""
    tokens: Tokens


def asked_tokens(weights: Mapping[str, float], tokens: int) -> Mapping[str, int]:
    """How many of the tokens each source is asked for; at least one each."""
    # Exact, so the same in any order: a pipeline's parameters arrive sorted.
    total = fsum(weights.values())
    return {source: max(1, round(tokens * weight / total)) for source, weight in weights.items()}


def check_sources(weights: Mapping[str, float], num_documents: Mapping[str, int]) -> None:
    """UsageError for no weights, or a weight of a source that has no documents."""
    there = ", ".join(f"{source} ({count} documents)" for source, count in sorted(num_documents.items())) or "none"
    if not weights:
        raise UsageError(f"give --weights a share of the tokens for each source; the corpus has {there}")
    missing = sorted(source for source in weights if not num_documents.get(source))
    if missing:
        raise UsageError(f"--weights names {', '.join(missing)}, of which there is no document; the corpus has {there}")


def deliver(
    ids: Sequence[str], encode: Callable[[Iterable[int]], Iterator[Tokens]], *, source: str, asked: int, seed: int
) -> Iterator[Delivery]:
    """Documents of one source until it has delivered what was asked.

    Every epoch is a new permutation of all documents. The last document is the one that leaves the sum nearest to
    `asked`, so the difference is at most half of one; at least one document is delivered.

    Args:
        ids: the documents' ids; their order does not matter.
        encode: the tokens of the documents at these positions, lazily.
        source: name of the source, part of the key.
        asked: tokens wanted.
        seed: key of the permutations.
    """
    delivered = 0
    for epoch in itertools.count():
        order = permutation(ids, seed, "mixture", source, epoch)
        for position, tokens in zip(order, encode(order), strict=True):
            if delivered and delivered + len(tokens) - asked > asked - delivered:
                return
            yield Delivery(source, position, tokens)
            delivered += len(tokens)
            if delivered >= asked:
                return


def interleave(streams: Mapping[str, Iterator[Delivery]], asked: Mapping[str, int]) -> Iterator[Delivery]:
    """All deliveries, next always from the source that lags most behind its share.

    So every prefix of the result holds the mixture, within one document of each source.
    """
    waiting = dict(sorted(streams.items()))
    delivered = dict.fromkeys(waiting, 0)
    while waiting:
        source = min(waiting, key=lambda name: delivered[name] / asked[name])
        delivery = next(waiting[source], None)
        if delivery is None:
            del waiting[source]
        else:
            delivered[source] += len(delivery.tokens)
            yield delivery
