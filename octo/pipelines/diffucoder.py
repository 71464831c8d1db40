"""DiffuCoder: a causal model of code becomes a diffusion coder, and learns from tests.

ingest -> curate -> tokenize -> base (causal) -> adapt -> mid -> tune -> rl -> evaluate and decode -> report.

Where a preset says so, rl is done once more by decoupled masks, from the same start with the same seed.
"""

from collections.abc import Mapping
from itertools import pairwise

from octo.errors import UsageError
from octo.pipelines.dag import Parameter, Pipeline, Stage
from octo.pipelines.diffucoder_papers import PAPER_SIZES
from octo.pipelines.diffucoder_preset import Preset
from octo.settings.curation import CurationSettings
from octo.settings.decoding import DecodingSettings
from octo.settings.denoising import DenoisingSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.midtraining import MidtrainingSettings, ModelShape, OptimizerSettings
from octo.settings.noising import NoisingSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.report import ReportSettings
from octo.settings.rl import DiffusionPolicySettings, RlSettings
from octo.settings.scoring import RewardSettings, ScoringSettings
from octo.settings.tokenization import TokenizationSettings
from octo.settings.tuning import TuningSettings

DECODED = {"decode-tune": "tune", "decode-rl": "rl", "decode-rl-warm": "rl"}
"""The decodings that are looked at, and of which model each is."""
WARM = 1.2
"""The temperature of the last: the paper's, at which it finds orders freer than at 0.2."""
BASE = "base"
DECOUPLED = "rl-decoupled"


def diffucoder(preset: str) -> Pipeline:
    """The pipeline with the settings of a preset; UsageError says which there are."""
    if preset not in PRESETS:
        raise UsageError(f"diffucoder has no preset {preset!r}: there is {', '.join(PRESETS)}")
    return Pipeline(
        "diffucoder",
        _stages(PRESETS[preset]),
        description="DiffuCoder: a causal model of code becomes a diffusion coder, and learns from tests",
        parameters=_parameters(PRESETS[preset]),
    )


def _stages(preset: Preset) -> tuple[Stage, ...]:
    return (
        Stage("problems", preset.problems),
        Stage("ingest", preset.ingestion),
        Stage("curate", preset.curation, {"documents": ("ingest",), "benchmarks": ("problems",)}),
        *_base_and_tokens(preset),
        *(
            Stage(name, preset.training[name], {"tokens": ("tokenize",), "model": (before,)})
            for before, name in pairwise((BASE, *preset.training))
        ),
        Stage(
            "tune",
            preset.tuning,
            {"model": (tuple(preset.training)[-1],), "examples": ("ingest",), "benchmarks": ("problems",)},
        ),
        *(
            Stage(name, settings, {"model": ("tune",), "problems": ("problems",), "benchmarks": ("problems",)})
            for name, settings in _reinforced(preset).items()
        ),
        *(
            Stage(name, settings, {"models": ("tune", "rl"), "problems": ("problems",)})
            for name, settings in {"evaluate": preset.evaluation, **preset.studies}.items()
        ),
        *(
            (Stage("evaluate-decoupled", preset.evaluation, {"models": (DECOUPLED,), "problems": ("problems",)}),)
            if preset.decoupled
            else ()
        ),
        *(
            Stage(name, _decoding(preset, name), {"model": (model,), "prompts": ("problems",)})
            for name, model in DECODED.items()
        ),
        Stage(
            "report",
            ReportSettings(branches=("rl",), control="", decided_by="sampled"),
            {
                "evaluations": ("evaluate",),
                "policies": ("rl",),
                "models": _trained_here(preset),
                "corpora": ("curate",),
                "decodings": tuple(DECODED),
                "studies": tuple(preset.studies),
                **({"decoupled": ("evaluate-decoupled",)} if preset.decoupled else {}),
            },
        ),
    )


def _reinforced(preset: Preset) -> Mapping[str, RlSettings]:
    """By stage, the policy's trainings: by coupled masks, and by as many that are each drawn by themselves."""
    diffusion = preset.rl.diffusion
    coupling = diffusion.coupling.model_copy(update={"estimator": "decoupled"})
    decoupled = preset.rl.model_copy(update={"diffusion": diffusion.model_copy(update={"coupling": coupling})})
    return {"rl": preset.rl} | ({DECOUPLED: decoupled} if preset.decoupled else {})


def _decoding(preset: Preset, name: str) -> DecodingSettings:
    return preset.decoding.model_copy(update={"temperature": WARM}) if name.endswith("-warm") else preset.decoding


def _base_and_tokens(preset: Preset) -> tuple[Stage, Stage]:
    """The causal model, and the tokens: trained on them, or come with the tokenizer that makes them."""
    if isinstance(preset.base, PretrainedSettings):
        return (
            Stage(BASE, preset.base, shape=preset.shape),
            Stage("tokenize", preset.tokenization, {"corpus": ("curate",), "tokenizer": (BASE,)}),
        )
    return (
        Stage("tokenize", preset.tokenization, {"corpus": ("curate",)}),
        Stage(BASE, preset.base, {"tokens": ("tokenize",)}),
    )


def _trained_here(preset: Preset) -> tuple[str, ...]:
    """The trainings on packed tokens, each of which goes on from the one before."""
    return (*(() if isinstance(preset.base, PretrainedSettings) else (BASE,)), *preset.training)


def _parameters(preset: Preset) -> tuple[Parameter, ...]:
    """What a run on Kubeflow is asked for: the data, how much of it, and what decides a training."""
    trained = _trained_here(preset)
    return (
        Parameter("seed", "seed", tuple(stage.name for stage in _stages(preset))),
        Parameter("sources", "sources", ("ingest",)),
        Parameter("problem_sources", "sources", ("problems",)),
        Parameter("benchmark_sources", "benchmark_sources", ("curate",)),
        Parameter("not_benchmarks", "not_benchmarks", ("curate",)),
        *(Parameter(f"{name}_weights", "weights", (name,)) for name in trained),
        *(Parameter(f"{name}_num_steps", "num_steps", (name,)) for name in trained),
        *(Parameter(f"{name}_learning_rate", "learning_rate", (name,)) for name in (*trained, "tune")),
        # Whoever changes one training of the policy changes the other: they are compared on equal terms.
        *(
            Parameter(f"rl_{setting}", setting, tuple(_reinforced(preset)))
            for setting in ("learning_rate", "num_steps", "group_size")
        ),
        Parameter("evaluation_num_samples", "num_samples", ("evaluate",)),
    )


_LENGTH = 24
"""Of a completion: the longest solution, and its end."""
_SHAPE = ModelShape(
    hidden_size=128, intermediate_size=384, num_layers=3, num_heads=4, num_key_value_heads=4, initializer_range=0.06
)


_EVALUATION = EvaluationSettings(
    scoring=ScoringSettings(kind="code", cpu_seconds=1, memory_mib=256),
    max_new_tokens=_LENGTH,
    num_samples=4,
    k=(1, 2, 4),
    threads=2,
)
_FEW = {"num_samples": 2, "k": (1, 2)}
"""Samples of what is only set beside the evaluation that answers."""
TOY = Preset(
    problems=IngestionSettings(
        sources=("prompts=functions:prompts?count=1200", "evaluation=functions:evaluation?count=120")
    ),
    ingestion=IngestionSettings(
        sources=("code=code:stdlib", "solutions=functions:solutions?count=36000&mistakes=0.4"), workers=2
    ),
    curation=CurationSettings(not_benchmarks=("prompts",), unfiltered=("code", "solutions"), workers=2),
    tokenization=TokenizationSettings(sequence_length=128, vocabulary_size=512, workers=2),
    base=MidtrainingSettings(
        shape=_SHAPE,
        weights={"code": 0.9, "solutions": 0.1},
        num_steps=147,
        batch_size=16,
        micro_batch_size=16,
        learning_rate=2e-3,
        warmup_steps=20,
        threads=2,
    ),
    training={
        "adapt": MidtrainingSettings(
            objective="diffusion",
            noising=NoisingSettings(anneal_steps=30),
            weights={"code": 0.7, "solutions": 0.3},
            num_steps=48,
            batch_size=32,
            micro_batch_size=32,
            learning_rate=2e-3,
            threads=2,
        ),
        "mid": MidtrainingSettings(
            objective="diffusion",
            weights={"code": 0.2, "solutions": 0.8},
            num_steps=24,
            batch_size=32,
            micro_batch_size=32,
            learning_rate=2e-3,
            threads=2,
        ),
    },
    tuning=TuningSettings(
        not_benchmarks=("prompts",),
        max_new_tokens=_LENGTH,
        batch_size=64,
        micro_batch_size=64,
        learning_rate=3e-3,
        unconditional_epochs=0.05,
        threads=2,
    ),
    rl=RlSettings(
        not_benchmarks=("prompts",),
        reward=RewardSettings(kind="code", cpu_seconds=1, memory_mib=256),
        optimizer=OptimizerSettings(weight_decay=0.0),
        baseline="leave_one_out",
        num_steps=12,
        prompts_per_step=24,
        group_size=8,
        micro_batch_size=48,
        max_new_tokens=_LENGTH,
        learning_rate=1e-4,
        clip_low=0.5,
        clip_high=0.5,
        normalize_advantages=False,
        # A token a step, so that half as many are a study of what was not learnt from; two passes, so that there is
        # something to clip, and masks to draw afresh.
        diffusion=DiffusionPolicySettings(num_passes=2, kl_weight=0.1, variance_every=2),
        threads=2,
    ),
    evaluation=_EVALUATION,
    studies={
        "evaluate-cool": _EVALUATION.model_copy(update={**_FEW, "temperature": 0.4}),
        "evaluate-half": _EVALUATION.model_copy(
            update={**_FEW, "denoising": DenoisingSettings(num_steps=_LENGTH // 2)}
        ),
    },
    decoding=DecodingSettings(max_new_tokens=_LENGTH, prompts_per_shard=60),
    decoupled=True,
)
"""Code that every Python installation has, generated tasks, and a model of a million parameters."""

PRESETS: Mapping[str, Preset] = {"toy": TOY, **PAPER_SIZES}
