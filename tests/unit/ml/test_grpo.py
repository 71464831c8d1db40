import math

import pytest
import torch

from octo.ml.rl.grpo import group_advantages, groups_without_variance, k3, policy_loss


def test_advantages_are_deviations_from_the_mean_of_their_own_group() -> None:
    advantages_PG = group_advantages(torch.tensor([[1.0, 0.0], [3.0, 1.0]]), normalize=False)
    assert advantages_PG.tolist() == [[0.5, -0.5], [1.0, -1.0]]


def test_a_group_of_equal_rewards_has_no_advantage_and_no_nan() -> None:
    assert group_advantages(torch.ones(1, 8), normalize=True).tolist() == [[0.0] * 8]


def test_normalized_advantages_have_unit_deviation() -> None:
    advantages_PG = group_advantages(torch.tensor([[1.0, 0.0, 0.0, 1.0]]), normalize=True)
    assert math.isclose(advantages_PG.std().item(), 1.0, rel_tol=1e-5)


def test_the_gradient_on_the_sampling_policy_is_that_of_the_formula() -> None:
    # Where the ratio is 1, d loss / d logprob = -advantage / tokens, and nothing at masked tokens.
    logprobs_CT = torch.tensor([[-1.0, -2.0], [-0.5, -0.1]], requires_grad=True)
    result = policy_loss(
        logprobs_CT,
        logprobs_CT.detach(),
        torch.tensor([2.0, -1.0]),
        torch.tensor([[1.0, 1.0], [1.0, 0.0]]),
        num_tokens=3,
        clip_low=0.2,
        clip_high=0.2,
    )
    result.loss.backward()
    assert torch.allclose(logprobs_CT.grad, torch.tensor([[-2 / 3, -2 / 3], [1 / 3, 0.0]]))
    assert math.isclose(result.loss.item(), -(2 + 2 - 1) / 3, rel_tol=1e-6)
    assert result.clip_fraction.item() == 0


def test_a_clipped_token_has_no_gradient_where_it_already_moved_far_enough() -> None:
    old_CT = torch.tensor([[-1.0], [-1.0], [-1.0], [-1.0]])
    up, down = math.log(1.5), math.log(0.5)
    logprobs_CT = (old_CT + torch.tensor([[up], [down], [up], [down]])).requires_grad_()
    advantages_C = torch.tensor([1.0, 1.0, -1.0, -1.0])
    result = policy_loss(logprobs_CT, old_CT, advantages_C, torch.ones(4, 1), num_tokens=4, clip_low=0.2, clip_high=0.2)
    result.loss.backward()
    gradient = logprobs_CT.grad.flatten().tolist()
    assert gradient[0] == 0  # good, and already likelier
    assert gradient[1] < 0  # good, and became rarer: push back
    assert gradient[2] > 0  # bad, and became likelier: push back
    assert gradient[3] == 0  # bad, and already rarer
    assert result.clip_fraction.item() == 0.5


def test_micro_batches_add_up_to_the_whole_batch() -> None:
    torch.manual_seed(0)
    logprobs_CT, old_CT, advantages_C = torch.randn(6, 5), torch.randn(6, 5), torch.randn(6)
    mask_CT = (torch.rand(6, 5) > 0.3).float()
    tokens = int(mask_CT.sum())
    rows = (slice(0, 6), slice(0, 2), slice(2, 6))
    whole, first, second = (
        policy_loss(
            logprobs_CT[part],
            old_CT[part],
            advantages_C[part],
            mask_CT[part],
            num_tokens=tokens,
            clip_low=0.2,
            clip_high=0.3,
        ).loss
        for part in rows
    )
    assert torch.allclose(whole, first + second)


def test_a_completion_without_a_verdict_leaves_its_group_s_mean_and_deviation() -> None:
    rewards_PG = torch.tensor([[1.0, math.nan, 0.0, 2.0], [1.0, 0.0, 0.0, 1.0]])
    plain_PG = group_advantages(rewards_PG, normalize=False)
    assert plain_PG.tolist() == [[0.0, 0.0, -1.0, 1.0], [0.5, -0.5, -0.5, 0.5]]
    # The deviation of 1, 0 and 2 is 1.
    normalized_PG = group_advantages(rewards_PG, normalize=True)
    assert torch.allclose(normalized_PG[0], torch.tensor([0.0, 0.0, -1.0, 1.0]), atol=1e-5)


def test_a_group_with_one_verdict_or_none_teaches_nothing() -> None:
    rewards_PG = torch.tensor([[2.0, math.nan, math.nan], [math.nan] * 3])
    for normalize in (True, False):
        assert group_advantages(rewards_PG, normalize=normalize).tolist() == [[0.0] * 3] * 2
    assert groups_without_variance(rewards_PG).tolist() == [True, True]
    assert groups_without_variance(torch.tensor([[2.0, math.nan, 1.0]])).tolist() == [False]


def test_equal_rewards_whose_mean_is_rounded_teach_nothing() -> None:
    # 2/3 of the tests passed: the mean of eight such rewards is not one of them.
    rewards_PG = torch.full((1, 8), 2 * 2 / 3 + 0.5)
    assert rewards_PG.mean() != rewards_PG[0, 0]
    assert group_advantages(rewards_PG, normalize=True).tolist() == [[0.0] * 8]


@pytest.mark.parametrize("normalize", [True, False])
def test_where_every_completion_has_a_verdict_advantages_are_those_of_the_whole_tensor(*, normalize: bool) -> None:
    rewards_PG = (torch.rand(40, 9, generator=torch.Generator().manual_seed(1)) < 0.4).float()
    whole_PG = rewards_PG - rewards_PG.mean(dim=-1, keepdim=True)
    if normalize:
        whole_PG = whole_PG / (rewards_PG.std(dim=-1, keepdim=True) + 1e-6)
    assert torch.equal(group_advantages(rewards_PG, normalize=normalize), whole_PG)


def test_k3_is_never_negative_and_in_the_mean_over_the_policy_the_divergence() -> None:
    policy_V, reference_V = (torch.tensor(each).log() for each in ([0.5, 0.3, 0.2], [0.2, 0.2, 0.6]))
    found_V = k3(policy_V, reference_V)
    assert (found_V > 0).all()
    assert torch.equal(k3(policy_V, policy_V), torch.zeros(3))
    divergence = (policy_V.exp() * (policy_V - reference_V)).sum()
    assert torch.allclose((policy_V.exp() * found_V).sum(), divergence)


def test_k3_of_a_policy_that_is_nearly_the_reference_is_half_the_square_of_what_is_between_them() -> None:
    """Where an exponential less one less its argument would be rounded to nothing."""
    assert torch.allclose(k3(torch.zeros(1), torch.full((1,), 1e-3)), torch.tensor([5.0017e-7]), rtol=1e-3)
