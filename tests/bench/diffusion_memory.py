"""The most memory that masked diffusion holds at a vocabulary of 151,936: of training, and of a step of decoding.

A training step is forwards and backwards over one sequence of one document, half of it masked, its attention half
opened as in the middle of annealing; two layers of width 128 in float32. Decoding is the first step of 16 completions
of 256 tokens, 4,096 masks, with the same model.

Peak memory is a process's largest resident set after it had the model, less what was resident then; each figure has a
fresh process, in which what is freed is given back at once (malloc's threshold for mmap).
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from octo.ml.attention import attend_by_documents
from octo.ml.batches import PackedBatch
from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.denoiser import Kind, become_diffusion
from octo.ml.diffusion.noising import add_noise, diffusion_loss
from octo.ml.diffusion.packed import clean_batch
from octo.ml.diffusion.sampler import Hooks, denoise
from octo.ml.models import new_model
from octo.settings.denoising import DenoisingSettings
from octo.settings.midtraining import ModelShape
from octo.settings.noising import NoisingSettings

VOCABULARY_SIZE = 151_936
KINDS = {
    "adapted": Kind(VOCABULARY_SIZE - 1, VOCABULARY_SIZE - 2),
    "blocks": Kind(VOCABULARY_SIZE - 1, VOCABULARY_SIZE - 2, "blocks", shift=False, block_length=32),
}
SHAPE = ModelShape(hidden_size=128, intermediate_size=384, num_layers=2, num_heads=4, num_key_value_heads=2)
SPREAD = 4.0
LENGTHS = (1024, 2048, 4096)
NOISING = NoisingSettings(truncated=0.0, conditioned=0.0)
DECODING = DenoisingSettings(order="entropy", temperature=0.2, top_p=0.95)


class EnoughError(Exception):
    """The step that is measured is done."""


def measure() -> dict[str, float]:
    trained = {length: _measured("train", "adapted", length) for length in LENGTHS}
    blocks = _measured("train", "blocks", LENGTHS[1])
    decoded = _measured("decode", "adapted", 256)
    return {
        **{f"training_mib_at_{length}": each["mib"] for length, each in trained.items()},
        f"training_seconds_at_{LENGTHS[-1]}": trained[LENGTHS[-1]]["cpu_seconds"],
        f"training_mib_of_blocks_at_{LENGTHS[1]}": blocks["mib"],
        "decoding_mib": decoded["mib"],
        "decoding_seconds": decoded["cpu_seconds"],
    }


def _measured(what: str, kind: str, length: int) -> dict[str, float]:
    """What a process of its own tells."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.bench.diffusion_memory", what, kind, str(length)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(256 * 1024)},
    )
    figures: dict[str, float] = json.loads(ended.stdout)
    return figures


def _train(model: PreTrainedModel, kind: Kind, length: int) -> None:
    places_BS = torch.arange(length)[None]
    batch = PackedBatch(places_BS % 1000, places_BS, torch.zeros_like(places_BS))
    share = 1.0 if kind.block_length else 0.5
    clean = clean_batch(batch, [0], kind=kind, seed=0, open_share=share, settings=NOISING)
    noisy = add_noise(clean, np.array([0.5]), keys=[(0,)], seed=0, mask_id=kind.mask_id, settings=NOISING)
    diffusion_loss(model, clean, noisy, kind=kind, num_maskable=length).backward()


def _decode(model: PreTrainedModel, _kind: Kind, length: int) -> None:
    def stop(*_: object) -> None:
        raise EnoughError

    requests = [Request(list(range(row, row + 50)), length, (row,)) for row in range(16)]
    with suppress(EnoughError):
        denoise(model, requests, settings=DECODING, seed=0, hooks=Hooks(decided=stop))


_DO: dict[str, Callable[[PreTrainedModel, Kind, int], None]] = {"train": _train, "decode": _decode}


def _print_peak(what: str, kind: str, length: str) -> None:
    torch.set_num_threads(1)
    model = new_model(SHAPE, vocabulary_size=VOCABULARY_SIZE, context=8192, seed=0)
    become_diffusion(model.config, KINDS[kind])
    # Logits spread as a trained model's do.
    nn.init.normal_(model.get_output_embeddings().weight, std=SPREAD / SHAPE.hidden_size**0.5)
    attend_by_documents(model)
    before = _resident("VmRSS")
    began = time.process_time()
    _DO[what](model, KINDS[kind], int(length))
    seconds = time.process_time() - began
    print(json.dumps({"mib": (_resident("VmHWM") - before) / 2**20, "cpu_seconds": seconds}))


def _resident(field: str) -> int:
    """VmRSS, what is resident in bytes, or VmHWM, the most that ever was."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    _print_peak(*sys.argv[1:])
