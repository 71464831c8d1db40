"""datatrove's rules of Gopher, C4 and FineWeb over a file of JSON lines; run by an interpreter that has datatrove.

First the rate of the four filters one after another, each on what the one before has left, with the words that
datatrove takes (spaCy's); then what each says of every document, where words are what white space separates.
"""

import json
import sys
import time
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils import text, word_tokenizers

WARM_UP = 20


class _Spaces:
    """Words as white space separates them; sentences as they are told otherwise."""

    def __init__(self) -> None:
        self._others = word_tokenizers.load_word_tokenizer("eng")

    def word_tokenize(self, given: str) -> list[str]:
        return given.split()

    def span_tokenize(self, given: str) -> list[tuple[int, int]]:
        return self._others.span_tokenize(given)


def main(corpus: Path) -> None:
    """Print the processor seconds, how many are left, and each filter's verdicts."""
    texts = [json.loads(line)["text"] for line in corpus.open()]
    filters = [
        GopherQualityFilter(),
        GopherRepetitionFilter(),
        C4QualityFilter(min_num_sentences=3, min_words_per_line=5),
        FineWebQualityFilter(),
    ]
    _left(texts[:WARM_UP], filters)
    began = time.process_time()
    left = _left(texts, filters)
    seconds = time.process_time() - began
    spaces = _Spaces()
    word_tokenizers.load_word_tokenizer = lambda _language: spaces
    text.split_into_parts.cache_clear()
    verdicts = {type(each).__name__: [_reason(each, given) for given in texts] for each in filters}
    print(json.dumps({"seconds": seconds, "left": left, "verdicts": verdicts}))


def _left(texts: list[str], filters: list[object]) -> int:
    count = 0
    for number, given in enumerate(texts):
        document = Document(text=given, id=str(number))
        count += all(each.filter(document) is True for each in filters)
    return count


def _reason(each: object, given: str) -> str | None:
    found = each.filter(Document(text=given, id="0")) if given else (False, "empty")
    return None if found is True else found[1]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
