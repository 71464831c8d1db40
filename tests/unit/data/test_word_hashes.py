"""Words have one hash wherever they stand, and no two of them have the same."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from octo.data.word_hashes import hashes_of_words


@given(st.lists(st.binary(min_size=1, max_size=70).filter(lambda word: b" " not in word), max_size=40))
def test_words_have_equal_hashes_where_they_are_equal_and_nowhere_else(words: list[bytes]) -> None:
    found = hashes_of_words(b" ".join(words)).tolist()
    assert len(found) == len(words)
    assert len(set(found)) == len(set(words))
    assert dict(zip(words, found, strict=True)) == {word: hashes_of_words(word).tolist()[0] for word in words}
    assert 0 not in found


def test_where_a_text_is_cut_into_blocks_makes_no_difference() -> None:
    draw = random.Random(0)
    words = [draw.randbytes(draw.choice((1, 3, 9, 47, 48, 49, 300))).replace(b" ", b"_") for _ in range(20_000)]
    # Longer than a block, shorter by one, and as long.
    for place, size in ((5000, 200_000), (9000, 1 << 16), (12_000, (1 << 16) - 1), (15_000, (1 << 16) + 1)):
        words[place] = draw.randbytes(size).replace(b" ", b"_")
    found = hashes_of_words(b" ".join(words))
    assert found.tolist() == [hashes_of_words(word).tolist()[0] for word in words]
    assert len(np.unique(found)) == len(set(words))


def test_patterns_that_polynomials_take_for_each_other_are_told_apart() -> None:
    # Thue and Morse: of 2,048 such letters, any polynomial modulo 2^64 gives the same for the word and its complement.
    letters = "".join("ab"[number.bit_count() % 2] for number in range(2048))
    word, other = letters.encode(), letters.translate(str.maketrans("ab", "ba")).encode()
    for size in (32, 48, 49, 2048):
        first, second = hashes_of_words(word[:size] + b" " + other[:size]).tolist()
        assert first != second


def test_a_million_words_of_a_few_letters_have_a_million_hashes() -> None:
    words = [f"{number:x}" for number in range(1_000_000)]
    assert len(np.unique(hashes_of_words(" ".join(words).encode()))) == len(words)
