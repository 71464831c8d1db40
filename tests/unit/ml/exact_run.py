"""Updates of small models on every rank: `python -m octo.ml.gang ... -m tests.unit.ml.exact_run FOLDER FROM CASE...`.

A case is MODEL-PRECISION-STAGE. Each begins anew, or where FROM ranks left it in the folder, and leaves its partitions
there. Rank 0 writes the case's digest and figures after every few steps.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from functools import partial
from math import isfinite, nan
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, MixtralConfig, MixtralForCausalLM

from octo.ml.engine import Engine, gathering, partitioned
from octo.ml.models import empty_model
from octo.ml.tensor_files import StoredTensors, write_tensor_file
from octo.processes import rank, world_size
from octo.settings.midtraining import OptimizerSettings
from tests.unit.ml.engine_run import Toy, loss_of

MICRO_BATCHES = 12
SPOILT = 6
"""The micro-batch whose gradient is made no number, though its loss is one: of rank 2 of 4, and of rank 0 of 2."""
POISONED = ("norm.weight", "hidden.bias", "down_proj.weight")
"""Ends of the names of weights that every micro-batch computes with."""
SIZES = {
    "vocab_size": 37,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}


def llama(*, tied: bool = False) -> LlamaForCausalLM:
    torch.manual_seed(3)
    return LlamaForCausalLM(LlamaConfig(**SIZES, tie_word_embeddings=tied))


class Sometimes(Toy):
    """A model with weights that some micro-batches use, and one that none does."""

    def __init__(self) -> None:
        super().__init__()
        self.odd = torch.nn.Linear(30, 30)
        self.unused = torch.nn.Parameter(torch.ones(3))

    def forward(self, tokens: Tensor) -> Tensor:
        states = torch.tanh(self.hidden(self.embedding(tokens)))
        logits: Tensor = self.output(self.odd(states) if len(tokens) % 4 == 1 else states)
        return logits


def experts() -> MixtralForCausalLM:
    torch.manual_seed(4)
    return MixtralForCausalLM(MixtralConfig(**SIZES, num_local_experts=5, num_experts_per_tok=1))


def frozen() -> LlamaForCausalLM:
    """Of which some weights are not trained."""
    model = llama()
    for name, each in model.named_parameters():
        each.requires_grad_("mlp" in name)
    return model


MODELS: dict[str, Callable[[], Any]] = {
    "toy": Toy,
    "sometimes": Sometimes,
    "llama": llama,
    "tied": partial(llama, tied=True),
    "experts": experts,
    "frozen": frozen,
    "again": llama,
    "read": llama,
}


def engine_of(case: str, **settings: object) -> Engine:
    name, precision, stage = case.split("-")
    optimizer = OptimizerSettings.model_validate(
        {"precision": precision, "zero_stage": int(stage), "gradient_checkpointing": name == "again", **settings}
    )
    model = MODELS[name]()
    if name == "read" and stage == "3":
        stored = dict(model.state_dict())
        model = partitioned(empty_model(model.config, name="it"), stored, settings=optimizer)
        with gathering(model), torch.no_grad():
            model(torch.arange(4)[None])
    model.train()
    return Engine(model, settings=optimizer, micro_batches=MICRO_BATCHES)


def losses_of(case: str, step: int) -> list[Callable[[torch.nn.Module], Tensor]]:
    generator = torch.Generator().manual_seed(step)
    # Of unequal length: a mean of the ranks' means would differ from the batch's mean.
    sequences = [torch.randint(0, 37, (4 + i,), generator=generator) for i in range(MICRO_BATCHES)]
    num_predicted = sum(len(tokens) - 1 for tokens in sequences)
    if case.startswith(("toy", "sometimes")):
        return [partial(loss_of, tokens=tokens, num_predicted=num_predicted) for tokens in sequences]
    return [partial(_share, tokens=tokens, num_predicted=num_predicted) for tokens in sequences]


def _share(model: Any, *, tokens: Tensor, num_predicted: int) -> Tensor:
    loss: Tensor = model(tokens[None], labels=tokens[None]).loss * (len(tokens) - 1) / num_predicted
    return loss


def train(engine: Engine, case: str, steps: range) -> list[list[float]]:
    results = [engine.step(losses_of(case, step), learning_rate=1e-2) for step in steps]
    return [[each.loss, each.gradient_norm, float(each.applied)] for each in results]


def digest(engine: Engine) -> str:
    """Of all weights and all that the optimizer knows of them; of rank 0 alone."""
    found = hashlib.sha256()
    for name, tensor in (*_kept(engine.weights()), *_kept(engine.optimizer_states())):
        found.update(name.encode())
        found.update(tensor.view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _kept(tensors: Any) -> list[tuple[str, Tensor]]:
    return [(name, each.clone().reshape(-1).contiguous()) for name, each in tensors]


def run(case: str, folder: Path, saved_by: int, *, first: int, steps: int) -> dict[str, Any]:
    """Some steps from where other ranks have left it."""
    engine = engine_of(case)
    kept = case.rpartition("-")[0]
    if saved_by:
        needed = engine.ranks_needed(saved_by)
        engine.restore({}, {each: StoredTensors([folder / f"{kept}.{each}"]) for each in needed}, saved_by=saved_by)
    figures = train(engine, case, range(first, first + steps))
    engine.exchange("read")
    write_tensor_file(engine.partition().items(), folder / f"{kept}.{rank()}")
    engine.exchange("written")
    made = digest(engine)
    losses = losses_of(case, 99)
    losses[SPOILT] = partial(_steep, losses[SPOILT])
    result = engine.step(losses, learning_rate=1e-2)
    return {
        "digest": made,
        "figures": figures,
        "ranks": world_size(),
        "spoilt": [isfinite(result.loss), isfinite(result.gradient_norm), result.applied],
        "culprits": engine.exchange(engine.culprit(losses)),
        "unchanged": digest(engine) == made,
        "poisoned": engine.exchange(_poisoned(engine, case)),
    }


def _poisoned(engine: Engine, case: str) -> str:
    """Whether a step is done with a weight that is no number on one of the ranks that update it, and what is said."""
    moments = next(each for each in engine._updates._moments if any(map(_is_poisoned, each.unit.layout.shapes)))
    name = next(filter(_is_poisoned, moments.unit.layout.shapes))
    place = moments.unit.layout.starts[name] - moments.place.start
    if 0 <= place < len(moments.states["weights"]) and (
        moments.place == moments.unit.own or rank() == world_size() - 1
    ):
        moments.states["weights"][place] = nan
        moments.write_weights()
    losses = losses_of(case, 98)
    result = engine.step(losses, learning_rate=1e-2)
    return f"{result.applied}: {engine.culprit(losses).replace(name, 'NAME')}"


def _is_poisoned(name: str) -> bool:
    return name.endswith(POISONED)


def _steep(loss: Callable[[torch.nn.Module], Tensor], model: torch.nn.Module) -> Tensor:
    # The root of nothing is nothing, and infinitely steep. Models are called once, as by the other ranks.
    made = loss(model)
    return made + (0 * made).clamp(min=0).sqrt()


def main(folder: Path, saved_by: int, first: int, steps: int, cases: list[str]) -> None:
    torch.set_num_threads(1)
    results = {case: run(case, folder, saved_by, first=first, steps=steps) for case in cases}
    if rank() == 0:
        (folder / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:5]), sys.argv[5:])
