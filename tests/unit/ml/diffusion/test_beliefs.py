"""What may be drawn, how likely it is, and how sure a position is: by brute force, and where rounding bites."""

import math

import pytest
import torch

from octo.ml.diffusion import beliefs as module
from octo.ml.diffusion.beliefs import Beliefs
from octo.randomness import generator
from octo.settings.denoising import DenoisingSettings

ALL = torch.arange(1)


def nucleus(logits: list[float], *, temperature: float, top_p: float, top_k: int) -> dict[int, float]:
    """The tokens that are kept and their probabilities, written down as the definition says."""
    weights = [math.exp((each - max(logits)) / temperature) for each in logits]
    order = sorted(range(len(logits)), key=lambda token: (-weights[token], token))
    kept, before = [], 0.0
    for token in order:
        if before <= top_p * sum(weights) or top_p == 1:
            kept.append(token)
        before += weights[token]
    if top_k:
        last = weights[kept[min(top_k, len(kept)) - 1]]
        kept = [token for token in kept if weights[token] >= last]
    total = sum(weights[token] for token in kept)
    return {token: weights[token] / total for token in kept}


def beliefs_of(logits_NV: torch.Tensor, *, settings: DenoisingSettings) -> Beliefs:
    """Those of a head that gives its states back."""
    return Beliefs(logits_NV, torch.eye(logits_NV.shape[1], dtype=logits_NV.dtype), settings=settings)


def drawn(beliefs: Beliefs, uniform: float) -> tuple[int, float]:
    tokens, probabilities = beliefs.draw(ALL, torch.tensor([uniform], dtype=torch.float64))
    return int(tokens), probabilities.item()


@pytest.mark.parametrize("vocabulary", [2, 5, 64, 130, 3000])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
@pytest.mark.parametrize(("top_p", "top_k"), [(1.0, 0), (0.95, 0), (0.5, 0), (1.0, 3), (0.9, 2)])
def test_what_is_kept_and_how_likely_it_is_are_as_defined(vocabulary, temperature, top_p, top_k) -> None:
    for number in range(4):
        logits = generator(1, "beliefs", vocabulary, number).normal(0, 3, vocabulary).tolist()
        truth = nucleus(logits, temperature=temperature, top_p=top_p, top_k=top_k)
        settings = DenoisingSettings(temperature=temperature, top_p=top_p, top_k=top_k)
        beliefs = beliefs_of(torch.tensor([logits]), settings=settings)
        # Each token owns an interval of the uniform numbers, by rising id.
        start = 0.0
        for token in sorted(truth)[:50]:
            if truth[token] > 1e-6:
                found = drawn(beliefs, start + truth[token] / 2)
                assert found[0] == token
                assert found[1] == pytest.approx(truth[token], rel=1e-4)
            start += truth[token]
        entropy = -sum(p * math.log(p) for p in truth.values() if p)
        assert -beliefs.confidences.item() == pytest.approx(entropy, rel=1e-4, abs=1e-6)
        margins = beliefs_of(torch.tensor([logits]), settings=settings.model_copy(update={"order": "topk_margin"}))
        first, second = sorted([0.0, *truth.values()])[-1:-3:-1]
        assert margins.confidences.item() == pytest.approx(first - second, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-53])
@pytest.mark.parametrize("top_p", [1.0, 0.95])
def test_the_ends_of_the_uniform_numbers_draw_tokens_that_are_kept(uniform, top_p) -> None:
    logits_NV = torch.full((1, 200), -1e4)
    logits_NV[0, 70:72] = 3.0
    token, _ = drawn(beliefs_of(logits_NV, settings=DenoisingSettings(temperature=1.0, top_p=top_p)), uniform)
    assert token == (70 if uniform == 0 else 71)


def test_of_equal_tokens_the_lowest_ids_make_the_nucleus_and_the_lowest_is_the_likeliest() -> None:
    logits_NV = torch.zeros(1, 100)
    settings = DenoisingSettings(temperature=1.0, top_p=0.25)
    beliefs = beliefs_of(logits_NV, settings=settings)
    tokens = {drawn(beliefs, uniform / 1000)[0] for uniform in range(1000)}
    assert tokens == set(range(26))
    assert beliefs_of(logits_NV, settings=DenoisingSettings()).draw(ALL, None)[0].item() == 0


def test_flat_and_peaked_rows_beside_each_other_are_judged_as_if_alone() -> None:
    random = torch.from_numpy(generator(2, "rows").normal(0, 1, (5, 5000))).float()
    logits_NV = random * torch.tensor([0.0, 0.5, 2.0, 8.0, 100.0])[:, None]
    for order in ("entropy", "topk_margin"):
        settings = DenoisingSettings(order=order, temperature=1.0, top_p=0.95)
        together = beliefs_of(logits_NV, settings=settings).confidences
        alone = [beliefs_of(row_V[None], settings=settings).confidences for row_V in logits_NV]
        assert torch.equal(together, torch.cat(alone))


def test_positions_of_which_a_model_is_sure_tie_to_the_last_bit() -> None:
    logits_NV = torch.zeros(3, 50)
    logits_NV[:, 7] = torch.tensor([30.0, 40.0, 50.0])
    settings = DenoisingSettings(order="topk_margin", temperature=0.2)
    assert beliefs_of(logits_NV, settings=settings).confidences.tolist() == [1.0, 1.0, 1.0]


def test_draws_follow_the_distribution_in_bfloat16_too() -> None:
    logits_V = torch.tensor([0.0, 1.0, -1.0, 2.0]).bfloat16()
    uniforms_M = torch.from_numpy(generator(3, "draws").random(40_000))
    settings = DenoisingSettings(temperature=0.8)
    beliefs = beliefs_of(logits_V[None], settings=settings)
    tokens_M, _ = beliefs.draw(torch.zeros(40_000, dtype=torch.long), uniforms_M)
    counts = torch.bincount(tokens_M, minlength=4) / 40_000
    truth = (logits_V.double() / 0.8).softmax(dim=-1)
    assert torch.allclose(counts.double(), truth, atol=4 * 0.5 / 200)


@pytest.mark.parametrize("order", ["origin", "maskgit_plus", "topk_margin", "entropy"])
@pytest.mark.parametrize("top_p", [1.0, 0.95])
def test_what_is_believed_within_a_budget_is_what_is_believed_at_once(monkeypatch, order, top_p) -> None:
    random = generator(2, "states")
    states_ND, weight_VD = (torch.from_numpy(random.normal(size=size)) for size in ((37, 16), (300, 16)))
    uniforms_M = torch.from_numpy(random.random(30))
    rows_M = torch.from_numpy(random.permutation(37)[:30])
    asked = []

    def change(logits_MV, chosen_M):
        asked.append(len(chosen_M))
        return logits_MV + chosen_M[:, None] % 3 * torch.arange(300) / 100

    def told():
        beliefs = Beliefs(
            states_ND,
            weight_VD,
            settings=DenoisingSettings(order=order, temperature=0.7, top_p=top_p),
            banned=[7],
            change=change,
        )
        sureness = beliefs.confidences if order in ("topk_margin", "entropy") else torch.zeros(0)
        return [sureness, *beliefs.draw(rows_M, uniforms_M), *beliefs.draw(rows_M, None)]

    whole = told()
    assert asked == [37]
    monkeypatch.setitem(module.LOGITS_BYTES, "cpu", 8 * 300 * 8)
    assert all(torch.equal(part, at_once) for part, at_once in zip(told(), whole, strict=True))
    assert max(asked[1:]) == 8
