"""One measurement of sequence_memory, on every rank of a gang: rank 0 prints what its steps took."""

import json
import time
from functools import partial

import numpy as np
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from octo.data.packed import PackedSequences
from octo.ml.batches import language_model_loss, num_predicted, packed_batch
from octo.ml.engine import Engine
from octo.ml.loading import make_ready
from octo.processes import rank, world_size
from octo.settings.midtraining import OptimizerSettings
from tests.bench._token_memory_run import peak_mib

LENGTH, VOCABULARY = 8192, 1024
CONFIG = Qwen2Config(
    vocab_size=VOCABULARY,
    hidden_size=896,
    intermediate_size=4864,
    num_hidden_layers=2,
    num_attention_heads=14,
    num_key_value_heads=2,
    tie_word_embeddings=True,
)
LENGTHS = (3000, 2192, 3000)
"""Of the documents."""


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(CONFIG).train()
    make_ready(model)
    settings = OptimizerSettings(reduction="plain")
    engine = Engine(model, settings=settings, micro_batches=1, sequence_parallel=world_size())
    # Once small: gradients and means of AdamW are there from now on.
    engine.step([_loss((8, 8))], learning_rate=1e-4)
    before = peak_mib()
    engine.step([_loss(LENGTHS)], learning_rate=1e-4)
    started = time.process_time()
    engine.step([_loss(LENGTHS)], learning_rate=1e-4)
    seconds = engine.exchange(str(time.process_time() - started))
    if rank() == 0:
        print(json.dumps({"mib": peak_mib() - before, "cpu_seconds": sum(map(float, seconds))}))


def _loss(lengths: tuple[int, ...]) -> partial[torch.Tensor]:
    slices_S = np.repeat(np.arange(len(lengths)), lengths)
    positions_S = np.concatenate([np.arange(length) for length in lengths])
    tokens_S = np.random.default_rng(0).integers(0, VOCABULARY, len(slices_S))
    given = PackedSequences(tokens_S[None], slices_S[None], positions_S[None])
    return partial(language_model_loss, batch=packed_batch(given), num_predicted=num_predicted(given))


if __name__ == "__main__":
    main()
