"""Questions and answers, as masked diffusion trains on them."""

import pytest
import torch

from octo.ml.diffusion.examples import Example, clean_examples, conditional_share, is_conditional, num_maskable
from tests.unit.ml.diffusion.models import KINDS, PAD_ID
from tests.unit.ml.seeing import seen

EXAMPLES = [Example("a", [1, 2, 3], [4, 5, 0]), Example("b", [6], [7, 0])]


def laid_out(conditional: list[bool], *, kind: str = "adapted"):
    return clean_examples(EXAMPLES, conditional, length=5, kind=KINDS[kind], device=torch.device("cpu"))


def test_answers_are_filled_up_with_pads_that_are_predicted_and_questions_are_given() -> None:
    clean = laid_out([True, True])
    assert clean.tokens_BS.tolist() == [
        [1, 2, 3, 4, 5, 0, PAD_ID, PAD_ID],
        [PAD_ID, PAD_ID, 6, 7, 0, PAD_ID, PAD_ID, PAD_ID],
    ]
    assert clean.maskable_BS.tolist() == [[False] * 3 + [True] * 5] * 2
    assert clean.sight.positions_BS[1].tolist() == [0, 0, 0, 1, 2, 3, 4, 5]
    assert num_maskable(EXAMPLES, [True, True], kind=KINDS["adapted"], length=5) == 10


def test_a_question_that_is_not_given_is_noised_but_for_its_first_token() -> None:
    clean = laid_out([False, False])
    assert clean.maskable_BS.tolist() == [[False] + [True] * 7, [False] * 3 + [True] * 5]
    assert num_maskable(EXAMPLES, [False, False], kind=KINDS["adapted"], length=5) == clean.maskable_BS.sum()


def test_where_a_state_predicts_its_own_token_the_first_is_noised_too() -> None:
    clean = laid_out([False, False], kind="unshifted")
    assert clean.maskable_BS.tolist() == [[True] * 8, [False] * 2 + [True] * 6]
    assert num_maskable(EXAMPLES, [False, False], kind=KINDS["unshifted"], length=5) == clean.maskable_BS.sum()


def test_blocks_are_counted_from_where_a_question_begins() -> None:
    sees_SS = seen(laid_out([True, True], kind="blocks").sight.documents())[1, 0]
    assert sees_SS[2].tolist() == [False] * 2 + [True] * 4 + [False] * 2
    assert sees_SS[6].tolist() == [False] * 2 + [True] * 6


def test_padding_on_the_left_is_seen_by_nobody_and_a_prefix_does_not_see_its_answer() -> None:
    sees_SS = seen(laid_out([True, True], kind="apart").sight.documents())[1, 0]
    assert not sees_SS[2:, :2].any()
    assert sees_SS[2].tolist() == [False, False, True] + [False] * 5
    assert sees_SS[3:, 2:].all()


def test_no_question_is_masked_in_ten_thousand_draws_once_all_are_given() -> None:
    assert all(is_conditional("a", visit, seed=0, share=1.0) for visit in range(10_000))


@pytest.mark.parametrize(("epoch", "share"), [(0, 0), (0.5, 0.25), (1, 0.5), (2, 1), (5, 1)])
def test_the_share_of_given_questions_rises_evenly(epoch, share) -> None:
    assert conditional_share(epoch, 2.0) == share
    assert conditional_share(epoch, 0.0) == 1
    given = sum(is_conditional("a", visit, seed=0, share=share) for visit in range(4000)) / 4000
    assert abs(given - share) < 0.03
