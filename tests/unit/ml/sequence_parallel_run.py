"""Sequences that ranks compute together: `... -m tests.unit.ml.sequence_parallel_run FOLDER FLAGS`, by octo.ml.gang.

Every case is computed by all ranks of the gang as one group, or by this process alone where there is no gang; rank 0
leaves what came of it in the folder. FLAGS are a mid-training's, as a JSON list.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from octo.data.packed import PackedSequences, RecordFormat
from octo.errors import UsageError
from octo.job import produce
from octo.ml import tuning
from octo.ml.attention import attend_by_documents
from octo.ml.batches import language_model_loss, packed_batch
from octo.ml.diffusion.denoiser import Kind, become_diffusion
from octo.ml.diffusion.examples import Example
from octo.ml.diffusion.noising import add_noise, diffusion_loss
from octo.ml.diffusion.packed import clean_batch
from octo.ml.documents import causal_documents, open_documents
from octo.ml.engine import Engine
from octo.ml.heads import Asked, model_logprobs
from octo.ml.sequence_parallel import SequenceGroup, compute_together
from octo.ml.tensor_files import StoredTensors, write_tensor_file
from octo.ml.tuning import Batch
from octo.ml.ulysses import exchanged
from octo.processes import rank, world_size
from octo.settings.loading import load
from octo.settings.midtraining import MidtrainingSettings, OptimizerSettings
from octo.settings.noising import NoisingSettings
from octo.settings.tuning import TuningSettings

VOCABULARY, MICRO_BATCHES = 48, 2
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
HEADS = {"as many": (4, 4), "shared": (4, 2), "one": (4, 1)}
"""Of queries, and of keys and values: two ranks have copies of the last."""
LENGTHS = {"whole": [[201], [201]], "packed": [[60, 90, 41, 10], [30, 140, 20]]}
"""Of an odd number of columns; the second document of each packed sequence is cut, and the last one ends in padding."""
KINDS = {
    "causal": None,
    "diffusion": Kind(mask_id=1, pad_id=0),
    "blocks": Kind(mask_id=1, pad_id=0, attention="blocks", shift=False, block_length=8),
}
WHOLE = NoisingSettings(truncated=0.0, conditioned=0.0)
OPENED = NoisingSettings(truncated=0.5, conditioned=0.5, anneal_steps=4)
CASES = [
    *((kind, lengths, "shared", WHOLE) for kind in ("causal", "diffusion") for lengths in LENGTHS),
    ("blocks", "packed", "as many", WHOLE),
    ("diffusion", "packed", "as many", OPENED),
    ("causal", "packed", "one", WHOLE),
    ("causal", "answers", "shared", WHOLE),
    ("diffusion", "answers", "shared", WHOLE),
]
DTYPES = (torch.float32, torch.float64)
STAGES = {"float32": (0, 1, 2, 3), "bfloat16": (2,)}
LONG = (3000, 2000, 192, 3000)
"""Documents of a sequence of 8,192 tokens, the second of which is cut between two ranks."""
CHANGED = 1


def model_of(kind: str, heads: str) -> PreTrainedModel:
    torch.manual_seed(3)
    num_heads, num_keys = HEADS[heads]
    config = LlamaConfig(**SIZES, num_attention_heads=num_heads, num_key_value_heads=num_keys)
    model: PreTrainedModel = LlamaForCausalLM(config).train()
    attend_by_documents(model)
    if found := KINDS[kind]:
        become_diffusion(model.config, found)
    return model


def packed(lengths: Sequence[Sequence[int]]) -> PackedSequences:
    """Random tokens in documents of these lengths, filled up to the longest sequence."""
    random = np.random.default_rng(0)
    written = RecordFormat(max(map(sum, lengths)), "uint16")
    rows = [[random.integers(2, VOCABULARY, each).astype(np.uint16) for each in row] for row in lengths]
    return written.decode(b"".join(written.encode(row, padding=0, key="it", row=n) for n, row in enumerate(rows)))


def losses_of(kind: str, lengths: str, noising: NoisingSettings = WHOLE) -> list[Callable[[torch.nn.Module], Tensor]]:
    """Of each sequence as a micro-batch, or of the examples of a tuning."""
    if lengths == "answers":
        batch = Batch([Example(each, [5, 6, 7, 8][: int(each)], [9, 10, 11, 0]) for each in "1324"], [0] * 4, 0.0)
        settings = TuningSettings(batch_size=4, micro_batch_size=2, max_new_tokens=7)
        return list(tuning.losses_of(batch, settings, step=0, kind=KINDS[kind]))
    return [partial(_loss, kind=kind, row=row, lengths=lengths, noising=noising) for row in range(MICRO_BATCHES)]


def _loss(model: torch.nn.Module, *, kind: str, row: int, lengths: str, noising: NoisingSettings) -> Tensor:
    batch = packed_batch(packed([LENGTHS[lengths][row]]))
    found = KINDS[kind]
    if found is None:
        return language_model_loss(model, batch, num_predicted=300)
    share = 0.5 if noising.anneal_steps else 1.0
    clean = clean_batch(batch, [row], kind=found, seed=0, open_share=share, settings=noising)
    noisy = add_noise(clean, np.array([0.4]), keys=[(row,)], seed=0, mask_id=found.mask_id, settings=noising)
    return diffusion_loss(model, clean, noisy, kind=found, num_maskable=300)


def learnt(case: tuple[str, str, str, NoisingSettings], dtype: torch.dtype) -> dict[str, Tensor]:
    """The loss, and the gradients that the ranks have of it together."""
    kind, lengths, heads, noising = case
    model = model_of(kind, heads).to(dtype)
    if dtype == torch.float64:
        _norms_in_float64(model)
    together(model)
    losses = [compute(model) for compute in losses_of(kind, lengths, noising)]
    torch.stack(losses).sum().backward()
    found = {name: each.grad for name, each in model.named_parameters() if each.grad is not None}
    if world_size() > 1:
        for each in found.values():
            distributed.all_reduce(each)
    return {"loss": torch.stack(losses).detach(), **found}


def _norms_in_float64(model: Any) -> None:
    """Llama's own are computed in float32 whatever they are given."""
    for layer in (*model.model.layers, model.model):
        for name in ("input_layernorm", "post_attention_layernorm", "norm"):
            if hasattr(layer, name):
                norm = torch.nn.RMSNorm(SIZES["hidden_size"], eps=model.config.rms_norm_eps, dtype=torch.float64)
                setattr(layer, name, norm)


def together(model: PreTrainedModel) -> None:
    """Have all ranks compute it together, as an engine does, which knows of no float64."""
    if world_size() > 1:
        compute_together(model, SequenceGroup(world_size(), exchanged))


def engine_of(stage: int, precision: str, kind: str = "causal") -> Engine:
    settings = OptimizerSettings.model_validate(
        {"reduction": "plain", "zero_stage": stage, "precision": precision, "gradient_checkpointing": stage == 1}
    )
    return Engine(
        model_of(kind, "shared"), settings=settings, micro_batches=MICRO_BATCHES, sequence_parallel=world_size()
    )


def train(engine: Engine, steps: int) -> list[list[float]]:
    results = [engine.step(losses_of("causal", "packed"), learning_rate=1e-2) for _ in range(steps)]
    return [[each.loss, each.gradient_norm, float(each.applied)] for each in results]


def trained(stage: int, precision: str, folder: Path) -> list[list[float]]:
    """Two steps, whose checkpoint is left in the folder, and two more."""
    engine = engine_of(stage, precision)
    steps = train(engine, 2)
    name = f"{stage}-{precision}"
    write_tensor_file(engine.partition().items(), folder / f"{name}.{rank()}")
    write_tensor_file(engine.weights(), folder / (f"{name}.weights" if rank() == 0 else f"none.{rank()}"))
    return [*steps, *train(engine, 2), [engine.sum(5), engine.total([2, 1.5])]]


def resumed(stage: int, precision: str, folder: Path, *, saved_by: int) -> list[list[float]]:
    """The last two steps, from what so many ranks have left in the folder."""
    engine, name = engine_of(stage, precision), f"{stage}-{precision}"
    needed = {each: StoredTensors([folder / f"{name}.{each}"]) for each in engine.ranks_needed(saved_by)}
    engine.restore(StoredTensors([folder / f"{name}.weights"]), needed, saved_by=saved_by)
    return train(engine, 2)


def seen_of_others() -> dict[str, Any]:
    """What of 8,192 tokens' likelihoods another document's tokens change; and what of their own."""
    given = packed([LONG])
    changed = given.tokens_NS.copy()
    changed[given.slices_NS == CHANGED] = (changed[given.slices_NS == CHANGED] + 7) % VOCABULARY
    found = {}
    for kind in ("causal", "diffusion"):
        model = model_of(kind, "shared")
        together(model)
        told = [
            _told(model, kind, PackedSequences(each, given.slices_NS, given.positions_NS))
            for each in (given.tokens_NS, changed)
        ]
        predicted = given.slices_NS[0, 1:][given.slices_NS[0, 1:] == given.slices_NS[0, :-1]]
        same = (told[0] == told[1]).numpy()
        found[kind] = [bool(same[predicted != CHANGED].all()), float(same[predicted == CHANGED].mean()), len(same)]
    return found


@torch.no_grad()
def _told(model: PreTrainedModel, kind: str, given: PackedSequences) -> Tensor:
    """The log-probability of every token that follows another one of its document."""
    batch = packed_batch(given)
    [_, columns_N] = batch.predicted().nonzero(as_tuple=True)
    documents = (causal_documents if kind == "causal" else open_documents)(batch.slices_BS)
    # The same tokens are asked for: of what they read alone can it depend what they are worth.
    targets_K = torch.arange(len(columns_N)) % VOCABULARY
    logprobs_K, _ = model_logprobs(
        model,
        Asked(columns_N, torch.arange(len(columns_N)), targets_K),
        input_ids=batch.tokens_BS,
        position_ids=batch.positions_BS,
        documents=documents,
    )
    return logprobs_K


def spoilt() -> str:
    """What is told of a gradient that is no number on one rank alone."""
    engine = engine_of(1, "float32")
    losses = losses_of("causal", "packed")
    if rank() == world_size() - 1:
        losses[0] = partial(_steep, losses[0])
    result = engine.step(losses, learning_rate=1e-2)
    return f"{result.applied}: {engine.culprit(losses)}"


def _steep(loss: Callable[[torch.nn.Module], Tensor], model: torch.nn.Module) -> Tensor:
    # The root of nothing is nothing, and infinitely steep.
    made = loss(model)
    return made + (0 * made).clamp(min=0).sqrt()


def refused(**sizes: int) -> str:
    model = LlamaForCausalLM(LlamaConfig(**{**SIZES, "num_attention_heads": 4, "num_key_value_heads": 4, **sizes}))
    settings = OptimizerSettings(reduction="plain")
    try:
        Engine(model, settings=settings, micro_batches=3, sequence_parallel=world_size())
    except UsageError as error:
        return str(error)
    return "nothing was refused"


def main(folder: Path, flags: list[str]) -> None:
    torch.set_num_threads(1)
    # The first engine joins the ranks.
    ended = {f"{stage}-{name}": trained(stage, name, folder) for name, stages in STAGES.items() for stage in stages}
    for dtype in DTYPES:
        for number, case in enumerate(CASES):
            found = learnt(case, dtype)
            if rank() == 0:
                write_tensor_file(found.items(), folder / f"{number}-{dtype}.safetensors")
    results = {
        "trained": ended,
        "resumed": {f"{s}-float32": resumed(s, "float32", folder / "one", saved_by=1) for s in (0, 1, 2)},
        "seen": seen_of_others(),
        "spoilt": spoilt(),
        "refused": refused(num_attention_heads=3, num_key_value_heads=3, hidden_size=48),
    }
    produce(load(MidtrainingSettings, flags, os.environ), "octo.ml.midtraining:midtrain")
    if rank() == 0:
        (folder / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
