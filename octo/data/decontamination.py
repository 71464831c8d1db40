"""Decontamination: no document may hold a problem that a model will be judged by.

As in the papers, a document is contaminated when it shares `ngram` (13) tokens in a row with a problem's question. A
question of fewer tokens must appear whole. Answers are not searched for: every worked solution of the same kind shares
its steps with every other. Copies are found however they are wrapped, quoted, tagged or disguised; those in other words
are not.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate

from octo.data.lookalikes import disguised
from octo.data.markup import unmarked
from octo.data.verbatim import (
    TOKENS_WINDOW,
    WALL,
    WORDS_WINDOW,
    Passages,
    encoded,
    numbers_in,
    read_back,
    spaced,
    squeezed,
    tokenized,
)

FEW_WORDS = 8
"""A question of fewer words is a phrase that other texts have too, such as `Which of these is true?`. GPT-3, whose
measure that is, looks for no fewer (arXiv 2005.14165, appendix C)."""
_NUMBERS_OF_A_FORMULA, _TOKENS_OF_A_FORMULA = 2, 4
_NUMBERS_THAT_TELL = 3
_BYTES_AT_ONCE = 1 << 14

_TOKEN = re.compile(r"[^\W\d_]+|\d+|[-+*/^=<>]")
_WORD = re.compile(r"[^\W\d_]+|\d+")


def tokens_of(text: str) -> list[str]:
    """Words, whole numbers and arithmetic signs in their form for comparing; other punctuation does not count."""
    return _TOKEN.findall(spaced(disguised(text)))


def why_unprotected(question: str, *, least_words: int) -> str:
    """Why no document can be told to hold the question, in words; empty where it can.

    A formula, of two numbers with something between, needs no words.
    """
    shortest = min((_TOKEN.findall(form) for form in _views(question)), key=_num_words)
    num_words = _num_words(shortest)
    if not num_words:
        return "it is empty"
    num_numbers = sum(map(str.isdigit, shortest))
    is_formula = len(shortest) >= _TOKENS_OF_A_FORMULA and num_numbers >= _NUMBERS_OF_A_FORMULA
    if is_formula or num_words >= least_words:
        return ""
    return f"it has {num_words} {'word' if num_words == 1 else 'words'}, fewer than {least_words}"


class Benchmark:
    """The n-grams of the questions, ready to be looked for."""

    def __init__(self, questions: Iterable[str], *, ngram: int) -> None:
        """Index the questions: some hundred bytes for each of their words.

        Those of words are looked for by their letters and digits alone, the others, formulas among them, token by
        token, for their signs count.
        """
        passages: set[bytes] = set()
        runs: set[bytes] = set()
        for form in dict.fromkeys(form for question in dict.fromkeys(questions) for form in _forms(question)):
            found = _passages(form, ngram)
            passages.update(found)
            if not found and (tokens := _TOKEN.findall(form)):
                runs.update(f" {' '.join(gram)} ".encode(errors="surrogatepass") for gram in _ngrams(tokens, ngram))
        self._passages = Passages(passages, window=WORDS_WINDOW) if passages else None
        self._runs = _Runs(runs) if runs else None

    def overlap(self, text: str) -> str | None:
        """What the text shares with a question, or None. The time is linear in the text."""
        return self._shared(_read(text))

    def overlaps(self, texts: Iterable[str]) -> list[str | None]:
        """The same of each; small ones are looked through many at once, which halves what each takes."""
        found: list[str | None] = []
        together: list[bytes] = []
        for text in texts:
            together.append(_read(text))
            if sum(map(len, together)) >= _BYTES_AT_ONCE:
                found += self._shared_by_each(together)
                together = []
        return found + self._shared_by_each(together)

    def _shared_by_each(self, texts: Sequence[bytes]) -> list[str | None]:
        found = self._shared(WALL.encode().join(texts))
        if found is None or len(texts) == 1:
            return [found] * len(texts)
        middle = len(texts) // 2
        return self._shared_by_each(texts[:middle]) + self._shared_by_each(texts[middle:])

    def _shared(self, text: bytes) -> str | None:
        found = self._passages and self._passages.found_in(squeezed(text))
        if not found and self._runs:
            found = self._runs.found_in(text)
        return read_back(found) if found else None


class _Runs:
    """Runs of tokens, ready to be looked for."""

    def __init__(self, runs: Collection[bytes]) -> None:
        # Most texts have no three numbers in a row that a run has, and are not looked at more closely.
        starts = {tuple(numbers_in(run)[:_NUMBERS_THAT_TELL]) for run in runs}
        self._starts = {
            length: frozenset(each for each in starts if len(each) == length) for length in set(map(len, starts))
        }
        long = [run for run in runs if len(run) >= TOKENS_WINDOW]
        self._long = Passages(long, window=TOKENS_WINDOW) if long else None
        self._short = frozenset(tuple(run.split()) for run in runs if len(run) < TOKENS_WINDOW)

    def found_in(self, raw: bytes) -> bytes | None:
        """A run that the text has, which is as `encoded` gives it; or None."""
        if not self._may_be_in(numbers_in(raw)):
            return None
        text = tokenized(raw)
        return (self._long and self._long.found_in(text)) or (self._short_in(text.split()) if self._short else None)

    def _may_be_in(self, numbers: Sequence[bytes]) -> bool:
        for length, starts in self._starts.items():
            # Of a run without a number nothing is known.
            if not length or not starts.isdisjoint(
                zip(*(numbers[skipped:] for skipped in range(length)), strict=False)
            ):
                return True
        return False

    def _short_in(self, tokens: Sequence[bytes]) -> bytes | None:
        for length in {len(run) for run in self._short}:
            grams = zip(*(tokens[start:] for start in range(length)), strict=False)
            if found := next(filter(self._short.__contains__, grams), None):
                return b" ".join(found)
        return None


def _read(text: str) -> bytes:
    """The text in its form for comparing, as it is and without marks."""
    return encoded(WALL.join(disguised(view) for view in (text, *unmarked(text))))


def _views(question: str) -> Iterator[str]:
    """The question in its form for comparing, as it is and without marks."""
    for view in (question, *unmarked(question)):
        yield spaced(disguised(view))


def _forms(question: str) -> Iterator[str]:
    """What is looked for: the question, and without marks if these have words and enough is left."""
    whole, *others = _views(question)
    yield whole
    for form in others:
        if _num_words(_TOKEN.findall(form)) < _num_words(_TOKEN.findall(whole)) and not why_unprotected(
            form, least_words=FEW_WORDS
        ):
            yield form


def _num_words(tokens: Iterable[str]) -> int:
    return sum(token[0].isalnum() for token in tokens)


def _passages(form: str, ngram: int) -> list[bytes]:
    """Every run of `ngram` words, squeezed; the whole where there are fewer; none where the words are too few."""
    words = _WORD.findall(form)
    length = min(ngram, len(words))
    if length < FEW_WORDS:
        return []
    whole = squeezed(encoded(form))
    ends = [0, *accumulate(len(word.encode(errors="surrogatepass")) for word in words)]
    found = [whole[begin:end] for begin, end in zip(ends, ends[length:], strict=False)]
    return found if all(len(each) >= WORDS_WINDOW for each in found) else []


def _ngrams(tokens: Sequence[str], length: int) -> Iterable[tuple[str, ...]]:
    """Every run of that many tokens; all of the tokens when there are fewer."""
    return (tuple(tokens[start : start + length]) for start in range(max(1, len(tokens) - length + 1)))
