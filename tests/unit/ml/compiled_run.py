"""Updates of a model whose layers are compiled: `... -m tests.unit.ml.compiled_run FOLDER`, by octo.ml.gang.

Every rank compiles in a folder of its own. Rank 0 leaves the digest of what each precision's training ends with; one
that is alone, whether documents stay apart.
"""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from octo.data.packed import RecordFormat
from octo.ml.batches import PackedBatch, language_model_loss, packed_batch
from octo.ml.compiled import compile_layers
from octo.ml.engine import Engine
from octo.ml.heads import Asked, model_logprobs
from octo.ml.loading import make_ready
from octo.processes import rank, world_size
from octo.settings.midtraining import OptimizerSettings
from tests.unit.ml.exact_run import digest

MICRO_BATCHES, VOCABULARY = 4, 48
LENGTHS = (700, 5000, 90, 2402)
"""Of the documents of a sequence of 8,192 tokens."""
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}


def batch_of(lengths: tuple[int, ...], *, seed: int) -> PackedBatch:
    tokens_S = np.random.default_rng(seed).integers(2, VOCABULARY, sum(lengths)).astype(np.uint16)
    written = RecordFormat(len(tokens_S), "uint16")
    slices = np.split(tokens_S, np.cumsum(lengths)[:-1])
    return packed_batch(written.decode(written.encode(slices, padding=1, key="", row=0)))


def model_of(folder: Path) -> LlamaForCausalLM:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SIZES)).train()
    make_ready(model)
    compile_layers(model, scratch=folder)
    return model


def trained(precision: str, folder: Path) -> str:
    settings = OptimizerSettings.model_validate({"precision": precision})
    engine = Engine(model_of(folder), settings=settings, micro_batches=MICRO_BATCHES)
    for step in range(2):
        batches = [batch_of((20, 31, 13), seed=MICRO_BATCHES * step + number) for number in range(MICRO_BATCHES)]
        losses = [partial(language_model_loss, batch=batch, num_predicted=61 * MICRO_BATCHES) for batch in batches]
        engine.step(losses, learning_rate=1e-2)
    return digest(engine)


def learnt_of_others(folder: Path) -> list[float]:
    """How far the loss of the second document's tokens reaches into each document's embeddings."""
    model = model_of(folder)
    read: list[torch.Tensor] = []
    model.get_input_embeddings().register_forward_hook(lambda _module, _given, made: read.append(made))
    batch = batch_of(LENGTHS, seed=0)
    first, last = LENGTHS[0], LENGTHS[0] + LENGTHS[1]
    logprobs_K, _ = model_logprobs(
        model,
        Asked(torch.arange(first, last - 1), torch.arange(last - 1 - first), batch.tokens_BS[0, first + 1 : last]),
        input_ids=batch.tokens_BS,
        position_ids=batch.positions_BS,
        documents=batch.documents(),
    )
    (gradient_BSD,) = torch.autograd.grad(logprobs_K.sum(), read[-1])
    return [float(part.abs().max()) for part in gradient_BSD[0].split(LENGTHS)]


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    own = folder / str(rank())
    own.mkdir(parents=True)
    found = {precision: trained(precision, own) for precision in ("float32", "bfloat16")}
    reached = learnt_of_others(own) if world_size() == 1 else []
    if rank() == 0:
        (folder / "found.json").write_text(json.dumps({"digests": found, "reached": reached}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
