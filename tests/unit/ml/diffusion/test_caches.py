"""What is shared between steps changes nothing where it is exact, and is what it says where it is not."""

from dataclasses import replace

import pytest
import torch
from transformers import DynamicCache

from octo.errors import UsageError
from octo.ml.diffusion import finished
from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.drafting import denoise_by_drafts
from octo.ml.diffusion.sampler import Hooks, denoise
from octo.settings.denoising import DenoisingSettings
from tests.unit.ml.diffusion.models import END_ID, KINDS, MASK_ID, small_model, some_requests
from tests.unit.ml.diffusion.plain_sampler import Plainly, decode_plainly

ORDERS = ("origin", "maskgit_plus", "topk_margin", "entropy")


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(scope="module")
def model_with_apart_prompts():
    return small_model(attention="prefix")


def said(completions):
    return [(each.tokens, each.order) for each in completions]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("cache", ["exact", "prompt"])
def test_a_prompt_that_sees_itself_alone_is_computed_once_and_nothing_changes(
    model_with_apart_prompts, order, cache
) -> None:
    requests = some_requests(8)
    settings = DenoisingSettings(order=order, temperature=0.7, top_p=0.95, cache=cache)
    how = Plainly(order, 0.7, 0.95, prompt_is_apart=True)
    plain = [
        decode_plainly(
            model_with_apart_prompts, list(each.prompt), each.length, how, mask_id=MASK_ID, key=each.key, seed=1
        )
        for each in requests
    ]
    assert said(denoise(model_with_apart_prompts, requests, settings=settings, seed=1)) == plain
    drafted = denoise_by_drafts(model_with_apart_prompts, requests, settings=settings, seed=1, draft_length=3)
    assert said(drafted) == plain


def test_then_a_step_computes_the_completion_alone(model_with_apart_prompts) -> None:
    widths = widths_read(model_with_apart_prompts, Request([1] * 20, 4, ()), DenoisingSettings())
    assert widths == [20, 4, 4, 4, 4]


def test_a_prompt_cache_is_refused_where_it_is_not_exact(model) -> None:
    with pytest.raises(UsageError, match=r"cache=prompt is not exact for this model.*labelled approximate"):
        denoise(model, some_requests(1), settings=DenoisingSettings(cache="prompt"), seed=0)


def widths_read(model, request: Request, settings: DenoisingSettings) -> list[int]:
    """How many columns each forward pass computes."""
    widths = []
    layer = model.model.layers[0].mlp.gate_proj
    handle = layer.register_forward_hook(lambda _module, given, _made: widths.append(given[0].shape[1]))
    denoise(model, [request], settings=settings, seed=0)
    handle.remove()
    return widths


@pytest.mark.parametrize("cache", ["exact", "prompt"])
def test_a_finished_block_is_computed_once_and_one_that_is_not_begun_never(cache) -> None:
    settings = DenoisingSettings(num_steps=6, cache=cache)
    model = small_model(kind=KINDS["blocks"])
    # Twenty of the prompt's tokens are finished blocks; its last two and the first two to come are one.
    finished_before, first_block = [20], [4]
    # A block that has been unmasked is computed once more, as it now is; the last one never is.
    second_block, third_block = [4, *[4] * 3], [4, *[2] * 2]
    widths = widths_read(model, Request([1] * 22, 8, ()), settings)
    assert widths == finished_before + first_block + second_block + third_block


def test_a_long_prompt_of_blocks_is_computed_in_parts_and_nothing_changes(monkeypatch) -> None:
    model = small_model(kind=KINDS["shifted blocks"])
    requests = [Request(list(range(60)), 7, (0,)), Request([5, 6], 4, (1,))]
    settings = DenoisingSettings(temperature=1.0)
    whole = said(denoise(model, requests, settings=settings, seed=8))
    monkeypatch.setattr(finished, "SEEN", 67 * 2 * 7)
    assert widths_read(model, requests[0], DenoisingSettings(num_steps=1))[:5] == [12] * 5
    assert said(denoise(model, requests, settings=settings, seed=8)) == whole


@pytest.mark.parametrize("name", ["blocks", "shifted blocks"])
def test_a_threshold_unmasks_within_a_models_own_blocks(name) -> None:
    model = small_model(kind=KINDS[name], spread=12)
    requests = some_requests(8)
    surely = DenoisingSettings(temperature=1.0, confidence_threshold=1.0)
    stepwise = surely.made_exact()
    assert said(denoise(model, requests, settings=surely, seed=4)) == said(
        denoise(model, requests, settings=stepwise, seed=4)
    )
    anyhow = surely.model_copy(update={"confidence_threshold": 1e-12})
    size = KINDS[name].block_length
    assert [each.num_forward_passes for each in denoise(model, requests, settings=anyhow, seed=4)] == [
        -(-(len(each.prompt) % size + each.length) // size) for each in requests
    ]


def test_what_a_model_of_blocks_cannot_do_is_refused() -> None:
    model = small_model(kind=KINDS["blocks"])
    with pytest.raises(UsageError, match=r"cache=dual is for models whose blocks see later ones.*expected cache=exact"):
        denoise(model, some_requests(1), settings=DenoisingSettings(cache="dual"), seed=0)
    with pytest.raises(UsageError, match=r"blocks of 4 tokens: expected block_length=0.*got 8"):
        denoise(model, some_requests(1), settings=DenoisingSettings(block_length=8), seed=0)


@pytest.mark.parametrize("name", ["adapted", "apart", "unshifted", "unshifted, apart"])
@pytest.mark.parametrize("cache", ["prefix", "dual"])
@pytest.mark.parametrize("order", ORDERS)
def test_a_cache_that_every_step_refreshes_is_exact(name, cache, order) -> None:
    model = small_model(kind=KINDS[name])
    requests = some_requests(8)
    exact = DenoisingSettings(order=order, temperature=0.7, block_length=5)
    refreshed = exact.model_copy(update={"cache": cache, "refresh_every": 1})
    assert said(denoise(model, requests, settings=refreshed, seed=2, ends=(END_ID,))) == said(
        denoise(model, requests, settings=exact, seed=2, ends=(END_ID,))
    )


def test_a_prefix_cache_is_what_transformers_own_gives(model) -> None:
    request = Request([3, 1, 4, 1, 5], 8, ())
    settings = DenoisingSettings(block_length=4, cache="prefix")
    seen = []
    hooks = Hooks(logits=lambda logits_NV, **_where: seen.append(logits_NV.clone()) or logits_NV)
    [completion] = denoise(model, [request], settings=settings, seed=0, hooks=hooks)

    canvas = torch.tensor([[*request.prompt, *[MASK_ID] * 8]])
    at = 0
    for first in (0, 4):
        kept = len(request.prompt) + first - 1
        everything = torch.ones(1, 1, 13, 13, dtype=torch.bool)
        with torch.no_grad():
            # The block's first step computes all, and keeps what is before the block.
            cache = DynamicCache()
            logits = model(input_ids=canvas, attention_mask=everything, past_key_values=cache).logits[0, kept:]
            for step in range(4):
                if step:
                    cache.crop(kept)
                    logits = model(
                        input_ids=canvas[:, kept:],
                        attention_mask=everything[:, :, kept:],
                        position_ids=torch.arange(kept, 13)[None],
                        past_key_values=cache,
                    ).logits[0]
                masked = [place for place in range(4) if canvas[0, kept + 1 + place] == MASK_ID]
                assert torch.allclose(seen[at].double(), logits[masked], atol=1e-4, rtol=1e-5)
                at += 1
                position = completion.order[first + step]
                canvas[0, len(request.prompt) + position] = completion.tokens[position]
    assert at == len(seen)


def test_a_dual_cache_computes_the_block_and_the_column_before_it(model) -> None:
    settings = DenoisingSettings(block_length=4, cache="dual", refresh_every=3)
    widths = widths_read(model, Request([1] * 20, 8, ()), settings)
    assert widths == [28, 5, 5, 28, 28, 5, 5, 28]


def test_stale_keys_change_what_is_said(model) -> None:
    requests = some_requests(8)
    exact = DenoisingSettings(order="entropy", temperature=1.0)
    assert said(denoise(model, requests, settings=exact.model_copy(update={"cache": "dual"}), seed=3)) != said(
        denoise(model, requests, settings=exact, seed=3)
    )


@pytest.mark.parametrize("order", ["maskgit_plus", "topk_margin", "entropy"])
def test_nothing_is_ever_sure_enough_for_a_threshold_of_one_and_everything_for_a_small_one(order) -> None:
    model = small_model(spread=12)
    requests = some_requests(8)
    exact = DenoisingSettings(order=order, temperature=1.0, block_length=4)
    stepwise = denoise(model, requests, settings=exact, seed=4)
    surely = exact.model_copy(update={"confidence_threshold": 1.0})
    assert said(denoise(model, requests, settings=surely, seed=4)) == said(stepwise)
    anyhow = exact.model_copy(update={"confidence_threshold": 1e-12})
    at_once = denoise(model, requests, settings=anyhow, seed=4)
    assert [each.num_forward_passes for each in at_once] == [-(-request.length // 4) for request in requests]


def test_a_threshold_unmasks_what_is_sure_and_one_in_any_case() -> None:
    model = small_model(spread=20)
    settings = DenoisingSettings(order="maskgit_plus", confidence_threshold=0.3)
    unmasked = []

    def keep(_step, _canvases, decision) -> None:
        confidences_BL, chosen_BL = decision.confidences_BL, decision.places_BL >= 0
        for confidences_L, chosen_L in zip(confidences_BL, chosen_BL, strict=True):
            sure = int((confidences_L >= 0.3).sum())
            assert int(chosen_L.sum()) == max(1, sure)
            unmasked.append(sure)

    completions = denoise(model, some_requests(8), settings=settings, seed=5, hooks=Hooks(decided=keep))
    assert min(unmasked) == 0
    assert max(unmasked) > 1
    assert all(sorted(each.order) == list(range(len(each.tokens))) for each in completions)


@pytest.mark.parametrize(
    ("changes", "exactness"),
    [
        ({}, "exact"),
        ({"cache": "prompt"}, "exact"),
        ({"cache": "prefix"}, "approximate"),
        ({"cache": "dual", "refresh_every": 4}, "approximate"),
        ({"confidence_threshold": 0.9}, "approximate"),
    ],
)
def test_what_may_change_a_token_is_labelled_and_is_never_verified(model, changes, exactness) -> None:
    settings = DenoisingSettings(**changes)
    assert settings.exactness == exactness
    assert settings.made_exact().exactness == "exact"
    if exactness == "approximate":
        with pytest.raises(UsageError, match="drafts are verified by exact denoising"):
            denoise_by_drafts(model, some_requests(1), settings=settings, seed=0, draft_length=2)


def test_rows_of_a_cache_depend_on_no_neighbour(model) -> None:
    requests = some_requests(6)
    settings = DenoisingSettings(temperature=1.0, block_length=4, cache="dual", refresh_every=2)
    together = denoise(model, requests, settings=settings, seed=5, ends=(END_ID,))
    alone = [denoise(model, [each], settings=settings, seed=5, ends=(END_ID,))[0] for each in requests]
    assert [replace(each, num_forward_passes=0) for each in together] == [
        replace(each, num_forward_passes=0) for each in alone
    ]
