"""Stop strings: where one is complete in a completion's text, the completion ends, and it is read up to there.

A tokenizer splits a string in many ways, so it is looked for in the text. That takes decoding, which is done for those
tokens alone that can complete one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from octo.data.code_answers import cut
from octo.data.tokenizer import TextTokenizer

_MARGIN = 8
"""Tokens beside those that a stop string can have: where a text is decoded from decides about its first letters."""
_BATCH = 1 << 14


@dataclass(frozen=True, eq=False)
class Stops:
    """Strings that end a completion, and the tokenizer of its text."""

    tokenizer: TextTokenizer
    strings: tuple[str, ...] = ()

    def text(self, tokens: Sequence[int]) -> str:
        """What is read of a completion."""
        return cut(self.tokenizer.decode(tokens), self.strings)

    def complete(self, tokens: Sequence[int]) -> bool:
        """Whether a stop string is in the text with the last of these tokens, in which there was none before."""
        if not tokens or tokens[-1] not in self.triggers:
            return False
        text = self.tokenizer.decode(tokens[-self.reach :])
        return any(string in text for string in self.strings)

    def length(self, tokens: Sequence[int]) -> int | None:
        """How many tokens there are up to the one that completes a stop string; None where none does."""
        places = (place for place, token in enumerate(tokens, start=1) if token in self.triggers)
        # No more is taken than is looked at: a long completion has thousands of tokens that may end one.
        return next((place for place in places if self.complete(tokens[max(0, place - self.reach) : place])), None)

    @cached_property
    def triggers(self) -> frozenset[int]:
        """The tokens that can complete a stop string: they hold its last character, or a part of some character."""
        if not self.strings:
            return frozenset()
        last = {string[-1] for string in self.strings} | {"\N{REPLACEMENT CHARACTER}"}
        return frozenset(token for token, text in _texts(self.tokenizer) if not last.isdisjoint(text))

    @cached_property
    def reach(self) -> int:
        """How many of the last tokens are looked at."""
        return _MARGIN + max(len(string.encode()) for string in self.strings)


def _texts(tokenizer: TextTokenizer) -> Iterable[tuple[int, str]]:
    """Each token twice in a row: what begins a text may lose a space."""
    for first in range(0, tokenizer.vocabulary_size, _BATCH):
        ids = range(first, min(first + _BATCH, tokenizer.vocabulary_size))
        yield from zip(ids, tokenizer.tokenizer.decode_batch([[token, token] for token in ids]), strict=True)
