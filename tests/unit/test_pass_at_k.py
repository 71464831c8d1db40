from itertools import combinations

import pytest

from octo.pass_at_k import pass_at_k


@pytest.mark.parametrize("num_correct", range(7))
@pytest.mark.parametrize("k", range(1, 7))
def test_pass_at_k_equals_counting_every_choice_of_k_samples(num_correct: int, k: int) -> None:
    samples = [1] * num_correct + [0] * (6 - num_correct)
    choices = list(combinations(samples, k))
    assert pass_at_k(6, num_correct, k) == pytest.approx(sum(map(any, choices)) / len(choices))


@pytest.mark.parametrize("k", [0, 7])
def test_a_k_that_the_samples_cannot_serve_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match="k must lie between 1 and the 6 samples"):
        pass_at_k(6, 3, k)
