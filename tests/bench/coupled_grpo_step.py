"""What a micro-step of coupled-GRPO costs, forwards and backwards, beside scoring with logits everywhere.

Three completions of one prompt, 200 tokens and 256 columns of which 128 to 256 are scored, at a vocabulary of 151,936;
four layers of width 512, random weights in float32, layers recomputed backwards on both sides. The plain way makes the
three passes one after the other over all completions, with the logits of every column and torch's log_softmax.

Peak memory is a process's largest resident set after it had the model, less what was resident then: activations and
all gradients are in it. Each way has a fresh process, in which what is freed is given back at once (malloc's threshold
for mmap), so that the peak is of what is held and not of what an allocator keeps.

Differences are relative: of the loss, and of the gradient as one vector. Most of what lies between the two ways is
the rounding of torch's own sum over the vocabulary; so both are compared with scoring in float64 too, on a smaller
body.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from octo.ml.diffusion.denoiser import Kind, become_diffusion
from octo.ml.diffusion.masking import Pass
from octo.ml.diffusion.scores import Written, draw_passes, scores, written
from octo.ml.models import new_model
from octo.ml.rl.grpo import policy_loss
from octo.randomness import generator
from octo.settings.coupling import CouplingSettings
from octo.settings.midtraining import ModelShape

VOCABULARY_SIZE = 151_936
KIND = Kind(VOCABULARY_SIZE - 1, VOCABULARY_SIZE - 2, "bidirectional")
END_ID = VOCABULARY_SIZE - 3
SPREAD = 4.0
SHAPE = ModelShape(hidden_size=512, intermediate_size=1408, num_layers=4, num_heads=8, num_key_value_heads=2)
SMALL = ModelShape(hidden_size=64, intermediate_size=176, num_layers=2, num_heads=4, num_key_value_heads=2)
ADVANTAGES_C = torch.tensor([1.0, -0.5, 0.3])


@dataclass(frozen=True)
class Task:
    """A model, and the completions that it is scored on."""

    model: PreTrainedModel
    batch: Written
    drawn: list[list[Pass]]


Way = Callable[[Task], Tensor]


@dataclass(frozen=True)
class Outcome:
    """Of one micro-step."""

    cpu_seconds: float
    loss: float
    gradients: list[Tensor]


def measure() -> dict[str, float]:
    # First, while this process is small.
    peaks = {name: _peak_of(name) for name in WAYS}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        plain, own = _both(_task(SHAPE, 200, 256))
        exact = _task(SMALL, 20, 40)
        small_plain, small_own = _both(exact)
        exact.model.double()
        true, _ = _both(exact)
    finally:
        torch.set_num_threads(threads)
    return {
        "plain_seconds": plain.cpu_seconds,
        "seconds": own.cpu_seconds,
        "ratio": plain.cpu_seconds / own.cpu_seconds,
        "plain_peak_gib": peaks["plain"] / 2**30,
        "peak_gib": peaks["own"] / 2**30,
        "peak_ratio": peaks["plain"] / peaks["own"],
        "loss_difference": _between(own, plain)[0],
        "gradient_difference": _between(own, plain)[1],
        "loss_difference_to_float64": _between(small_own, true)[0],
        "gradient_difference_to_float64": _between(small_own, true)[1],
        "plain_loss_difference_to_float64": _between(small_plain, true)[0],
        "plain_gradient_difference_to_float64": _between(small_plain, true)[1],
    }


def _both(task: Task) -> tuple[Outcome, Outcome]:
    """The plain way's and octo's, from one policy that sampled: not quite the one that is trained."""
    with torch.no_grad():
        old_CL = WAYS["own"](task)
    old_CL += torch.from_numpy(generator(0, "old").normal(0, 0.1, old_CL.shape)).to(old_CL)
    return tuple(_step(task, way, old_CL) for way in WAYS.values())


def _step(task: Task, way: Way, old_CL: Tensor | None) -> Outcome:
    task.model.zero_grad()
    began = time.process_time()
    scores_CL = way(task)
    scored_CL = task.batch.scored_CL.to(scores_CL)
    loss = policy_loss(
        scores_CL,
        scores_CL.detach() if old_CL is None else old_CL,
        ADVANTAGES_C.to(scores_CL),
        scored_CL,
        num_tokens=int(scored_CL.sum()),
        clip_low=0.5,
        clip_high=0.5,
    ).loss
    loss.backward()
    seconds = time.process_time() - began
    return Outcome(seconds, loss.item(), [each.grad for each in task.model.parameters()])


def _plain_scores(task: Task) -> Tensor:
    batch = task.batch
    scores_CL = torch.zeros(batch.scored_CL.shape)
    everything = torch.ones(1, 1, *[batch.tokens_CS.shape[1]] * 2, dtype=torch.bool)
    for passes in zip(*task.drawn, strict=True):
        masked_CL = torch.stack([torch.from_numpy(each.masked_L) for each in passes])
        masked_CS = nn.functional.pad(masked_CL, (batch.width, 0))
        logprobs_CLV = (
            task.model(
                input_ids=batch.tokens_CS.masked_fill(masked_CS, KIND.mask_id),
                attention_mask=everything.expand(len(masked_CS), -1, -1, -1),
                use_cache=False,
            )
            .logits.log_softmax(dim=-1)
            .narrow(1, batch.width - 1, masked_CL.shape[1])
        )
        logprobs_CL = logprobs_CLV.gather(-1, batch.tokens_CS[:, batch.width :, None]).squeeze(-1)
        weights_C1 = torch.tensor([each.weight for each in passes], dtype=logprobs_CL.dtype)[:, None]
        scores_CL = scores_CL + weights_C1 * masked_CL * logprobs_CL
    return scores_CL * batch.scored_CL


def _own_scores(task: Task) -> Tensor:
    return scores(task.model, task.batch, task.drawn, kind=KIND).scores_CL


WAYS: dict[str, Way] = {"plain": _plain_scores, "own": _own_scores}


def _task(shape: ModelShape, num_prompt_tokens: int, length: int) -> Task:
    model = new_model(shape, vocabulary_size=VOCABULARY_SIZE, context=512, seed=0)
    become_diffusion(model.config, KIND)
    nn.init.normal_(model.get_output_embeddings().weight, std=SPREAD / shape.hidden_size**0.5)
    model.gradient_checkpointing_enable({"use_reentrant": False})
    model.train()
    random = generator(0, "completions")
    prompt = random.integers(0, END_ID, num_prompt_tokens).tolist()
    completions = random.integers(0, END_ID, (len(ADVANTAGES_C), length)).tolist()
    for place, completion in enumerate(completions):
        # Spread over the second half, the last at the very end.
        completion[length // 2 + (place + 1) * length // (2 * len(completions)) - 1] = END_ID
    batch = written(
        [prompt] * len(completions),
        completions,
        length=length,
        ends=(END_ID,),
        pad_id=KIND.pad_id,
        device=torch.device("cpu"),
    )
    keys = [(place,) for place in range(len(completions))]
    return Task(model, batch, draw_passes(batch, keys, settings=CouplingSettings(), seed=0, occasion=(0, 0)))


def _between(found: Outcome, expected: Outcome) -> tuple[float, float]:
    pairs = list(zip(found.gradients, expected.gradients, strict=True))
    between = sum((one.double() - other.double()).square().sum().item() for one, other in pairs)
    whole = sum(other.double().square().sum().item() for _, other in pairs)
    return abs(found.loss / expected.loss - 1), (between / whole) ** 0.5


def _peak_of(name: str) -> int:
    """In bytes, of a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.bench.coupled_grpo_step", name],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": str(256 * 1024)},
    )
    return int(json.loads(ended.stdout))


def _print_peak(name: str) -> None:
    torch.set_num_threads(1)
    task = _task(SHAPE, 200, 256)
    before = _resident("VmRSS")
    _step(task, WAYS[name], None)
    print(json.dumps(_resident("VmHWM") - before))


def _resident(field: str) -> int:
    """VmRSS, what is resident in bytes, or VmHWM, the most that ever was."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    _print_peak(sys.argv[1])
