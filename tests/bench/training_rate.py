"""Tokens per CPU second in mid-training, beside a lean torch loop of the same model on the same batches in one process.

Three loops take turns: octo's own; a lean one with a plain optimizer; and that lean one through DeepSpeed. The
third minus the second is what DeepSpeed costs by itself, which is stated and taken out of octo's ratio.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from octo.data.packed import PackedSequences, RecordFormat
from octo.ml.attention import attend_by_documents
from octo.ml.batches import packed_batch
from octo.ml.engine import Engine
from octo.ml.loop import Step
from octo.ml.midtraining import train_step
from octo.ml.models import new_model, use_threads
from octo.settings.midtraining import MidtrainingSettings

ROUNDS = 7
STEPS = 4
SEQUENCES, LENGTH, SLICE = 16, 128, 32
SETTINGS = MidtrainingSettings(batch_size=SEQUENCES, micro_batch_size=SEQUENCES)
VOCABULARY = 512
CPU = torch.device("cpu")


def measure() -> dict[str, float]:
    use_threads(1)
    packed = _packed()
    model, lean_model, through_model = (
        new_model(SETTINGS.shape, vocabulary_size=VOCABULARY, context=LENGTH, seed=0) for _ in range(3)
    )
    attend_by_documents(model)
    engine = Engine(model, settings=SETTINGS.optimizer, micro_batches=1)
    through = Engine(through_model, settings=SETTINGS.optimizer, micro_batches=1)
    optimizer = torch.optim.AdamW(lean_model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)
    tokens_BS = torch.from_numpy(packed.tokens_NS)
    batch = packed_batch(packed, device=CPU)
    same_BSS = batch.slices_BS[:, :, None] == batch.slices_BS[:, None, :]
    mask, positions_BS = same_BSS.tril()[:, None], batch.positions_BS
    targets_BS = torch.where(batch.predicted(), tokens_BS[:, 1:], -100)

    def lean_loss(trained: torch.nn.Module) -> torch.Tensor:
        logits_BSV = trained(
            input_ids=tokens_BS, attention_mask=mask, position_ids=positions_BS, use_cache=False
        ).logits
        return cross_entropy(logits_BSV[:, :-1].reshape(-1, VOCABULARY), targets_BS.reshape(-1))

    def lean() -> None:
        lean_loss(lean_model).backward()
        torch.nn.utils.clip_grad_norm_(lean_model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    loops: dict[str, Callable[[], object]] = {
        "octo": lambda: train_step(engine, {range(SEQUENCES): packed}, SETTINGS, step=Step(0, 1e-3)),
        "lean": lean,
        "deepspeed": lambda: through.step([lean_loss], learning_rate=1e-3),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for round_number in range(ROUNDS + 1):
        for name, loop in loops.items():
            start = time.process_time()
            for _ in range(STEPS):
                loop()
            if round_number:  # the first round warms up
                seconds[name].append((time.process_time() - start) / STEPS)
    octo, lean_seconds, deepspeed = (statistics.median(seconds[name]) for name in loops)
    own_cost = deepspeed - lean_seconds
    return {
        "tokens_per_cpu_second": SEQUENCES * LENGTH / octo,
        "ratio_to_lean": lean_seconds / octo,
        "ratio_without_deepspeed": lean_seconds / (octo - own_cost),
        "deepspeed_share": own_cost / lean_seconds,
    }


def _packed() -> PackedSequences:
    """Documents of equal length, enough for one batch."""
    tokens_NS = np.random.default_rng(0).integers(2, VOCABULARY, (SEQUENCES, LENGTH)).astype(np.uint16)
    written = RecordFormat(LENGTH, "uint16")
    return written.decode(
        b"".join(
            written.encode(tokens_S.reshape(-1, SLICE), padding=1, key="", row=row)
            for row, tokens_S in enumerate(tokens_NS)
        )
    )
