"""Bias and variance of each estimator, enumerated: a vocabulary of two tokens, completions of three, all eight masks.

The model is a table of logits for every canvas. What an estimator is meant to tell of token k is its log-probability
in the mean over noise levels t and masks M, each that masks k weighing 1 / t: the token's term of the bound that
diffusion is trained by. Means over masks are sums, those over t quadratures that are exact to the last digits.
"""

from functools import cache
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from octo.ml.diffusion.denoiser import Kind
from octo.ml.diffusion.scores import draw_passes, scores, written
from octo.ml.diffusion.variance import variances
from octo.randomness import generator
from octo.settings.coupling import CouplingSettings

L = 3
MASK_ID, PAD_ID = 2, 0
KIND = Kind(MASK_ID, PAD_ID, "bidirectional")
PROMPT = [1]
COMPLETIONS = [tuple(each) for each in product((0, 1), repeat=L)]
MASKS = [np.array(each) for each in product((False, True), repeat=L)]
ALL = MASKS[-1]
LEAST, MOST = 0.2, 0.8
DRAWS = 4000
SETTINGS = {name: CouplingSettings(estimator=name) for name in ("coupled", "decoupled", "full_mask", "random_prompt")}


class Table(nn.Module):
    """Logits by canvas: three tokens or masks, after a prompt of a token or a mask."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        super().__init__()
        self.logits = torch.from_numpy(generator(0, "table").normal(0, 1.5, (3, 3, 3, 3, L, 2)))
        self.lm_head = nn.Linear(2, 2, bias=False, dtype=torch.float64)
        self.lm_head.weight.data.copy_(torch.eye(2))

    def get_output_embeddings(self) -> nn.Module:
        return self.lm_head

    def forward(self, input_ids, **_):
        hidden = self.logits.new_zeros(*input_ids.shape, 2)
        hidden[:, :L] = self.logits[tuple(input_ids.t())]
        return SimpleNamespace(logits=self.lm_head(hidden))


TABLE = Table()
LOGPROBS = TABLE.logits.log_softmax(dim=-1).numpy()
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)
NOISE = (LEAST + MOST) / 2 + (MOST - LEAST) / 2 * NODES
SHARES = WEIGHTS / 2


def told(completion, mask, *, prompt=PROMPT[0]):
    """By token, its log-probability where the completion is masked so."""
    canvas = np.where(mask, MASK_ID, completion)
    return LOGPROBS[(prompt, *canvas)][np.arange(L), np.array(completion)]


def probability(mask, noise):
    return noise ** mask.sum() * (1 - noise) ** (L - mask.sum())


def over_noise(integrand):
    return sum(share * integrand(noise) for share, noise in zip(SHARES, NOISE, strict=True))


def target(completion):
    """What is to be told: by token, E[1{k masked} / t * log p]."""
    return over_noise(lambda t: sum(probability(mask, t) * mask / t * told(completion, mask) for mask in MASKS))


def moments(completion, estimator, power):
    """By token, the mean of a power of its score."""
    whole = told(completion, ALL)
    if estimator == "full_mask":
        return whole**power
    if estimator == "random_prompt":
        p = SETTINGS[estimator].p_mask_prompt
        return (1 - p) * whole**power + p * told(completion, ALL, prompt=MASK_ID) ** power

    def given(t):
        total = 0
        for mask in MASKS:
            partners = [~mask] if estimator == "coupled" else MASKS
            for partner in partners:
                chance = probability(mask, t) * (1 if estimator == "coupled" else probability(partner, 1 - t))
                pair = mask / t * told(completion, mask) + partner / (1 - t) * told(completion, partner)
                total = total + chance * ((whole + pair) / 2) ** power
        return total

    return over_noise(given)


@cache
def exact(completion, estimator):
    mean = moments(completion, estimator, 1)
    return mean, moments(completion, estimator, 2) - mean**2


def drawn_scores(completion, settings, *, draws=DRAWS, first=0):
    """What octo makes of it, under so many draws of masks; shape draws, L."""
    batch = written(
        [PROMPT] * draws, [completion] * draws, length=L, ends=(), pad_id=PAD_ID, device=torch.device("cpu")
    )
    drawn = draw_passes(batch, [(first + key,) for key in range(draws)], settings=settings, seed=0, occasion=(0, 0))
    return scores(TABLE, batch, drawn, kind=KIND).scores_CL.detach().numpy()


@pytest.mark.parametrize("completion", COMPLETIONS)
@pytest.mark.parametrize("estimator", SETTINGS)
def test_what_is_drawn_has_the_enumerated_mean_and_variance(estimator, completion) -> None:
    mean, variance = exact(completion, estimator)
    found = drawn_scores(completion, SETTINGS[estimator])
    assert (abs(found.mean(axis=0) - mean) <= 4.5 * (variance / DRAWS) ** 0.5 + 1e-12).all()
    squares = (found - mean) ** 2
    assert (abs(squares.mean(axis=0) - variance) <= 4.5 * squares.std(axis=0) / DRAWS**0.5 + 1e-12).all()


@pytest.mark.parametrize("completion", COMPLETIONS)
def test_pairs_are_unbiased_and_the_baselines_are_not(completion) -> None:
    whole, true = told(completion, ALL), target(completion)
    for estimator in ("coupled", "decoupled"):
        mean, _ = exact(completion, estimator)
        # The score has two parts, of one log-probability each: the whole mask's half, and what the pair tells.
        np.testing.assert_allclose(mean - whole / 2, true, atol=1e-12)
    for estimator in ("full_mask", "random_prompt"):
        mean, _ = exact(completion, estimator)
        assert (abs(mean - true) > 1e-3).all()


@pytest.mark.parametrize("completion", COMPLETIONS)
def test_coupled_scores_vary_less_than_decoupled_ones_at_equal_forward_passes(completion) -> None:
    true = target(completion)
    _, coupled = exact(completion, "coupled")
    _, decoupled = exact(completion, "decoupled")
    assert (coupled < decoupled).all()

    # E[XY] of a pair's halves is 0 when they are coupled, and E[a(t) a(1 - t)] when they are not.
    def told_at(t):
        return sum(probability(mask, t) * mask / t * told(completion, mask) for mask in MASKS)

    product_of_halves = over_noise(lambda t: told_at(t) * told_at(1 - t))
    np.testing.assert_allclose(decoupled - coupled, product_of_halves / 2, atol=1e-12)
    # Beside halves drawn at noise levels of their own too: by the target squared (the paper's proof).
    apart = moments_apart(completion) - (true / 2 + true / 2) ** 2
    np.testing.assert_allclose(apart - coupled, true**2 / 2, atol=1e-12)


def moments_apart(completion):
    """The mean of the square of what two halves tell that share nothing, each by half."""
    square = over_noise(
        lambda t: sum(probability(mask, t) * (mask / t * told(completion, mask) / 2) ** 2 for mask in MASKS)
    )
    return 2 * square + 2 * (target(completion) / 2) ** 2


@pytest.mark.parametrize("completion", COMPLETIONS)
def test_drawn_variances_confirm_it_with_intervals_that_lie_apart(completion) -> None:
    """Of the mean over tokens, at 99.9 percent; the enumerated variance lies within."""
    intervals = {}
    for estimator in ("coupled", "decoupled"):
        mean, variance = exact(completion, estimator)
        squares = ((drawn_scores(completion, SETTINGS[estimator]) - mean) ** 2).mean(axis=1)
        half = 3.29 * squares.std() / DRAWS**0.5
        intervals[estimator] = (squares.mean() - half, squares.mean() + half)
        assert intervals[estimator][0] < variance.mean() < intervals[estimator][1]
    assert intervals["coupled"][1] < intervals["decoupled"][0]


@pytest.mark.parametrize("estimator", ["coupled", "decoupled"])
@pytest.mark.parametrize("num_pairs", [2, 3])
def test_more_pairs_tell_their_mean_and_vary_less(estimator, num_pairs) -> None:
    completion = COMPLETIONS[3]
    whole, true = told(completion, ALL), target(completion)
    _, of_one = exact(completion, estimator)
    found = drawn_scores(completion, CouplingSettings(estimator=estimator, num_pairs=num_pairs))
    mean = (whole + 2 * num_pairs * true) / (num_pairs + 1)
    variance = num_pairs * 4 * of_one / (num_pairs + 1) ** 2
    assert (abs(found.mean(axis=0) - mean) < 4.5 * (variance / DRAWS) ** 0.5).all()
    np.testing.assert_allclose(found.var(axis=0), variance, rtol=0.15)


@pytest.mark.parametrize("num_draws", [2, 5])
def test_the_variances_that_a_training_shows_are_those_in_the_mean(num_draws) -> None:
    count = 200
    rows = [completion for completion in COMPLETIONS for _ in range(count)]
    batch = written([PROMPT] * len(rows), rows, length=L, ends=(), pad_id=PAD_ID, device=torch.device("cpu"))
    found = variances(
        lambda drawn: scores(TABLE, batch, drawn, kind=KIND).scores_CL,
        batch,
        [(key,) for key in range(len(rows))],
        settings=CouplingSettings(estimator="full_mask"),
        seed=0,
        occasion=(0,),
        num_draws=num_draws,
    )
    for each, estimator in zip(found.tolist(), ("coupled", "decoupled"), strict=True):
        true = np.mean([exact(completion, estimator)[1] for completion in COMPLETIONS])
        assert each == pytest.approx(true, rel=0.12)
    assert found[0] < found[1]
