"""Decontamination: no document may hold a problem that a model will be judged by.

As in the papers, a document is contaminated when it shares `ngram` (13) tokens in a row with a problem's question. A
question of fewer tokens must appear whole. Answers are not searched for: every worked solution of the same kind shares
its steps with every other.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

_TOKEN = re.compile(r"[^\W\d_]+|\d+|[-+*/^=<>]")


def tokens_of(text: str) -> list[str]:
    """Lower-case words, whole numbers and arithmetic signs; spacing, case and other punctuation do not count."""
    return _TOKEN.findall(text.lower())


class Benchmark:
    """The n-grams of the questions, ready to be looked for."""

    def __init__(self, questions: Iterable[str], *, ngram: int) -> None:
        tokenized = [tokens for question in questions if (tokens := tokens_of(question))]
        frequencies = Counter(token for tokens in tokenized for token in tokens)
        # Each n-gram is looked for only where its rarest token stands: most documents hold none of these.
        self._by_anchor: dict[str, dict[tuple[int, int], set[tuple[str, ...]]]] = {}
        for tokens in tokenized:
            for gram in _ngrams(tokens, ngram):
                offset = min(range(len(gram)), key=lambda position: (frequencies[gram[position]], position))
                places = self._by_anchor.setdefault(gram[offset], {})
                places.setdefault((offset, len(gram)), set()).add(gram)
        self._anchors = frozenset(self._by_anchor)

    def overlap(self, text: str) -> str | None:
        """The first run of tokens that the text shares with a question, or None."""
        if not self._anchors:
            return None
        tokens = tokens_of(text)
        if self._anchors.isdisjoint(tokens):
            return None
        for position, token in enumerate(tokens):
            for (offset, length), grams in self._by_anchor.get(token, {}).items():
                start = position - offset
                if start >= 0 and (gram := tuple(tokens[start : start + length])) in grams:
                    return " ".join(gram)
        return None


def _ngrams(tokens: Sequence[str], length: int) -> Iterable[tuple[str, ...]]:
    """Every run of that many tokens; all of the tokens when there are fewer."""
    return (tuple(tokens[start : start + length]) for start in range(max(1, len(tokens) - length + 1)))
