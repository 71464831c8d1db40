"""The sampler says what the paper's plain procedure says, and nothing that it need not have computed changes that."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from octo.errors import UsageError
from octo.ml.diffusion import beliefs, drafting
from octo.ml.diffusion.canvases import Blocks, Request, plan
from octo.ml.diffusion.denoiser import kind_of
from octo.ml.diffusion.drafting import denoise_by_drafts
from octo.ml.diffusion.sampler import Hooks, denoise
from octo.settings.denoising import DenoisingSettings
from tests.unit.ml.diffusion.models import END_ID, KINDS, MASK_ID, PAD_ID, small_model, some_requests
from tests.unit.ml.diffusion.plain_sampler import Plainly, decode_plainly

ORDERS = ("origin", "maskgit_plus", "topk_margin", "entropy")
LAWS = list(product(ORDERS, (0.0, 0.2, 1.0), (1.0, 0.95)))
VARIANTS = [
    {"top_k": 5},
    {"top_k": 3, "top_p": 0.9},
    {"num_steps": 5},
    {"num_steps": 40},
    {"num_steps": 1},
    {"block_length": 5},
    {"block_length": 4, "num_steps": 7},
    {"order_temperature": 0.3},
    {"order_temperature": 0.1, "block_length": 3, "num_steps": 5},
]


@pytest.fixture(scope="module")
def model():
    return small_model()


def plainly(model, requests, settings: DenoisingSettings, *, seed: int):
    """The completions of the paper's procedure and their orders."""
    kind = kind_of(model.config)
    how = Plainly(
        settings.order,
        settings.temperature,
        settings.top_p if settings.top_p < 1 else None,
        settings.top_k or None,
        settings.order_temperature,
        settings.num_steps or None,
        settings.block_length or None,
        settings.confidence == "model",
        kind.attention == "prefix",
        kind.shift,
        kind.block_length,
    )
    return [
        decode_plainly(model, list(each.prompt), each.length, how, mask_id=MASK_ID, key=each.key, seed=seed)
        for each in requests
    ]


def said(completions):
    return [(each.tokens, each.order) for each in completions]


@pytest.mark.parametrize(("order", "temperature", "top_p"), LAWS)
def test_the_sampler_says_what_plain_decoding_says(model, order, temperature, top_p) -> None:
    settings = DenoisingSettings(order=order, temperature=temperature, top_p=top_p)
    requests = some_requests(8)
    assert said(denoise(model, requests, settings=settings, seed=1)) == plainly(model, requests, settings, seed=1)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_so_it_does_with_filters_steps_blocks_and_chance_in_the_order(model, order, variant) -> None:
    settings = DenoisingSettings(order=order, temperature=0.7, **variant)
    requests = some_requests(4)
    assert said(denoise(model, requests, settings=settings, seed=2)) == plainly(model, requests, settings, seed=2)


@pytest.mark.parametrize("order", ["topk_margin", "entropy"])
def test_so_it_does_when_the_models_own_distribution_decides_the_order(model, order) -> None:
    settings = DenoisingSettings(order=order, temperature=0.2, top_p=0.95, confidence="model")
    requests = some_requests(8)
    assert said(denoise(model, requests, settings=settings, seed=3)) == plainly(model, requests, settings, seed=3)


@pytest.mark.parametrize(("order", "temperature", "top_p"), [each for each in LAWS if each[1] != 0.2])
def test_so_it_does_within_a_budget_of_logits(model, monkeypatch, order, temperature, top_p) -> None:
    monkeypatch.setitem(beliefs.LOGITS_BYTES, "cpu", 1)
    settings = DenoisingSettings(order=order, temperature=temperature, top_p=top_p)
    requests = some_requests(6)
    plain = plainly(model, requests, settings, seed=1)
    assert said(denoise(model, requests, settings=settings, seed=1)) == plain
    assert said(denoise_by_drafts(model, requests, settings=settings, seed=1, draft_length=2)) == plain


@pytest.mark.parametrize("name", [name for name in KINDS if name != "adapted"])
@pytest.mark.parametrize(
    ("order", "variant"),
    [
        ("origin", {"temperature": 1.0}),
        ("maskgit_plus", {"top_p": 0.95, "num_steps": 5}),
        ("topk_margin", {"temperature": 0.0}),
        ("entropy", {"top_p": 0.95}),
        ("entropy", {"num_steps": 3, "order_temperature": 0.3}),
    ],
)
def test_so_it_does_for_every_kind_of_model_drafted_or_not(name, order, variant) -> None:
    model = small_model(kind=KINDS[name])
    settings = DenoisingSettings(**{"order": order, "temperature": 0.7} | variant)
    requests = some_requests(8)
    plain = plainly(model, requests, settings, seed=7)
    assert said(denoise(model, requests, settings=settings, seed=7)) == plain
    assert said(denoise_by_drafts(model, requests, settings=settings, seed=7, draft_length=3)) == plain


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("order", "temperature", "top_p"), LAWS)
def test_so_it_does_for_five_hundred_prompts(model, order, temperature, top_p, seed) -> None:
    settings = DenoisingSettings(order=order, temperature=temperature, top_p=top_p)
    requests = some_requests(500)
    assert said(denoise(model, requests, settings=settings, seed=seed)) == plainly(model, requests, settings, seed=seed)


@pytest.mark.parametrize(("order", "temperature", "top_p"), LAWS)
def test_drafts_change_no_token_no_order_and_no_step(model, order, temperature, top_p) -> None:
    requests = some_requests(8)
    for variant in ({}, {"block_length": 5, "num_steps": 9}, {"order_temperature": 0.3}):
        settings = DenoisingSettings(order=order, temperature=temperature, top_p=top_p, **variant)
        stepwise = denoise(model, requests, settings=settings, seed=4, ends=(END_ID,))
        drafted = denoise_by_drafts(model, requests, settings=settings, seed=4, draft_length=3, ends=(END_ID,))
        assert [replace(each, num_forward_passes=0) for each in drafted] == [
            replace(each, num_forward_passes=0) for each in stepwise
        ]
        pairs = zip(drafted, stepwise, strict=True)
        assert all(0 < short.num_forward_passes <= long.num_forward_passes for short, long in pairs)


def test_a_verifier_that_takes_one_guess_too_many_says_something_else(model, monkeypatch) -> None:
    true = drafting._num_true
    monkeypatch.setattr(drafting, "_num_true", lambda chain, *rest: min(len(chain), true(chain, *rest) + 1))
    settings = DenoisingSettings(order="entropy", temperature=1.0)
    requests = some_requests(8)
    drafted = denoise_by_drafts(model, requests, settings=settings, seed=4, draft_length=3)
    assert said(drafted) != said(denoise(model, requests, settings=settings, seed=4))


@pytest.mark.parametrize("order", ORDERS)
def test_a_row_depends_on_no_neighbour(model, order) -> None:
    settings = DenoisingSettings(order=order, temperature=1.0, top_p=0.95)
    requests = some_requests(6)
    together = denoise(model, requests, settings=settings, seed=5)
    alone = [denoise(model, [each], settings=settings, seed=5)[0] for each in requests]
    assert said(together) == said(alone)
    assert said(denoise(model, requests[::-1], settings=settings, seed=5)) == said(together[::-1])


def test_padding_before_a_short_prompt_gives_no_token_that_is_not_a_number(model) -> None:
    seen = []
    requests = [Request([1], 4, (0,)), Request(list(range(60)), 4, (1,))]
    hooks = Hooks(decided=lambda _step, _canvases, decision: seen.append(decision.confidences_BL))
    denoise(model, requests, settings=DenoisingSettings(), seed=0, hooks=hooks)
    assert not seen[0].isnan().any()


def test_a_text_that_is_decided_is_left_and_reads_the_same(model) -> None:
    requests = some_requests(12, longest=24)
    settings = DenoisingSettings(order="origin", temperature=1.0)
    whole = denoise(model, requests, settings=settings, seed=6)
    left = denoise(model, requests, settings=settings, seed=6, ends=(END_ID,))
    assert [read(each.tokens) for each in left] == [read(each.tokens) for each in whole]
    assert sum(each.num_forward_passes for each in left) < sum(each.num_forward_passes for each in whole)
    assert any(MASK_ID in each.tokens for each in left)


def read(tokens: list[int]) -> list[int]:
    """The text up to its end."""
    return tokens[: tokens.index(END_ID)] if END_ID in tokens else tokens


def test_banned_ids_are_never_drawn(model) -> None:
    settings = DenoisingSettings(order="origin", temperature=3.0)
    allowed = (3, 5, 8)
    banned = [each for each in range(96) if each not in allowed]
    completions = denoise(model, some_requests(8), settings=settings, seed=0, banned=banned)
    assert {token for each in completions for token in each.tokens} == set(allowed)
    plain = denoise(model, some_requests(8), settings=DenoisingSettings(temperature=9.0), seed=0)
    assert MASK_ID not in {token for each in plain for token in each.tokens}


def test_a_hook_may_change_logits(model) -> None:
    def never_the_end(logits_NV, **_where):
        logits_NV[:, PAD_ID] = 1e4
        return logits_NV

    [completion] = denoise(
        model,
        [Request([1, 2], 5, ())],
        settings=DenoisingSettings(),
        seed=0,
        hooks=Hooks(logits=never_the_end),
    )
    assert completion.tokens == [PAD_ID] * 5


def test_an_oracle_is_decoded_in_any_order_and_number_of_steps(model) -> None:
    text = [3, 1, 4, 1, 5, 9, 2, 6]

    def know(logits_NV, columns_N, **_rows):
        logits_NV[torch.arange(len(columns_N)), torch.tensor(text)[columns_N]] = 1e4
        return logits_NV

    for order, num_steps in product(ORDERS, range(1, 9)):
        settings = DenoisingSettings(order=order, num_steps=num_steps, temperature=1.0)
        [completion] = denoise(
            model, [Request([1], 8, (num_steps,))], settings=settings, seed=0, hooks=Hooks(logits=know)
        )
        assert completion.tokens == text
        assert sorted(completion.order) == list(range(8))
        assert completion.num_forward_passes <= num_steps


@pytest.mark.parametrize("length", [1, 7, 64, 257])
@pytest.mark.parametrize(("block_length", "begun"), [(0, 0), (1, 0), (5, 0), (5, 3), (64, 0), (64, 63)])
def test_counts_add_up_and_differ_by_one_at_most(length, block_length, begun) -> None:
    for num_steps in (1, 2, 3, length // 2 or 1, length, length + 3):
        turns = plan(length, DenoisingSettings(num_steps=num_steps), Blocks(block_length, begun)).values()
        by_block: dict[int, list[int]] = {}
        for turn in turns:
            by_block.setdefault(turn.first, []).append(turn.count)
        assert sum(map(sum, by_block.values())) == length
        assert all(max(counts) - min(counts) <= 1 for counts in by_block.values())


def test_a_model_that_is_no_diffusion_model_and_an_empty_prompt_are_refused_in_a_sentence(model) -> None:
    with pytest.raises(UsageError, match="empty"):
        denoise(model, [Request([], 3, ())], settings=DenoisingSettings(), seed=0)
    causal = small_model()
    causal.config.mask_token_id = None
    with pytest.raises(UsageError, match="no diffusion model"):
        denoise(causal, [Request([1], 3, ())], settings=DenoisingSettings(), seed=0)


@pytest.mark.parametrize("draft_length", [0, 3])
def test_the_forward_passes_of_a_completion_do_not_depend_on_what_is_beside_it(model, draft_length) -> None:
    # Of some steps in this order chance unmasks nothing, and another completion may have something to ask then.
    settings, requests = DenoisingSettings(order="origin", temperature=1.0), some_requests(4)

    def passes(some: list[Request]) -> list[int]:
        if draft_length:
            found = denoise_by_drafts(model, some, settings=settings, seed=3, draft_length=draft_length)
        else:
            found = denoise(model, some, settings=settings, seed=3)
        return [each.num_forward_passes for each in found]

    assert passes(requests) == [alone for request in requests for alone in passes([request])]
