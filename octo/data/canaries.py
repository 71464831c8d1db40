"""Canaries: copies of a benchmark's questions that are made up to tell how many of which kind the gate finds.

They are looked through by what looks through documents, in memory: none is part of what a model learns from. Which
questions are copied depends on the questions alone.
"""

import html
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from octo.data.decontamination import Benchmark
from octo.errors import InputError
from octo.randomness import permutation

NUM_OF_EACH_KIND = 16
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[^\W_]+")
_FEWEST_WORDS = 8
_LINES_OF_A_PAGE = 300
_EVERY = 4
"""Of the words of a question that is reworded, one in so many is another."""
_BEFORE = "The committee met again on a rainy evening, and nobody could agree about the minutes of the meeting before."
_AFTER = (
    "Afterwards they walked home along the canal, past the shuttered bakery, the swings and the empty market stalls."
)
_OTHER_WORDS = ("perhaps", "somewhere", "quietly", "indeed", "altogether", "meanwhile")


class Canary(BaseModel):
    """How one kind of copies fared."""

    model_config = ConfigDict(frozen=True)

    kind: str
    planted: int
    found: int
    clean: int
    """Texts of the same kind and the same words, in another order, which hold no question."""
    called_copies: int
    """Of these, those that were called copies none the less."""
    least_recall: float

    @property
    def recall(self) -> float | None:
        """The share of planted copies that was found; None where no question has a copy of this kind."""
        return self.found / self.planted if self.planted else None

    @property
    def precision(self) -> float | None:
        """The share of copies among what was called one; None where nothing was."""
        called = self.found + self.called_copies
        return self.found / called if called else None


def plant(
    questions: Iterable[str], benchmark: Benchmark, *, ngram: int, least_recall: Mapping[str, float]
) -> tuple[Canary, ...]:
    """How many copies of each kind the benchmark finds, some milliseconds a kind.

    Raises:
        InputError: fewer of a kind than its least recall.
    """
    asked = sorted(set(questions))
    order = [asked[place] for place in permutation(asked, 0, "canaries")]
    found = tuple(_fared(kind, order, benchmark, ngram, least_recall[kind]) for kind in KINDS) if asked else ()
    for canary in found:
        if canary.recall is not None and canary.recall < canary.least_recall:
            raise InputError(
                f"of {canary.planted} copies of questions that were planted as {canary.kind}, {canary.found} were "
                f"found, less than the share of {canary.least_recall:g} that --canary-recall asks for: what is kept "
                "could not be trusted; make the benchmark's questions longer or plainer, or ask for less of this kind"
            )
    return found


def _fared(kind: str, questions: Sequence[str], benchmark: Benchmark, ngram: int, least_recall: float) -> Canary:
    copied = KINDS[kind]
    copies: list[str] = []
    clean: list[str] = []
    for question in questions:
        if len(copies) == NUM_OF_EACH_KIND:
            break
        if copy := copied(question, ngram):
            copies.append(copy)
            if len(_WORD.findall(question)) >= _FEWEST_WORDS:
                clean.append(copied(" ".join(reversed(question.split())), ngram))
    return Canary(
        kind=kind,
        planted=len(copies),
        found=sum(each is not None for each in benchmark.overlaps(copies)),
        clean=len(clean),
        called_copies=sum(each is not None for each in benchmark.overlaps(clean)),
        least_recall=least_recall,
    )


def _among(question: str) -> str:
    return f"{_BEFORE}\n\n{question}\n\n{_AFTER}"


def _exact(question: str, _ngram: int) -> str:
    return _among(question)


def _without_answer(question: str, _ngram: int) -> str:
    return question


def _wrapped(question: str, _ngram: int) -> str:
    return _among(textwrap.indent(textwrap.fill(question, width=32, break_long_words=False), "> "))


def _hyphenated(question: str, _ngram: int) -> str:
    """A long word in two lines, or with a hyphen that nobody sees."""
    return _among(re.sub(r"([a-z]{3})([a-z]{3})", "\\1-\n\\2", question.replace("ing", "\u00ading"), count=3))


def _tagged(question: str, _ngram: int) -> str:
    return _among(" ".join(f"<b>{html.escape(word)}</b>" for word in question.split()))


def _full_width(question: str, _ngram: int) -> str:
    return _among("".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in question))


def _short_line(question: str, _ngram: int) -> str:
    """On one line of a page of some 30 kB."""
    lines = [_BEFORE if line % 2 else _AFTER for line in range(_LINES_OF_A_PAGE)]
    return "\n".join([*lines, " ".join(question.split()), *lines])


def _half(question: str, ngram: int, *, is_second: bool) -> str:
    """Empty where a half has fewer words than tell a question."""
    words = question.split()
    middle = len(words) // 2
    half = " ".join(words[middle:] if is_second else words[:middle])
    return _among(half) if len(_WORD.findall(half)) >= max(ngram, _FEWEST_WORDS) else ""


def _reworded(question: str, _ngram: int) -> str:
    """Every few words another. Empty where the words are too few for that."""
    words = question.split()
    if len(words) < _FEWEST_WORDS:
        return ""
    return _among(
        " ".join(_OTHER_WORDS[at % len(_OTHER_WORDS)] if at % _EVERY == 1 else word for at, word in enumerate(words))
    )


def _numbers_changed(question: str, _ngram: int) -> str:
    """Empty for formulas, which are others then, and for what has no number."""
    changed = _NUMBER.sub(lambda number: str(int(number[0][-9:]) + 1), question)
    return _among(changed) if changed != question and len(_WORD.findall(question)) >= 2 * _FEWEST_WORDS else ""


KINDS: Mapping[str, Callable[[str, int], str]] = {
    "exact": _exact,
    "without_answer": _without_answer,
    "wrapped": _wrapped,
    "hyphenated": _hyphenated,
    "tagged": _tagged,
    "full_width": _full_width,
    "short_line": _short_line,
    "first_half": lambda question, ngram: _half(question, ngram, is_second=False),
    "second_half": lambda question, ngram: _half(question, ngram, is_second=True),
    "reworded": _reworded,
    "numbers_changed": _numbers_changed,
}
"""The copies of a question, empty where it has none of the kind. They are among other text, but for one."""
