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

from octo.data.packed import Tokens

NUM_OPEN = 512
"""Sequences that are filled side by side; it bounds the memory, and the distance that a document moves."""


class Slice(NamedTuple):
    """A run of one document's tokens."""

    document: str
    document_offset: int
    """Where in the document the slice begins."""
    tokens: Tokens


class Packer:
    """Puts documents into sequences as they come. It holds at most twice `num_open` sequences and one document."""

    def __init__(self, sequence_length: int, *, num_open: int = NUM_OPEN) -> None:
        """Nothing is open yet.

        Args:
            sequence_length: tokens in a sequence.
            num_open: sequences that are filled side by side.
        """
        self._length = sequence_length
        self._num_open = num_open
        self._number = 0
        self._opened: list[tuple[int, int]] = []
        self._contents: dict[int, list[Slice]] = {}
        self._reserve = _Reserve()

    def put(self, document: Slice) -> list[list[Slice]]:
        """Take a whole document; the sequences that are ready by that, none longer than the length."""
        ready = []
        if len(document.tokens) > self._length:
            self._reserve.put(document)
            while self._reserve.num_tokens > self._num_open * self._length:
                ready.append(self._reserve.take(self._length))
            return ready
        place = bisect_left(self._opened, (len(document.tokens), -1))
        room, sequence = self._opened.pop(place) if place < len(self._opened) else (self._length, self._number)
        self._number += 1
        self._contents.setdefault(sequence, []).append(document)
        insort(self._opened, (room - len(document.tokens), sequence))
        if self._opened[0][0] == 0 or len(self._opened) > self._num_open:
            # The fullest goes: it has the least to gain from waiting.
            room, sequence = self._opened.pop(0)
            ready.append(self._contents.pop(sequence) + self._reserve.take(room))
        return ready

    def finish(self) -> Iterator[list[Slice]]:
        """The sequences that are left when no document comes any more; what is missing at an end is padding."""
        for room, sequence in self._opened:
            yield self._contents.pop(sequence) + self._reserve.take(room)
        self._opened.clear()
        while self._reserve.num_tokens:
            yield self._reserve.take(self._length)


def pack(documents: Iterable[Slice], *, sequence_length: int, num_open: int = NUM_OPEN) -> Iterator[list[Slice]]:
    """Sequences of slices of all these documents."""
    packer = Packer(sequence_length, num_open=num_open)
    for document in documents:
        yield from packer.put(document)
    yield from packer.finish()


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
