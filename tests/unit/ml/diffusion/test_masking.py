"""Masks by their law: complements that cover, noise between its bounds, and random numbers that are nobody else's."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from octo.ml.diffusion.masking import passes
from octo.settings.coupling import CouplingSettings

LENGTH = 7
COUPLED, DECOUPLED = CouplingSettings(), CouplingSettings(estimator="decoupled")
DRAWS = 10_000


def draw(key, settings=COUPLED, *, length=LENGTH, prompt=3, occasion=(0, 0), seed=0):
    return passes((key,), num_prompt_tokens=prompt, length=length, settings=settings, seed=seed, occasion=occasion)


def pairs(settings, count=DRAWS):
    """The first pair of many completions: both masks, and the noise that the first of them was drawn at."""
    drawn = [draw(key, settings) for key in range(count)]
    masks = np.array([[each.masked_L for each in own[1:3]] for own in drawn])
    shares = np.array([[each.weight for each in own] for own in drawn])
    noise = shares[:, 0] / shares[:, 1]
    np.testing.assert_allclose(shares[:, 0] / shares[:, 2], 1 - noise)
    return masks[:, 0], masks[:, 1], noise


def said(found):
    return [(each.masked_L.tolist(), each.masked_prompt_P.tolist(), each.weight) for each in found]


def test_complementary_masks_cover_every_token_exactly_once() -> None:
    first, second, _ = pairs(COUPLED)
    assert (first.astype(int) + second == 1).all()


@pytest.mark.parametrize("settings", [COUPLED, DECOUPLED])
def test_each_mask_covers_a_token_with_the_probability_that_its_weight_is_one_over(settings) -> None:
    first, second, noise = pairs(settings)
    for masks, probability in ((first, noise), (second, 1 - noise)):
        # Of mean 0 and variance 1, each.
        deviations = (masks - probability[:, None]) / np.sqrt(probability * (1 - probability))[:, None]
        assert abs(deviations.mean()) < 4 / deviations.size**0.5
        assert abs(masks.mean() - 0.5) < 0.01


def test_masks_that_are_not_coupled_are_independent_of_each_other() -> None:
    first, second, noise = pairs(DECOUPLED)
    both = noise * (1 - noise)
    deviations = ((first & second) - both[:, None]) / np.sqrt(both * (1 - both))[:, None]
    assert abs(deviations.mean()) < 4 / deviations.size**0.5


def test_tokens_of_one_mask_are_independent_of_each_other() -> None:
    first, _, noise = pairs(COUPLED)
    deviations = (first - noise[:, None]) / np.sqrt(noise * (1 - noise))[:, None]
    products = deviations[:, :-1] * deviations[:, 1:]
    assert abs(products.mean()) < 4 * products.std() / products.size**0.5


@pytest.mark.parametrize(("least", "most"), [(0.2, 0.8), (0.05, 0.3)])
def test_noise_is_uniform_between_its_bounds(least, most) -> None:
    _, _, noise = pairs(CouplingSettings(least_noise=least, most_noise=most))
    ranks = np.sort((noise - least) / (most - least))
    assert ranks[0] >= -1e-12
    assert ranks[-1] <= 1 + 1e-12
    # Kolmogorov's distance at one in ten thousand.
    assert np.abs(ranks - (np.arange(DRAWS) + 0.5) / DRAWS).max() < 2.23 / DRAWS**0.5


@pytest.mark.parametrize("num_pairs", [1, 2, 5])
def test_both_kinds_take_as_many_passes_and_the_first_masks_all(num_pairs) -> None:
    for kind in (COUPLED, DECOUPLED):
        found = draw(0, kind.model_copy(update={"num_pairs": num_pairs}))
        assert len(found) == 2 * num_pairs + 1
        assert found[0].masked_L.all()
        assert found[0].weight == 1 / (num_pairs + 1)
        assert not any(each.masked_prompt_P.any() for each in found)
        assert len({each.weight for each in found[1::2]}) == num_pairs


def test_a_token_that_is_equally_likely_everywhere_scores_three_halves_of_it_in_the_mean() -> None:
    """E[1 / t] times t, twice, and the whole mask's one, over two."""
    for kind, deviation in ((COUPLED, 0.621 / 4), (DECOUPLED, 2.621 / 4)):
        scores = [sum(each.weight * each.masked_L[0] for each in draw(key, kind)) for key in range(DRAWS)]
        assert abs(np.mean(scores) - 1.5) < 4 * (deviation / DRAWS) ** 0.5
        assert np.var(scores) == pytest.approx(deviation, rel=0.05)


def test_the_baselines_mask_all_of_the_completion_and_d1_some_of_the_prompt() -> None:
    (whole,) = draw(0, CouplingSettings(estimator="full_mask"))
    assert (whole.masked_L.all(), whole.masked_prompt_P.any(), whole.weight) == (True, False, 1)
    settings = CouplingSettings(estimator="random_prompt")
    found = [draw(key, settings, prompt=20) for key in range(2000)]
    assert all(len(each) == 1 and each[0].masked_L.all() and each[0].weight == 1 for each in found)
    share = np.mean([each[0].masked_prompt_P for each in found])
    assert abs(share - 0.15) < 4 * (0.15 * 0.85 / 40_000) ** 0.5


@pytest.mark.parametrize("estimator", ["coupled", "decoupled", "random_prompt"])
def test_masks_depend_on_seed_key_and_occasion_and_on_nothing_else(estimator) -> None:
    settings = CouplingSettings(estimator=estimator, num_pairs=2)
    options = {"settings": settings, "length": 40, "prompt": 40}
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002 - that it is left
    found = said(draw(0, **options))
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)
    torch.manual_seed(1)
    draw(1, **options)
    assert said(draw(0, **options)) == found
    others = [draw(1, **options), draw(0, **options, seed=1), draw(0, **options, occasion=(0, 1))]
    assert all(said(each) != found for each in (*others, draw(0, **options, occasion=(1, 0))))


def test_pairs_of_one_completion_differ() -> None:
    found = draw(0, CouplingSettings(num_pairs=2), length=40)
    assert found[1].weight != found[3].weight
    assert (found[1].masked_L != found[3].masked_L).any()


def test_noise_whose_bounds_are_the_wrong_way_round_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"most_noise of 0\.5 \(least_noise\) or more, got 0\.4"):
        CouplingSettings(least_noise=0.5, most_noise=0.4)
