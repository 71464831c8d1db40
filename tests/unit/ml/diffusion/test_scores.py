"""Scores are the paper's, whatever they are computed beside, and what several completions share is computed once."""

import pytest
import torch

from octo.errors import UsageError
from octo.ml.diffusion.denoiser import kind_of
from octo.ml.diffusion.scores import draw_passes, scores, written
from octo.randomness import generator
from octo.settings.coupling import CouplingSettings
from tests.unit.ml.diffusion.models import END_ID, KINDS, MASK_ID, PAD_ID, VOCABULARY_SIZE, small_model
from tests.unit.ml.diffusion.plain_scores import score_plainly

LENGTH = 12
CPU = torch.device("cpu")
ESTIMATORS = ("coupled", "decoupled", "full_mask", "random_prompt")


@pytest.fixture(scope="module")
def model():
    return small_model(spread=20)


def groups(*sizes):
    """Prompts of unequal length, each of them before so many completions, some of which end early, and their keys."""
    prompts, completions, keys = [], [], []
    for number, size in enumerate(sizes):
        random = generator(3, "prompts", number)
        prompt = random.integers(15, 90, size=2 + 3 * number).tolist()
        for place in range(size):
            completion = random.integers(15, 90, size=LENGTH).tolist()
            if (number + place) % 3:
                completion[int(random.integers(0, LENGTH))] = END_ID
            prompts.append(prompt)
            completions.append(completion)
            keys.append((number, place))
    return prompts, completions, keys


def scored(model, prompts, completions, keys, *, settings=None, temperature=0.7, occasion=(4, 1)):
    batch = written(prompts, completions, length=LENGTH, ends=(END_ID,), pad_id=PAD_ID, device=CPU)
    drawn = draw_passes(batch, keys, settings=settings or CouplingSettings(), seed=0, occasion=occasion)
    return scores(model, batch, drawn, kind=kind_of(model.config), temperature=temperature), drawn, batch


def plain(model, prompts, completions, drawn, *, temperature=0.7):
    return [
        score_plainly(model, *each, length=LENGTH, ends=(END_ID,), temperature=temperature)
        for each in zip(prompts, completions, drawn, strict=True)
    ]


def gradient(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def advantages(scores_CL):
    return torch.linspace(-1, 1, scores_CL.numel(), dtype=scores_CL.dtype).view(scores_CL.shape) + 0.2


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_scores_and_their_gradients_are_those_of_logits_everywhere(estimator, name) -> None:
    model = small_model(kind=KINDS[name], spread=20)
    asked = groups(3, 1, 2)
    settings = CouplingSettings(estimator=estimator, num_pairs=2, p_mask_prompt=0.4)
    found, drawn, batch = scored(model, *asked, settings=settings)
    assert found.scores_CL.dtype == torch.float64
    expected_CL = torch.zeros_like(found.scores_CL)
    for row, (told, entropies) in enumerate(plain(model, *asked[:2], drawn)):
        expected_CL[row, : len(told)] = told
        assert batch.scored_CL[row].sum() == len(told)
        torch.testing.assert_close(found.entropies_CL[row, : len(told)], entropies, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(found.scores_CL, expected_CL, rtol=1e-11, atol=1e-11)
    assert (found.scores_CL[~batch.scored_CL] == 0).all()
    assert (found.entropies_CL[~batch.scored_CL] == 0).all()
    weights_CL = advantages(expected_CL)
    expected = gradient(model, (expected_CL * weights_CL).sum())
    for parameter, each in gradient(model, (found.scores_CL * weights_CL).sum()).items():
        # The model's norms are float32, so that their gradients are too.
        assert (each - expected[parameter]).norm() < 1e-6 * expected[parameter].norm()


def test_in_float32_a_loss_is_the_plain_one_to_a_millionth_and_its_gradient_to_ten() -> None:
    model = small_model(spread=20).float()
    asked = groups(4, 2)
    found, drawn, _ = scored(model, *asked)
    expected_CL = torch.zeros_like(found.scores_CL)
    for row, (told, _) in enumerate(plain(model, *asked[:2], drawn)):
        expected_CL[row, : len(told)] = told
    loss, expected_loss = (-(each * advantages(each)).mean() for each in (found.scores_CL, expected_CL))
    assert loss.item() == pytest.approx(expected_loss.item(), rel=1e-6)
    gradients, expected = gradient(model, loss), gradient(model, expected_loss)
    for name, each in gradients.items():
        assert (each - expected[name]).norm() < 1e-5 * expected[name].norm()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_completion_has_the_same_score_and_the_same_masks_in_every_micro_batch(model, estimator) -> None:
    prompts, completions, keys = groups(3, 2, 2)
    settings = CouplingSettings(estimator=estimator)
    together, drawn, _ = scored(model, prompts, completions, keys, settings=settings)
    for rows in ([0], [6], [5, 1], [6, 4, 2, 0], [3, 2]):
        part = [[each[row] for row in rows] for each in (prompts, completions, keys)]
        found, drawn_for_part, _ = scored(model, *part, settings=settings)
        torch.testing.assert_close(found.scores_CL, together.scores_CL[rows], rtol=1e-11, atol=1e-11)
        for own, row in zip(drawn_for_part, rows, strict=True):
            for one, other in zip(own, drawn[row], strict=True):
                assert one.masked_L.tolist() == other.masked_L.tolist()
                assert one.masked_prompt_P.tolist() == other.masked_prompt_P.tolist()


def test_each_pass_of_the_optimizer_has_masks_of_its_own(model) -> None:
    first, second = (scored(model, *groups(2), occasion=(4, number))[0].scores_CL for number in range(2))
    assert (first != second).any(dim=1).all()


def test_a_score_adds_up_what_the_passes_say_by_their_weights(model) -> None:
    found, drawn, batch = scored(model, *groups(2, 1))
    for row, own in enumerate(drawn):
        total = sum(each.weight * found.logprobs_JCL[number, row] for number, each in enumerate(own))
        torch.testing.assert_close(total, found.scores_CL[row].detach())
        masked = torch.stack([torch.from_numpy(each.masked_L) for each in own]) & batch.scored_CL[row]
        assert torch.equal(found.logprobs_JCL[:, row] != 0, masked)
    assert not found.logprobs_JCL.requires_grad
    assert not found.entropies_CL.requires_grad


def canvases_of(model, asked):
    """The canvases that the model reads, and how many states reach the vocabulary."""
    read = []
    hook = model.model.register_forward_pre_hook(
        lambda _, __, options: read.append(options["input_ids"]), with_kwargs=True
    )
    try:
        scored(model, *asked)
    finally:
        hook.remove()
    return read


def test_the_wholly_masked_canvas_of_a_prompt_is_read_once_and_all_in_one_forward_pass(model) -> None:
    prompts, completions, keys = groups(4, 3)
    long = [[token if token != END_ID else 20 for token in each] for each in completions]
    (read_BS,) = canvases_of(model, (prompts, long, keys))
    wholly = (read_BS[:, -LENGTH:] == MASK_ID).all(dim=1)
    assert wholly.sum() == 2
    assert len(read_BS) == 2 * 7 + 2


def test_padding_before_a_prompt_is_told_from_a_prompt_that_begins_with_it(model) -> None:
    prompts, completions, keys = [[PAD_ID, 20], [20]], [[30] * LENGTH] * 2, [(0,), (1,)]
    settings = CouplingSettings(estimator="full_mask")
    together, *_ = scored(model, prompts, completions, keys, settings=settings)
    for row in range(2):
        alone, *_ = scored(model, [prompts[row]], [completions[row]], [keys[row]], settings=settings)
        torch.testing.assert_close(alone.scores_CL[0], together.scores_CL[row], rtol=1e-11, atol=1e-11)


def test_a_canvas_of_which_nothing_is_scored_is_not_read(model) -> None:
    """A completion that ends at once is scored in the whole mask, and in the one half that masks its end."""
    (read_BS,) = canvases_of(model, ([[20, 21]], [[END_ID, *[30] * (LENGTH - 1)]], [(0,)]))
    assert len(read_BS) == 2


def test_what_is_after_the_end_is_never_read(model) -> None:
    prompts, completions, keys = groups(2, 2)
    changed = []
    for completion in completions:
        end = completion.index(END_ID) if END_ID in completion else LENGTH
        changed.append([token if place <= end else MASK_ID for place, token in enumerate(completion)])
    assert changed != completions
    found, expected = (scored(model, prompts, each, keys)[0].scores_CL for each in (changed, completions))
    assert torch.equal(found, expected)


def test_a_head_does_what_it_did_after_scoring_and_after_an_error(model) -> None:
    states = torch.ones(1, 32, dtype=torch.float64)
    before = model.lm_head(states)
    scored(model, *groups(1))
    assert torch.equal(model.lm_head(states), before)
    with pytest.raises(IndexError):
        scored(model, [[VOCABULARY_SIZE]], [[1]], [(0,)])
    assert torch.equal(model.lm_head(states), before)


def test_a_prompt_of_no_token_is_refused() -> None:
    with pytest.raises(UsageError, match="a token or more, got an empty one"):
        written([[]], [[1]], length=1, ends=(), pad_id=0, device=CPU)
