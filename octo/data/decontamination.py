"""Decontamination: no document may hold a problem that a model will be judged by.

As in the papers, a document is contaminated when it shares `ngram` (13) tokens in a row with a problem's question. A
question of fewer tokens must appear whole. Answers are not searched for: every worked solution of the same kind shares
its steps with every other. Copies are found however they are wrapped, quoted, tagged or disguised; those in other words
are not.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from octo.data.lookalikes import disguised
from octo.data.markup import has_marks, has_marks_within, has_words_between, unmarked
from octo.data.verbatim import WINDOW, Passages, squeezed

FEW_WORDS = 8
"""A question of fewer words is a phrase that other texts have too, such as `Which of these is true?`. GPT-3, whose
measure that is, looks for no fewer (arXiv 2005.14165, appendix C)."""
_NUMBERS_OF_A_FORMULA, _TOKENS_OF_A_FORMULA = 2, 4

_TOKEN = re.compile(r"[^\W\d_]+|\d+|[-+*/^=<>]")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_NUMBER = re.compile(r"\d+")
# Thai to Lao, Burmese, Khmer, Chinese and Japanese have no spaces between words: each character counts as one.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")


def tokens_of(text: str) -> list[str]:
    """Words, whole numbers and arithmetic signs in their form for comparing; other punctuation does not count."""
    return _TOKEN.findall(_spaced(disguised(text)))


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
        """Index the questions: a dictionary's entry for each of their tokens.

        Those of words are looked for by their letters and digits alone, the others, formulas among them, token by
        token, for their signs count.
        """
        passages: list[bytes] = []
        formulas: list[list[str]] = []
        for form in dict.fromkeys(form for question in questions for form in _forms(question)):
            found = _passages(form, ngram)
            passages += found
            if not found and (tokens := _TOKEN.findall(form)):
                formulas.append(tokens)
        self._passages = Passages(passages) if passages else None
        self._runs = _Runs(formulas, ngram=ngram) if formulas else None

    def overlap(self, text: str) -> str | None:
        """What the text shares with a question, or None. The time is linear in the text."""
        form = disguised(text)
        return self._passage(form, text) or self._run(form, text)

    def _passage(self, form: str, text: str) -> str | None:
        if self._passages is None:
            return None
        found = self._passages.first_in(squeezed(form))
        if found is None and has_words_between(text):
            views = (squeezed(disguised(view)) for view in unmarked(text))
            found = next((hit for view in views if (hit := self._passages.first_in(view))), None)
        return found.decode(errors="replace") if found else None

    def _run(self, form: str, text: str) -> str | None:
        if self._runs is None:
            return None
        may_be_there = self._runs.may_be_in(form)
        if may_be_there and (found := self._runs.run_in(_TOKEN.findall(_spaced(form)))):
            return found
        # Without its marks, a text has the same numbers but those that a mark stands within.
        if has_marks_within(text) or (may_be_there and has_marks(text)):
            return next((hit for view in unmarked(text) if (hit := self._runs.run_in(tokens_of(view)))), None)
        return None


class _Runs:
    """Runs of tokens, ready to be looked for."""

    def __init__(self, tokenized: Sequence[Sequence[str]], *, ngram: int) -> None:
        frequencies = Counter(token for tokens in tokenized for token in tokens)
        # Each n-gram is looked for only where its rarest token stands: most documents hold none of these.
        self._by_anchor: dict[str, dict[tuple[int, int], set[tuple[str, ...]]]] = {}
        self._numbers_by_anchor: dict[str, set[frozenset[str]]] = {}
        self._has_one_without_numbers = False
        for gram in dict.fromkeys(gram for tokens in tokenized for gram in _ngrams(tokens, ngram)):
            offset = min(range(len(gram)), key=lambda position: (frequencies[gram[position]], position))
            self._by_anchor.setdefault(gram[offset], {}).setdefault((offset, len(gram)), set()).add(gram)
            numbers = frozenset(filter(str.isdigit, gram))
            if numbers:
                rarest = min(numbers, key=lambda number: (frequencies[number], number))
                self._numbers_by_anchor.setdefault(rarest, set()).add(numbers)
            else:
                self._has_one_without_numbers = True
        self._anchors = frozenset(self._by_anchor)

    def may_be_in(self, form: str) -> bool:
        """Whether all numbers of any run are there, wherever they stand."""
        if self._has_one_without_numbers:
            return True
        present = set(_NUMBER.findall(form))
        return any(
            present.issuperset(numbers)
            for anchor in self._numbers_by_anchor.keys() & present
            for numbers in self._numbers_by_anchor[anchor]
        )

    def run_in(self, tokens: Sequence[str]) -> str | None:
        """The run that the tokens have first, or None."""
        anchors = self._anchors
        if anchors.isdisjoint(tokens):
            return None
        for position in [place for place, token in enumerate(tokens) if token in anchors]:
            for (offset, length), grams in self._by_anchor[tokens[position]].items():
                start = position - offset
                if start >= 0 and (gram := tuple(tokens[start : start + length])) in grams:
                    return " ".join(gram)
        return None


def _views(question: str) -> Iterator[str]:
    """The question in its form for comparing, as it is and without marks."""
    for view in (question, *unmarked(question)):
        yield _spaced(disguised(view))


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
    words = list(_WORD.finditer(form))
    length = min(ngram, len(words))
    if length < FEW_WORDS:
        return []
    found = [
        squeezed(form[first.start() : last.end()]) for first, last in zip(words, words[length - 1 :], strict=False)
    ]
    return found if all(len(each) >= WINDOW for each in found) else []


def _spaced(form: str) -> str:
    return form if form.isascii() else _UNSPACED.sub(r" \g<0> ", form)


def _ngrams(tokens: Sequence[str], length: int) -> Iterable[tuple[str, ...]]:
    """Every run of that many tokens; all of the tokens when there are fewer."""
    return (tuple(tokens[start : start + length]) for start in range(max(1, len(tokens) - length + 1)))
