"""OctoThinker at the paper's sizes: Llama 3.2 of 1 and 3 billion weights, Llama 3.1 of 8 (arXiv 2506.20512).

From the paper: models, mixtures, batch, length, rates, schedules, tokens; of reinforcement learning the rate, prompts,
group, lengths and the number of updates. Without a value in the paper, and chosen here: AdamW's means (0.9 and 0.95)
and clipping (1.0), precision, ZeRO stage, pods and all other needs, curation (the paper takes its corpora as
published), the samples of pass@k (256 in the paper, 16 here), and the instruction data as one source.

Not as in the paper: a rollout of 128 prompts is followed by two updates there, by one on 64 prompts here; answers are
worth 1 or 0 instead of 1 or -1, which is the same after normalization; the response length does not grow in stages; of
the thirteen benchmarks MATH500 alone is evaluated; MATH8K and MATH500 are read as lines with `text`, `question` and
`answer`, and corpora as records with `text`, so questions and solutions are to be joined by whoever copies them.
"""

from collections.abc import Mapping
from functools import partial

from octo.pipelines.data_prefix import DATA
from octo.pipelines.octothinker_preset import STABLE, Preset
from octo.settings.base import Need
from octo.settings.curation import CurationSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.midtraining import GangSettings, MidtrainingSettings, OptimizerSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.rl import RlSettings, RolloutSettings
from octo.settings.scoring import RewardSettings, ScoringSettings
from octo.settings.tokenization import TokenizationSettings
from octo.transformer_shape import TransformerShape, shape_of

LENGTH = 8192
BATCH = 512
"""Sequences of an update: 4.19 million tokens (section 5)."""
BILLION_TOKENS_A_STEP = BATCH * LENGTH / 1e9

WEB_PRO_MAX, WEB_PRO, FINEMATH = "web-pro-max", "web-pro", "finemath-4plus"
DCLM, INSTRUCTION = "dclm", "instruction"
SHORT_QA, OPENR1, AM_DISTILLED, OPENMATH, NUMINA = "megamath-qa", "openr1", "am-distilled", "openmath", "numina"
TEXT_CODE, CODE, TRANSLATED_CODE = "text-code", "code", "translated-code"
CORPORA: Mapping[str, str] = {
    WEB_PRO_MAX: "MegaMath-Web-Pro-Max",
    WEB_PRO: "MegaMath-Web-Pro",
    FINEMATH: "finemath-4plus",
    DCLM: "dclm-baseline-1.0",
    TEXT_CODE: "MegaMath-Text-Code-Block",
    CODE: "MegaMath-Code",
    TRANSLATED_CODE: "MegaMath-Translated-Code",
    SHORT_QA: "MegaMath-QA",
    OPENR1: "OpenR1-Math-220k",
    AM_DISTILLED: "AM-DeepSeek-Distilled-40M",
    OPENMATH: "OpenMathInstruct-2",
    NUMINA: "NuminaMath-1.5",
    INSTRUCTION: "instruction",
}
"""Where each source is, below the data's prefix. `instruction` are the three conversation sets together."""
UNFILTERED = (TEXT_CODE, CODE, TRANSLATED_CODE, SHORT_QA, OPENR1, AM_DISTILLED, OPENMATH, NUMINA, INSTRUCTION)
"""What rules for web pages would not judge well; of copies, theirs stay."""

STABLE_MIXTURE = {
    WEB_PRO_MAX: 0.725,
    DCLM: 0.10,
    TEXT_CODE: 0.10,
    SHORT_QA: 0.05,
    CODE: 0.0125,
    TRANSLATED_CODE: 0.0125,
}
_COMMON = {WEB_PRO: 0.55, DCLM: 0.05, INSTRUCTION: 0.10}
DECAY_MIXTURES = {
    "long": {**_COMMON, OPENR1: 0.15, AM_DISTILLED: 0.15},
    "short": {**_COMMON, SHORT_QA: 0.025, OPENMATH: 0.175, NUMINA: 0.10},
    "hybrid": {**_COMMON, OPENMATH: 0.10, NUMINA: 0.10, OPENR1: 0.10},
}
"""Section 4: shares of tokens, of which 30 % are questions and answers."""

FORTNIGHT = 14 * 86_400


def _llama(*, hidden: int, inner: int, layers: int, heads: int, tied: bool) -> TransformerShape:
    """As the models' config.json on the hub say."""
    return shape_of(
        {
            "model_type": "llama",
            "vocab_size": 128_256,
            "hidden_size": hidden,
            "intermediate_size": inner,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": 8,
            "head_dim": hidden // heads,
            "tie_word_embeddings": tied,
        }
    )


LLAMA_1B = _llama(hidden=2048, inner=8192, layers=16, heads=32, tied=True)
LLAMA_3B = _llama(hidden=3072, inner=8192, layers=28, heads=24, tied=True)
LLAMA_8B = _llama(hidden=4096, inner=14_336, layers=32, heads=32, tied=False)


def training(
    weights: Mapping[str, float],
    *,
    billion_tokens: float,
    peak: float,
    need: Need,
    schedule: tuple[str, ...] = ("cosine",),
    gradient_checkpointing: bool = False,
    keep_optimizer: bool = False,
    continue_optimizer: bool = False,
) -> MidtrainingSettings:
    """A training on a mixture, without a warm-up and down to a tenth where it decays; 20B tokens are 5,000 updates."""
    # As the paper counts: 4 million tokens an update.
    num_steps = round(billion_tokens * 1e9 / 4e6)
    return MidtrainingSettings(
        weights=dict(weights),
        num_steps=num_steps,
        batch_size=BATCH,
        micro_batch_size=1,
        learning_rate=peak,
        schedule=schedule,
        warmup_steps=0,
        final_share=0.1,
        optimizer=OptimizerSettings(precision="bfloat16", zero_stage=2, gradient_checkpointing=gradient_checkpointing),
        gang=GangSettings(checkpoint_every=500),
        cache_gib=100,
        need=need,
        keep_optimizer=keep_optimizer,
        continue_optimizer=continue_optimizer,
    )


def rl_at(*, max_new_tokens: int, need: Need) -> RlSettings:
    """GRPO on MATH8K: 400 updates, 16 answers to each of 64 prompts, no divergence, vLLM's samples (section 6)."""
    return RlSettings(
        not_benchmarks=("prompts",),
        reward=RewardSettings(kind="mathematics"),
        num_steps=400,
        prompts_per_step=64,
        group_size=16,
        micro_batch_size=1,
        max_new_tokens=max_new_tokens,
        temperature=1.0,
        learning_rate=1e-6,
        warmup_steps=0,
        optimizer=OptimizerSettings(precision="bfloat16", zero_stage=2, gradient_checkpointing=True, weight_decay=0.0),
        rollout=RolloutSettings(
            engine="vllm",
            pods=8,
            cpus=8,
            memory_gib=64,
            shared_memory_gib=8,
            scratch_gib=100,
            accelerator_memory_gib=80,
        ),
        need=need,
    )


def at_size(
    name: str, shape: TransformerShape, *, peak: float, need: Need, gradient_checkpointing: bool = False
) -> Preset:
    """The paper's recipe for one model. Needs are this preset's own, as the paper tells of no hardware."""
    one_pod = need.model_copy(update={"pods": 1})
    trained = partial(training, peak=peak, need=need, gradient_checkpointing=gradient_checkpointing)
    answers = 4096
    return Preset(
        problems=IngestionSettings(
            sources=(f"prompts={DATA}/MATH8K", f"evaluation={DATA}/MATH500"), need=Need(scratch_gib=20)
        ),
        ingestion=IngestionSettings(
            sources=tuple(f"{source}={DATA}/{folder}" for source, folder in CORPORA.items()),
            need=Need(pods=32, cpus=8, memory_gib=32, scratch_gib=200, deadline_seconds=FORTNIGHT),
            workers=8,
        ),
        curation=CurationSettings(
            not_benchmarks=("prompts",),
            # The corpora are taken as they are published: their makers have filtered them.
            rules=(),
            unfiltered=UNFILTERED,
            need=Need(pods=32, cpus=8, memory_gib=64, scratch_gib=200, deadline_seconds=FORTNIGHT),
            workers=8,
        ),
        tokenization=TokenizationSettings(
            sequence_length=LENGTH,
            need=Need(pods=32, cpus=8, memory_gib=32, scratch_gib=200, deadline_seconds=FORTNIGHT),
            workers=8,
        ),
        base=PretrainedSettings(source=f"{DATA}/models/{name}", need=Need(cpus=4, memory_gib=16, scratch_gib=100)),
        shape=shape,
        training={
            STABLE: trained(STABLE_MIXTURE, billion_tokens=200, schedule=("constant",), keep_optimizer=True),
            **{
                branch: trained(mixture, billion_tokens=20, continue_optimizer=True)
                for branch, mixture in DECAY_MIXTURES.items()
            },
        },
        rl=rl_at(max_new_tokens=answers, need=one_pod),
        # Models that think long answer in up to 8,192 tokens.
        rl_of={"long": rl_at(max_new_tokens=2 * answers, need=one_pod)},
        evaluation=EvaluationSettings(
            scoring=ScoringSettings(kind="mathematics"),
            num_samples=16,
            k=(1, 2, 4, 8, 16),
            max_new_tokens=1024,
            batch_size=64,
            precision="bfloat16",
            need=Need(
                pods=2, cpus=8, accelerators=1, accelerator_memory_gib=80, memory_gib=64, deadline_seconds=FORTNIGHT
            ),
        ),
    )


def _need(pods: int, *, memory_gib: float) -> Need:
    return Need(
        pods=pods,
        accelerators=8,
        accelerator_memory_gib=80,
        cpus=64,
        memory_gib=memory_gib,
        shared_memory_gib=64,
        scratch_gib=1000,
        deadline_seconds=FORTNIGHT,
    )


B1 = at_size("Llama-3.2-1B", LLAMA_1B, peak=5e-5, need=_need(4, memory_gib=96))
B3 = at_size("Llama-3.2-3B", LLAMA_3B, peak=2e-5, need=_need(8, memory_gib=160))
B8 = at_size("Llama-3.1-8B", LLAMA_8B, peak=1e-5, need=_need(16, memory_gib=400), gradient_checkpointing=True)
PAPER_SIZES: Mapping[str, Preset] = {"1b": B1, "3b": B3, "8b": B8}
