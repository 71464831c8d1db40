"""transformers' Trainer, of which one step at a time is asked for: it takes turns with other loops in one process."""

import threading
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainingArguments

from octo.ml.batches import PackedBatch

_FOREVER = 1_000_000


class TrainerTurns:
    """A Trainer that waits before each step until it is asked for it.

    It gets the documents in its best ordinary way: packed, with positions that start anew, of which transformers makes
    the mask by which documents do not see each other; labels for no document's first token; its own AdamW, which is
    torch's fused one; bfloat16 as autocast over weights in float32.
    """

    def __init__(self, model: PreTrainedModel, batch: PackedBatch, *, bfloat16: bool, folder: Path) -> None:
        model.set_attn_implementation("sdpa")
        self._asked, self._waits = threading.Semaphore(0), threading.Semaphore(0)
        trainer: Any = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=str(folder),
                per_device_train_batch_size=len(batch.tokens_BS),
                max_steps=_FOREVER,
                learning_rate=1e-4,
                lr_scheduler_type="constant",
                weight_decay=0.1,
                adam_beta2=0.95,
                bf16=bfloat16,
                use_cpu=True,
                logging_strategy="no",
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
            ),
            train_dataset=_Sequences(batch),
            callbacks=[_Turns(self._asked, self._waits)],
        )
        threading.Thread(target=trainer.train, daemon=True).start()
        self._waits.acquire()

    def step(self) -> None:
        """Have it do one."""
        self._asked.release()
        self._waits.acquire()


class _Turns(TrainerCallback):
    def __init__(self, asked: threading.Semaphore, waits: threading.Semaphore) -> None:
        self._asked, self._waits = asked, waits

    def on_step_begin(self, *_given: object, **_named: object) -> None:
        self._waits.release()
        self._asked.acquire()


class _Sequences(Dataset[dict[str, Tensor]]):
    """Those of one batch, again and again."""

    def __init__(self, batch: PackedBatch) -> None:
        labels_BS = torch.where(batch.positions_BS == 0, -100, batch.tokens_BS)
        self._rows = [
            {"input_ids": tokens_S, "position_ids": positions_S, "labels": labels_S}
            for tokens_S, positions_S, labels_S in zip(batch.tokens_BS, batch.positions_BS, labels_BS, strict=True)
        ]

    def __len__(self) -> int:
        return _FOREVER * len(self._rows)

    def __getitem__(self, place: int) -> dict[str, Tensor]:
        return self._rows[place % len(self._rows)]
