"""A 0.5B model with Qwen2.5's layout on one accelerator: mid-training at 8,192 tokens, rollout, diffusion decoding.

`python -m tests.gpu.benchmark` prints a line for every figure, `part.figure: value`, as soon as it is known, and a
sentence on standard error for every part that is skipped or fails. Weights are random: no figure here depends on what
they are. Rates are those of the quickest of a few rounds, after one that warms up; shares of a
card's peak are of `tests/gpu/cards.py`, and left out of a card that is not in it.

Operations are counted as matrix products do them, two for each multiplication and addition: of every weight but the
embedding's look-up, and of attention over the positions that are seen. What is computed a second time for want of
memory is not counted.
"""

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from octo.ml.attention import attend_by_documents
from octo.ml.batches import PackedBatch, language_model_loss
from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.completing import texts_of
from octo.ml.diffusion.denoiser import Kind, become_diffusion
from octo.ml.rl.sampling import Chunk, sample
from octo.settings.denoising import DenoisingSettings
from octo.settings.midtraining import OptimizerSettings
from tests.gpu.cards import shares_of_peak

Figures = dict[str, float]
GIB = 1 << 30


@dataclass(frozen=True)
class Size:
    """What is measured."""

    model: Mapping[str, Any]
    sequence_length: int
    """Tokens of a training sequence."""
    batch_size: int
    """Sequences of an update."""
    document: int
    """Tokens of a document in it."""
    prompts: int
    group_size: int
    prompt: int
    """Tokens of a prompt."""
    new_tokens: int
    """Tokens of a completion, of a rollout."""
    canvases: int
    """Completions that are denoised side by side."""
    canvas: int
    """Tokens of each."""
    denoising_steps: int
    rounds: int
    product: int
    """Rows and columns of the matrices, and thousands of numbers that are copied, of the card's own figures."""
    precision: torch.dtype = torch.bfloat16

    @property
    def config(self) -> Any:
        """The model's configuration."""
        return AutoConfig.for_model(**self.model)


QWEN25_05B = {
    "model_type": "qwen2",
    "vocab_size": 151_936,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32_768,
    "rope_theta": 1_000_000.0,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": True,
}
"""Qwen2.5-0.5B's layout, from its configuration."""
FULL = Size(
    model=QWEN25_05B,
    sequence_length=8192,
    batch_size=4,
    document=1024,
    prompts=16,
    group_size=8,
    prompt=256,
    new_tokens=128,
    canvases=8,
    canvas=256,
    denoising_steps=64,
    rounds=3,
    product=8192,
)
TINY = replace(
    FULL,
    model=QWEN25_05B
    | {
        "vocab_size": 512,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    },
    sequence_length=64,
    batch_size=2,
    document=24,
    prompts=2,
    group_size=2,
    prompt=8,
    new_tokens=4,
    canvases=2,
    canvas=8,
    denoising_steps=4,
    rounds=1,
    product=64,
)
"""The same on a processor, so that all of it is run where no accelerator is."""


class SkippedError(Exception):
    """A part cannot be measured here; says why."""


def main(arguments: list[str]) -> int:
    """Measure the parts that are named, or all of them, and print their figures."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    size = FULL if device.type == "cuda" else TINY
    names = arguments or list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        print(f"no part is called {unknown[0]!r}: there is {', '.join(PARTS)}", file=sys.stderr)
        return 2
    failed = [name for name in names if not print_part(name, size, device)]
    return 1 if failed else 0


def print_part(name: str, size: Size, device: torch.device) -> bool:
    """Measure a part and print it; False when it failed, which does not keep the next from being measured."""
    try:
        # Libraries print what they are about to do; figures alone go to standard output.
        with redirect_stdout(sys.stderr):
            figures = PARTS[name](size, device)
    except SkippedError as reason:
        print(f"{name}: skipped: {reason}", file=sys.stderr, flush=True)
        return True
    except (RuntimeError, ValueError, ImportError) as error:
        print(f"{name}: failed: {error}", file=sys.stderr, flush=True)
        return False
    finally:
        if device.type == "cuda":
            torch.cuda.empty_cache()
    for figure, value in figures.items():
        print(f"{name}.{figure}: {value:.6g}", flush=True)
    return True


def card(size: Size, device: torch.device) -> Figures:
    """What the card does by itself, which no datasheet is needed for: a matrix product, and a copy in its memory."""
    side = size.product
    left, right = (torch.randn(side, side, device=device).to(size.precision) for _ in range(2))
    numbers = torch.randn(side * 1000, device=device)
    copied = torch.empty_like(numbers)
    product = _seconds(lambda: left @ right, device, rounds=10 * size.rounds)
    copy = _seconds(lambda: copied.copy_(numbers), device, rounds=10 * size.rounds)
    return {
        "product_tflops": 2 * side**3 / product / 1e12,
        "copy_terabytes_per_second": 2 * numbers.nbytes / copy / 1e12,
    }


def midtraining(size: Size, device: torch.device) -> Figures:
    """Updates on packed documents, by octo's loss and torch's own AdamW: what a training without DeepSpeed takes."""
    model = new_model(size, device).train()
    attend_by_documents(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=device.type == "cuda")
    losses = _losses(size, device)

    def step() -> None:
        for loss in losses:
            loss(model).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return _trained(size, device, step, model)


def midtraining_by_deepspeed(size: Size, device: torch.device) -> Figures:
    """The same updates as a training job does them: float32 copies of the weights, and ZeRO on a group of one."""
    if find_spec("deepspeed") is None:
        raise SkippedError("DeepSpeed is not installed here")
    from octo.ml.engine import Engine  # noqa: PLC0415 - it needs DeepSpeed

    model = new_model(size, device).train()
    attend_by_documents(model)
    settings = OptimizerSettings(precision="bfloat16" if size.precision is torch.bfloat16 else "float32")
    engine = Engine(model, settings=settings, micro_batches=size.batch_size)
    losses = _losses(size, engine.device)
    return _trained(size, device, lambda: engine.step(losses, learning_rate=1e-5), model)


def rollout(size: Size, device: torch.device) -> Figures:
    """Completions of prompts by octo's own sampler."""
    model = new_model(size, device).eval()
    chunk = _chunk(size)
    return _sampled(size, device, lambda: sample(model, chunk).tokens, model)


def rollout_by_vllm(size: Size, device: torch.device) -> Figures:
    """The same completions by vLLM, of the same model written as a directory."""
    if device.type != "cuda":
        raise SkippedError("vLLM is measured on an accelerator alone")
    if find_spec("vllm") is None:
        raise SkippedError("vLLM is not installed here")
    from vllm import LLM, SamplingParams  # noqa: PLC0415 - it needs vLLM

    model = new_model(size, device).eval()
    chunk = _chunk(size)
    with TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        llm = LLM(model=folder, skip_tokenizer_init=True, dtype="bfloat16", gpu_memory_utilization=0.5)
        prompts = [{"prompt_token_ids": list(prompt)} for prompt in chunk.prompts for _ in range(chunk.group_size)]
        how = SamplingParams(max_tokens=chunk.max_new_tokens, ignore_eos=True, logprobs=0, detokenize=False)

        def write() -> list[list[int]]:
            return [list(each.outputs[0].token_ids) for each in llm.generate(prompts, how, use_tqdm=False)]

        # vLLM takes its share of the memory whether it needs it or not, in a process of its own: no peak is read.
        return {name: value for name, value in _sampled(size, device, write, model).items() if name != "peak_gib"}


def diffusion_decoding(size: Size, device: torch.device) -> Figures:
    """Completions by denoising, all positions of a canvas seen at every step."""
    model = new_model(size, device).eval()
    vocabulary = model.config.vocab_size
    become_diffusion(model.config, Kind(mask_id=vocabulary - 1, pad_id=vocabulary - 2, attention="bidirectional"))
    requests = [
        Request(prompt, size.canvas, ("benchmark", row)) for row, prompt in enumerate(_prompts(size, size.canvases))
    ]
    settings = DenoisingSettings(num_steps=size.denoising_steps)
    texts = partial(texts_of, model, requests, ends=(), num_tokens=vocabulary - 2, settings=settings, seed=0)
    _forget_peak(device)
    seconds = _seconds(texts, device, rounds=size.rounds)
    columns = size.prompt + size.canvas
    tokens, passes = size.canvases * size.canvas, size.denoising_steps
    # The head is asked for the positions that are still masked: half of the canvas in the mean, and a little more.
    asked = tokens * (passes + 1) / 2
    flops = passes * size.canvases * (
        2 * columns * _body_weights(model) + _attention_flops(model, columns * columns)
    ) + 2 * asked * _head_weights(model)
    return {
        "tokens_per_second": tokens / seconds,
        "forward_passes_per_second": passes / seconds,
        **shares_of_peak(_name(device), flops_per_second=flops / seconds),
        **_peak(device),
    }


PARTS: Mapping[str, Callable[[Size, torch.device], Figures]] = {
    "card": card,
    "midtraining": midtraining,
    "rollout": rollout,
    "diffusion_decoding": diffusion_decoding,
    "midtraining_by_deepspeed": midtraining_by_deepspeed,
    "rollout_by_vllm": rollout_by_vllm,
}


def new_model(size: Size, device: torch.device) -> PreTrainedModel:
    """The model with random weights, made where it is to be."""
    torch.manual_seed(0)
    with device:
        model: PreTrainedModel = AutoModelForCausalLM.from_config(size.config)
    for parameter in model.parameters():
        # The weights alone: rotary positions stay as exact as they are.
        parameter.data = parameter.data.to(size.precision)
    model.gradient_checkpointing_enable({"use_reentrant": False})
    return model


def _losses(size: Size, device: torch.device) -> list[Callable[[torch.nn.Module], Tensor]]:
    """The losses of an update, a sequence each."""
    batches = [_packed(size, row, device) for row in range(size.batch_size)]
    predicted = sum(int(batch.predicted().sum()) for batch in batches)
    return [partial(_loss, batch=batch, predicted=predicted) for batch in batches]


def _loss(model: torch.nn.Module, *, batch: PackedBatch, predicted: int) -> Tensor:
    return language_model_loss(model, batch, num_predicted=predicted)


def _packed(size: Size, row: int, device: torch.device) -> PackedBatch:
    """A sequence of random tokens, in documents of equal length but for the last."""
    columns_S = np.arange(size.sequence_length)
    tokens_S = np.random.default_rng(row).integers(0, size.model["vocab_size"] - 2, size.sequence_length)
    slices_S, positions_S = np.divmod(columns_S, size.document)
    return PackedBatch(*(torch.from_numpy(each_S)[None].to(device) for each_S in (tokens_S, positions_S, slices_S)))


def _trained(size: Size, device: torch.device, step: Callable[[], object], model: PreTrainedModel) -> Figures:
    _forget_peak(device)
    seconds = _seconds(step, device, rounds=size.rounds)
    tokens = size.batch_size * size.sequence_length
    whole, rest = divmod(size.sequence_length, size.document)
    # A token sees itself and what comes before it in its document.
    seen = whole * size.document * (size.document + 1) // 2 + rest * (rest + 1) // 2
    forward = 2 * tokens * (_body_weights(model) + _head_weights(model)) + size.batch_size * _attention_flops(
        model, seen
    )
    return {
        "tokens_per_second": tokens / seconds,
        "seconds_per_step": seconds,
        # Backwards, the gradients of the activations and those of the weights: as much again, twice.
        **shares_of_peak(_name(device), flops_per_second=3 * forward / seconds),
        **_peak(device),
    }


def _chunk(size: Size) -> Chunk:
    """Prompts whose completions have no end before their length: no token is numbered so high."""
    return Chunk(
        prompts=tuple(_prompts(size, size.prompts)),
        ends=(size.model["vocab_size"],),
        group_size=size.group_size,
        max_new_tokens=size.new_tokens,
        temperature=1.0,
        seed=0,
        step=0,
        first=0,
    )


def _prompts(size: Size, count: int) -> list[tuple[int, ...]]:
    drawn = np.random.default_rng(0).integers(0, size.model["vocab_size"] - 2, (count, size.prompt))
    return [tuple(row) for row in drawn.tolist()]


def _sampled(size: Size, device: torch.device, write: Callable[[], list[list[int]]], model: PreTrainedModel) -> Figures:
    """The figures of a rollout; ValueError when it did not write what was asked for."""
    rows, tokens = size.prompts * size.group_size, size.prompts * size.group_size * size.new_tokens
    if sum(map(len, write())) != tokens:
        raise ValueError(f"the sampler wrote other than {tokens} tokens")
    _forget_peak(device)
    seconds = _seconds(write, device, rounds=size.rounds)
    # What each step but the first reads: all weights, and of every completion the keys and values so far.
    keys = rows * (size.prompt + size.new_tokens / 2) * _cache_bytes(model)
    read = (size.new_tokens - 1) * (_weight_bytes(model) + keys)
    flops = 2 * (tokens + size.prompts * size.prompt) * _body_weights(model) + 2 * tokens * _head_weights(model)
    return {
        "tokens_per_second": tokens / seconds,
        "completions": rows,
        **shares_of_peak(_name(device), flops_per_second=flops / seconds, bytes_per_second=read / seconds),
        **_peak(device),
    }


def _body_weights(model: PreTrainedModel) -> int:
    """Weights that every token is multiplied with, the head's aside."""
    return sum(each.numel() for each in model.parameters() if each.dim() == 2) - _head_weights(model)


def _head_weights(model: PreTrainedModel) -> int:
    """Those of the head; these models tie it to the embedding, so that they count once."""
    return model.config.vocab_size * model.config.hidden_size


def _attention_flops(model: PreTrainedModel, seen: int) -> int:
    """Of a forward pass in which queries see so many keys in all: a product with the key, and one with the value."""
    return 4 * seen * model.config.hidden_size * model.config.num_hidden_layers


def _weight_bytes(model: PreTrainedModel) -> int:
    return sum(each.nbytes for each in model.parameters())


def _cache_bytes(model: PreTrainedModel) -> int:
    """Of the keys and values of one token."""
    config = model.config
    width = config.num_key_value_heads * config.hidden_size // config.num_attention_heads
    return 2 * width * config.num_hidden_layers * next(model.parameters()).element_size()


def _seconds(work: Callable[[], object], device: torch.device, *, rounds: int) -> float:
    """How long the quickest of some rounds takes, after one that warms up."""
    taken = []
    for _ in range(rounds + 1):
        _wait(device)
        start = time.perf_counter()
        work()
        _wait(device)
        taken.append(time.perf_counter() - start)
    return min(taken[1:])


def _wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _peak(device: torch.device) -> Figures:
    """The most of the card's memory that tensors took at once."""
    return {"peak_gib": torch.cuda.max_memory_allocated(device) / GIB} if device.type == "cuda" else {}


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "a processor"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
