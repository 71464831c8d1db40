"""What a denoising step costs, beside the plain one: logits everywhere, the vocabulary sorted, a token for every mask.

Both take the same steps on canvases of 456 positions, a prompt of 200 tokens and a completion of 256, at four stages of
a completion that reveals one token a step; a figure is the mean over them. Weights are random, and the head is scaled
so that logits spread as a trained model's do. Arithmetic after the logits is float32 or better on both sides. The floor
is the matrix products and the attention that no exact step can do without, at the speed that they have here: those of
bfloat16 in float32 where the processor has none of their own.

The dual cache is compared with exact decoding of the same blocks of 32 tokens: a block's whole decoding, its first step
included, in which the cache is filled. What a step costs by length and by batch is its mean over a completion, with a
vocabulary of 32,768 in float32.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from statistics import mean, median

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import PreTrainedModel

from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.denoiser import Kind, become_diffusion
from octo.ml.diffusion.products import multiplied
from octo.ml.diffusion.sampler import Hooks, denoise
from octo.ml.models import new_model
from octo.settings.denoising import DenoisingSettings
from octo.settings.midtraining import ModelShape

ROUNDS = 3
WIDTH = 456
MASKED = (224, 160, 96, 32)
SHAPE = ModelShape(hidden_size=512, intermediate_size=1408, num_layers=8, num_heads=8, num_key_value_heads=2)
SPREAD = 4.0
SETTINGS = DenoisingSettings(order="entropy", temperature=0.2, top_p=0.95)
BLOCK = 32
LENGTHS = (64, 128, 256, 512)
BATCHES = (1, 2, 4, 8)
STEPS = 4
SLAB = 2048
"""Of the vocabulary, in the floor: what comes out stays in the processor's cache."""
CASES = {
    "bf16_152k": (torch.bfloat16, 151_936),
    "f32_152k": (torch.float32, 151_936),
    "bf16_32k": (torch.bfloat16, 32_768),
    "f32_32k": (torch.float32, 32_768),
}


class EnoughError(Exception):
    """The steps that are measured are done."""


def measure() -> dict[str, float]:
    """CPU seconds of a step of each kind, medians of rounds that take turns, and their ratios."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        steps = {f"{name}_{figure}": value for name, case in CASES.items() for figure, value in _case(*case).items()}
        model = _model(*CASES["f32_32k"])
        return steps | _dual(model) | _by_size(model)
    finally:
        torch.set_num_threads(threads)


def _case(dtype: torch.dtype, vocabulary_size: int) -> dict[str, float]:
    model = _model(dtype, vocabulary_size)
    fastest = multiplied(model)
    plain, exact, floor = [], [], []
    for _ in range(ROUNDS):
        plain.append(mean(_cost(partial(_plain_step, model, _canvas(model, masked))) for masked in MASKED))
        exact.append(mean(_exact_cost(model, masked) for masked in MASKED))
        floor.append(mean(_cost(partial(_least, fastest, masked)) for masked in MASKED))
    return {
        "plain_seconds": median(plain),
        "exact_seconds": median(exact),
        "floor_seconds": median(floor),
        "ratio": median(one / other for one, other in zip(plain, exact, strict=True)),
        "floor_ratio": median(one / other for one, other in zip(plain, floor, strict=True)),
    }


def _dual(model: PreTrainedModel) -> dict[str, float]:
    """CPU seconds of one block's decoding, exactly and with a dual cache."""
    ratios: dict[str, list[float]] = {"dual_ratio": [], "dual_refreshed_ratio": []}
    for _ in range(ROUNDS):
        exact = _block_cost(model, SETTINGS.model_copy(update={"block_length": BLOCK}))
        for name, every in (("dual_ratio", 0), ("dual_refreshed_ratio", 8)):
            changes = {"block_length": BLOCK, "cache": "dual", "refresh_every": every}
            ratios[name].append(exact / _block_cost(model, SETTINGS.model_copy(update=changes)))
    return {name: median(each) for name, each in ratios.items()}


def _block_cost(model: PreTrainedModel, settings: DenoisingSettings) -> float:
    """Of the first block."""
    done: list[int] = []

    def look(step: int, *_: object) -> None:
        done.append(step)
        if len(done) == BLOCK:
            raise EnoughError

    request = Request(_tokens(200), 256, ())
    began = time.process_time()
    with suppress(EnoughError):
        denoise(model, [request], settings=settings, seed=0, hooks=Hooks(decided=look))
    return time.process_time() - began


def _by_size(model: PreTrainedModel) -> dict[str, float]:
    """CPU seconds of a step for each completion, by length alone and by batch at a length of 128."""
    sizes = {f"length_{length}": (1, length) for length in LENGTHS} | {
        f"batch_{batch}": (batch, 128) for batch in BATCHES
    }
    return {f"step_seconds_{name}": _step_cost(model, batch, length) for name, (batch, length) in sizes.items()}


def _step_cost(model: PreTrainedModel, batch: int, length: int) -> float:
    requests = [Request(_tokens(200), length, (row,)) for row in range(batch)]
    settings = SETTINGS.model_copy(update={"num_steps": STEPS})
    return median(
        _cost(partial(denoise, model, requests, settings=settings, seed=0)) / (STEPS * batch) for _ in range(ROUNDS)
    )


def _model(dtype: torch.dtype, vocabulary_size: int) -> PreTrainedModel:
    model = new_model(SHAPE, vocabulary_size=vocabulary_size, context=512, seed=0)
    become_diffusion(model.config, Kind(vocabulary_size - 1, vocabulary_size - 2, "bidirectional"))
    head = model.get_output_embeddings()
    nn.init.normal_(head.weight, std=SPREAD / SHAPE.hidden_size**0.5)
    model.train(mode=False)
    return model.to(dtype)


def _exact_cost(model: PreTrainedModel, masked: int) -> float:
    """Of one step; the one before it is not counted, as it warms up."""
    ends: list[float] = []

    def look(_step: int, *_: object) -> None:
        ends.append(time.process_time())
        if len(ends) == 2:
            raise EnoughError

    request = Request(_tokens(WIDTH - masked), masked, (masked,))
    with suppress(EnoughError):
        denoise(model, [request], settings=SETTINGS, seed=0, hooks=Hooks(decided=look))
    return ends[1] - ends[0]


@torch.no_grad()
def _plain_step(model: PreTrainedModel, canvas_1S: Tensor) -> None:
    everything = torch.ones(1, 1, WIDTH, WIDTH, dtype=torch.bool)
    logits_1SV = model(input_ids=canvas_1S, attention_mask=everything, use_cache=False).logits
    logits_1SV = torch.cat([logits_1SV[:, :1], logits_1SV[:, :-1]], dim=1)
    logits_NV = logits_1SV[canvas_1S == model.config.mask_token_id].float() / SETTINGS.temperature
    sorted_NV, order_NV = torch.sort(logits_NV, descending=True)
    dropped_NV = torch.softmax(sorted_NV, dim=-1).cumsum(dim=-1) > SETTINGS.top_p
    dropped_NV[:, 1:] = dropped_NV[:, :-1].clone()
    dropped_NV[:, 0] = False
    dropped_NV = torch.zeros_like(dropped_NV).scatter(1, order_NV, dropped_NV)
    probabilities_NV = torch.softmax(logits_NV.masked_fill(dropped_NV, -torch.inf), dim=-1)
    tokens_N = torch.multinomial(probabilities_NV, 1).squeeze(-1)
    confidences_N = (probabilities_NV * torch.log(probabilities_NV + 1e-10)).sum(dim=-1)
    place = int(confidences_N.argmax())
    canvas_1S[0, (canvas_1S[0] == model.config.mask_token_id).nonzero()[place]] = tokens_N[place]


@torch.no_grad()
def _least(model: PreTrainedModel, masked: int) -> None:
    """The matrix products and the attention that the tokens of the masked positions hang on, and nothing else."""
    *layers, last = model.get_submodule("model.layers")
    for layer in (*layers, last):
        positions = masked if layer is last else WIDTH
        for name, linear in layer.named_modules():
            if isinstance(linear, nn.Linear):
                rows = WIDTH if name.endswith(("k_proj", "v_proj")) else positions
                linear(torch.ones(rows, linear.in_features, dtype=model.dtype))
        head_size = SHAPE.hidden_size // SHAPE.num_heads
        query, key = (
            torch.ones(1, SHAPE.num_heads, columns, head_size, dtype=model.dtype) for columns in (positions, WIDTH)
        )
        scaled_dot_product_attention(query, key, key)
    states = torch.ones(masked, SHAPE.hidden_size, dtype=model.dtype)
    for weights in model.get_output_embeddings().weight.split(SLAB):
        nn.functional.linear(weights, states)


def _canvas(model: PreTrainedModel, masked: int) -> Tensor:
    return torch.tensor([[*_tokens(WIDTH - masked), *[model.config.mask_token_id] * masked]])


def _tokens(count: int) -> list[int]:
    return list(range(100, 100 + count))


def _cost(do: Callable[[], object]) -> float:
    began = time.process_time()
    do()
    return time.process_time() - began
