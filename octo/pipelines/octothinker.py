"""OctoThinker: what does mid-training do to reinforcement learning?

curate -> tokenize -> base -> stable -> {long, short, hybrid} decay -> rl on each, and on the base as control ->
evaluate each -> report. A base that is taken from elsewhere comes before the tokens, for its tokenizer makes them.
"""

from collections.abc import Mapping
from typing import Literal

from octo.errors import UsageError
from octo.pipelines.dag import Parameter, Pipeline, Stage
from octo.pipelines.octothinker_ablations import ABLATIONS
from octo.pipelines.octothinker_papers import PAPER_SIZES
from octo.pipelines.octothinker_preset import STABLE, Preset
from octo.pipelines.octothinker_small import SMALL
from octo.settings.curation import CurationSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.report import ReportSettings
from octo.settings.rl import RlSettings
from octo.settings.tokenization import TokenizationSettings

CONTROL = "base"


def octothinker(preset: str) -> Pipeline:
    """The pipeline with the settings of a preset; UsageError says which there are."""
    if preset not in PRESETS:
        raise UsageError(f"octothinker has no preset {preset!r}: there is {', '.join(PRESETS)}")
    return _assemble(PRESETS[preset])


def _assemble(preset: Preset) -> Pipeline:
    """The stages and their inputs, whatever the size: a preset differs in settings alone."""
    return Pipeline(
        "octothinker",
        _stages(preset),
        description="OctoThinker: what does mid-training do to reinforcement learning?",
        parameters=_parameters(preset),
    )


def _starts(preset: Preset) -> dict[str, str]:
    """The stage whose model reinforcement learning starts from, by name of the policy."""
    return {CONTROL: CONTROL, **{branch: f"decay-{branch}" for branch in preset.branches}}


def _stages(preset: Preset) -> tuple[Stage, ...]:
    starts = _starts(preset)
    return (
        Stage("problems", preset.problems),
        Stage("ingest", preset.ingestion),
        Stage("curate", preset.curation, {"documents": ("ingest",), "benchmarks": ("problems",)}),
        *_control_and_tokens(preset),
        *_trainings(preset),
        *(
            Stage(
                f"rl-{name}",
                preset.rl_of.get(name, preset.rl),
                {"model": (start,), "problems": ("problems",), "benchmarks": ("problems",)},
            )
            for name, start in starts.items()
        ),
        *(
            Stage(f"evaluate-{name}", preset.evaluation, {"models": (start, f"rl-{name}"), "problems": ("problems",)})
            for name, start in starts.items()
        ),
        Stage(
            "report",
            ReportSettings(branches=tuple(starts), control=CONTROL),
            {
                "evaluations": tuple(f"evaluate-{name}" for name in starts),
                "policies": tuple(f"rl-{name}" for name in starts),
                "models": _trained_here(preset),
                "corpora": ("curate",),
            },
        ),
    )


def _trainings(preset: Preset) -> tuple[Stage, ...]:
    """The stable stage, and the branches that decay from it; without one, from the control."""
    stable = preset.training.get(STABLE)
    before = CONTROL if stable is None else STABLE
    return (
        *([] if stable is None else [Stage(STABLE, stable, {"tokens": ("tokenize",), "model": (CONTROL,)})]),
        *(
            Stage(f"decay-{branch}", preset.training[branch], {"tokens": ("tokenize",), "model": (before,)})
            for branch in preset.branches
        ),
    )


def _control_and_tokens(preset: Preset) -> tuple[Stage, Stage]:
    """The model before mid-training, and the tokens: trained on them, or come with the tokenizer that makes them."""
    if isinstance(preset.control, PretrainedSettings):
        return (
            Stage(CONTROL, preset.control, shape=preset.shape),
            Stage("tokenize", preset.tokenization, {"corpus": ("curate",), "tokenizer": (CONTROL,)}),
        )
    return (
        Stage("tokenize", preset.tokenization, {"corpus": ("curate",)}),
        Stage(CONTROL, preset.control, {"tokens": ("tokenize",)}),
    )


def _trained_here(preset: Preset) -> tuple[str, ...]:
    """The stages that train on the tokens."""
    control = () if isinstance(preset.control, PretrainedSettings) else (CONTROL,)
    return (*control, *(stage.name for stage in _trainings(preset)))


def _parameters(preset: Preset) -> tuple[Parameter, ...]:
    """What a run on Kubeflow is asked for: the data, how much of it, and what decides a training."""
    stages = tuple(stage.name for stage in _stages(preset))
    starts = _starts(preset)
    branches, policies = tuple(f"decay-{name}" for name in preset.branches), tuple(f"rl-{name}" for name in starts)
    evaluations = tuple(f"evaluate-{name}" for name in starts)
    alone = tuple(name for name in _trained_here(preset) if name not in branches)
    return (
        Parameter("seed", "seed", stages),
        Parameter("sources", "sources", ("ingest",)),
        Parameter("unfiltered", "unfiltered", ("curate",)),
        Parameter("problem_sources", "sources", ("problems",)),
        Parameter("benchmark_sources", "benchmark_sources", ("curate",)),
        Parameter("not_benchmarks", "not_benchmarks", ("curate",)),
        *(Parameter(f"{name}_weights", "weights", (name,)) for name in alone),
        *(Parameter(_argument(name, "weights"), "weights", (f"decay-{name}",)) for name in preset.branches),
        *(Parameter(f"{name}_num_steps", "num_steps", (name,)) for name in alone),
        *(
            [Parameter("decay_num_steps", "num_steps", branches)]
            if len({preset.training[name].num_steps for name in preset.branches}) == 1
            else [Parameter(_argument(name, "num_steps"), "num_steps", (f"decay-{name}",)) for name in preset.branches]
        ),
        *(Parameter(f"{name}_learning_rate", "learning_rate", (name,)) for name in alone),
        Parameter("decay_learning_rate", "learning_rate", branches),
        Parameter("rl_learning_rate", "learning_rate", policies),
        Parameter("rl_num_steps", "num_steps", policies),
        Parameter("rl_group_size", "group_size", policies),
        Parameter("evaluation_num_samples", "num_samples", evaluations),
        Parameter("evaluation_k", "k", evaluations),
    )


def _argument(branch: str, setting: str) -> str:
    """As Kubeflow takes names: of letters, digits and underscores, a letter first."""
    name = f"{branch}_{setting}".replace("-", "_")
    return name if name[0].isalpha() else f"decay_{name}"


def _training(
    weights: dict[str, float],
    *,
    num_steps: int,
    schedule: Literal["constant", "cosine"] = "constant",
    warmup_steps: int = 0,
) -> MidtrainingSettings:
    return MidtrainingSettings(
        weights=weights,
        num_steps=num_steps,
        batch_size=8,
        micro_batch_size=8,
        learning_rate=2e-3,
        schedule=schedule,
        warmup_steps=warmup_steps,
    )


_COMMON = {"math": 0.30, "general": 0.10}
_GENERATED = ("noisy", "long", "short")

TOY = Preset(
    problems=IngestionSettings(
        sources=("prompts=arithmetic:prompts?count=2000", "evaluation=arithmetic:evaluation?count=300")
    ),
    ingestion=IngestionSettings(
        sources=(
            "general=python:stdlib",
            *(f"math=python:{name}" for name in ("sympy", "scipy", "numpy", "statistics", "math")),
            "noisy=arithmetic:noisy?count=16000&forget=0.7",
            "long=arithmetic:long?count=8000&forget=0.7",
            "short=arithmetic:short?count=16000&forget=0.7",
        ),
        workers=2,
    ),
    curation=CurationSettings(not_benchmarks=("prompts",), unfiltered=_GENERATED, workers=2),
    tokenization=TokenizationSettings(sequence_length=128, vocabulary_size=512, workers=2),
    control=_training({"general": 0.85, "noisy": 0.15}, num_steps=225, warmup_steps=20),
    training={
        STABLE: _training({"math": 0.5, "general": 0.1, "noisy": 0.1, "short": 0.15, "long": 0.15}, num_steps=244),
        "long": _training({**_COMMON, "long": 0.60}, num_steps=274, schedule="cosine"),
        "short": _training({**_COMMON, "short": 0.60}, num_steps=274, schedule="cosine"),
        "hybrid": _training({**_COMMON, "long": 0.30, "short": 0.30}, num_steps=274, schedule="cosine"),
    },
    rl=RlSettings(not_benchmarks=("prompts",)),
    evaluation=EvaluationSettings(),
)
"""Real text that every Python installation has, and a model of a million parameters trained on the spot."""

PRESETS: Mapping[str, Preset] = {"toy": TOY, "small": SMALL, **PAPER_SIZES, **ABLATIONS}
