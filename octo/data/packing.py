"""Packing documents into sequences of one length: those that fit are never cut, the longer ones fill the gaps.

Documents that fit are placed by best fit ("Fewer Truncations Improve Language Modeling", arXiv 2404.10830), online:
each goes into the open sequence that it fills best. Documents longer than a sequence have to be cut anyway,
so they are cut to the room that the others leave. Padding remains only where no long document has come, or they run
out.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from octo.data.tokenizer import Tokens

NUM_OPEN = 512
"""Sequences that are filled side by side; it bounds the memory, and the distance that a document moves."""


class Slice(NamedTuple):
    """A run of one document's tokens."""

    document: str
    source: str
    document_offset: int
    """Where in the document the slice begins."""
    tokens: Tokens


def pack(documents: Iterable[Slice], *, sequence_length: int, num_open: int = NUM_OPEN) -> Iterator[list[Slice]]:
    """Sequences of slices, none longer than `sequence_length`; what is missing at an end is padding.

    Args:
        documents: whole documents, in the order of the mixture.
        sequence_length: tokens in a sequence.
        num_open: sequences that are filled side by side.
    """
    opened: list[tuple[int, int]] = []
    contents: dict[int, list[Slice]] = {}
    reserve = _Reserve()
    for number, document in enumerate(documents):
        if len(document.tokens) > sequence_length:
            reserve.put(document)
            if reserve.num_tokens > num_open * sequence_length:
                yield reserve.take(sequence_length)
            continue
        place = bisect_left(opened, (len(document.tokens), -1))
        room, sequence = opened.pop(place) if place < len(opened) else (sequence_length, number)
        contents.setdefault(sequence, []).append(document)
        insort(opened, (room - len(document.tokens), sequence))
        if opened[0][0] == 0 or len(opened) > num_open:
            # The fullest goes: it has the least to gain from waiting.
            room, sequence = opened.pop(0)
            yield contents.pop(sequence) + reserve.take(room)
    for room, sequence in opened:
        yield contents.pop(sequence) + reserve.take(room)
    while reserve.num_tokens:
        yield reserve.take(sequence_length)


class _Reserve:
    """Long documents that wait to be cut, first in, first out."""

    def __init__(self) -> None:
        self.num_tokens = 0
        self._documents: deque[Slice] = deque()

    def put(self, document: Slice) -> None:
        self._documents.append(document)
        self.num_tokens += len(document.tokens)

    def take(self, num_tokens: int) -> list[Slice]:
        """So many tokens, or what there is, as slices; a document may go on in a later one."""
        taken: list[Slice] = []
        while num_tokens and self._documents:
            first = self._documents.popleft()
            cut = first._replace(tokens=first.tokens[:num_tokens])
            taken.append(cut)
            length = len(cut.tokens)
            num_tokens -= length
            self.num_tokens -= length
            if length < len(first.tokens):
                rest = first._replace(document_offset=first.document_offset + length, tokens=first.tokens[length:])
                self._documents.appendleft(rest)
        return taken
