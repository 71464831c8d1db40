"""OctoThinker: what does mid-training do to reinforcement learning?

curate -> tokenize -> base -> stable -> {long, short, hybrid} decay -> rl on each, and on a control -> evaluate each ->
report; where a preset says so, sift -> grade -> classify -> refine come before curate. The control is the base as it
is, or decays like the branches, on other data. A base that is taken from elsewhere comes before the tokens, for its
tokenizer makes them.
"""

from collections.abc import Mapping

from octo.errors import UsageError
from octo.pipelines.dag import Parameter, Pipeline, Stage
from octo.pipelines.octothinker_ablations import ABLATIONS
from octo.pipelines.octothinker_papers import PAPER_SIZES
from octo.pipelines.octothinker_preset import BASE, STABLE, Preset
from octo.pipelines.octothinker_refining import refined
from octo.pipelines.octothinker_small import SMALL
from octo.settings.curation import CurationSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.midtraining import MidtrainingSettings, ModelShape, keeps
from octo.settings.pretrained import PretrainedSettings
from octo.settings.report import ReportSettings
from octo.settings.rl import RlSettings
from octo.settings.tokenization import TokenizationSettings


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
    starts = {branch: f"decay-{branch}" for branch in preset.branches}
    return {preset.control: starts.pop(preset.control, BASE), **starts}


def _stages(preset: Preset) -> tuple[Stage, ...]:
    starts = _starts(preset)
    return (
        Stage("problems", preset.problems),
        Stage("ingest", preset.ingestion),
        *_refining(preset),
        Stage(
            "curate",
            preset.curation,
            {"documents": ("refine" if preset.refining else "ingest",), "benchmarks": ("problems",)},
        ),
        *_base_and_tokens(preset),
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
            ReportSettings(branches=tuple(starts), control=preset.control, decided_by=preset.decided_by),
            {
                "evaluations": tuple(f"evaluate-{name}" for name in starts),
                "policies": tuple(f"rl-{name}" for name in starts),
                "models": _trained_here(preset),
                "corpora": _curations(preset),
            },
        ),
    )


def _refining(preset: Preset) -> tuple[Stage, ...]:
    """The stages in which a language model has a say in what is learned from."""
    refining = preset.refining
    if refining is None:
        return ()
    return (
        Stage("sift", refining.sifting, {"documents": ("ingest",), "benchmarks": ("problems",)}),
        Stage("grade", refining.grading, {"documents": ("sift",)}),
        Stage("classify", refining.classification, {"documents": ("sift",), "graded": ("grade",)}),
        Stage("refine", refining.refinement, {"documents": ("classify",)}),
    )


def _curations(preset: Preset) -> tuple[str, ...]:
    return ("sift", "curate") if preset.refining else ("curate",)


def _trainings(preset: Preset) -> tuple[Stage, ...]:
    """The stable stage, and the branches that decay from it; without one, from the base.

    A branch that is a step of another one, which keeps it, waits for that one and finds itself made.
    """
    stable = preset.training.get(STABLE)
    before = BASE if stable is None else STABLE
    kept = {name: _keeper(preset, name) for name in preset.branches}
    return (
        *([] if stable is None else [Stage(STABLE, stable, {"tokens": ("tokenize",), "model": (BASE,)})]),
        *(
            Stage(
                f"decay-{branch}",
                preset.training[branch],
                {"tokens": ("tokenize",), "model": (before,)},
                after=tuple(f"decay-{name}" for name in kept[branch]),
            )
            for branch in sorted(preset.branches, key=lambda branch: len(kept[branch]))
        ),
    )


def _keeper(preset: Preset, branch: str) -> tuple[str, ...]:
    """The branch that another one is a kept step of, or none."""
    return tuple(name for name in preset.branches if keeps(preset.training[name], preset.training[branch]))


def _base_and_tokens(preset: Preset) -> tuple[Stage, Stage]:
    """The model before mid-training, and the tokens: trained on them, or come with the tokenizer that makes them."""
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
    """The stages that train on the tokens."""
    base = () if isinstance(preset.base, PretrainedSettings) else (BASE,)
    return (*base, *(stage.name for stage in _trainings(preset)))


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
        Parameter("unfiltered", "unfiltered", _curations(preset)),
        Parameter("problem_sources", "sources", ("problems",)),
        Parameter("benchmark_sources", "benchmark_sources", _curations(preset)),
        Parameter("not_benchmarks", "not_benchmarks", _curations(preset)),
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
        Parameter("num_seeds", "num_seeds", (*branches, *policies)),
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


_SEEDS = 3
"""Trainings that decide the answer, of each branch's decay and of its reinforcement."""


def _training(
    weights: dict[str, float],
    *,
    num_steps: int,
    num_seeds: int = 1,
    schedule: tuple[str, ...] = ("constant",),
    warmup_steps: int = 0,
    keep_optimizer: bool = False,
    continue_optimizer: bool = False,
) -> MidtrainingSettings:
    return MidtrainingSettings(
        shape=_SHAPE,
        weights=weights,
        num_seeds=num_seeds,
        num_steps=num_steps,
        batch_size=2,
        micro_batch_size=2,
        learning_rate=2e-3,
        schedule=schedule,
        warmup_steps=warmup_steps,
        keep_optimizer=keep_optimizer,
        continue_optimizer=continue_optimizer,
    )


_SHAPE = ModelShape(hidden_size=128, intermediate_size=384, num_heads=4, num_key_value_heads=4, initializer_range=0.06)
_DECAY: Mapping[str, Mapping[str, float]] = {
    "control": {"noisy": 0.9},
    "long": {"long": 0.9},
    "short": {"short": 0.9},
    "hybrid": {"long": 0.45, "short": 0.45},
}
"""What differs between the branches, and the control, which is trained as long on bare sums."""
_GENERATED = ("noisy", "long", "short")
_LENGTH = 40
"""Of a completion: the longest solution has 35 tokens."""
_SUMS = "digits=3&second=2&lowest=3&highest=7"

TOY = Preset(
    problems=IngestionSettings(
        sources=(
            f"prompts=arithmetic:prompts?count=2000&{_SUMS}",
            f"evaluation=arithmetic:evaluation?count=250&{_SUMS}",
        )
    ),
    ingestion=IngestionSettings(
        sources=(
            "general=python:stdlib",
            *(f"math=python:{name}" for name in ("numpy", "statistics", "math")),
            f"noisy=arithmetic:noisy?count=16000&forget=0.7&{_SUMS}",
            f"long=arithmetic:long?count=8000&forget=0.7&{_SUMS}",
            f"short=arithmetic:short?count=16000&forget=0.7&{_SUMS}",
        ),
        workers=2,
    ),
    curation=CurationSettings(not_benchmarks=("prompts",), unfiltered=_GENERATED, workers=2),
    tokenization=TokenizationSettings(sequence_length=128, vocabulary_size=512, workers=2),
    base=_training({"general": 0.1, "noisy": 0.9}, num_steps=200, warmup_steps=20),
    control="control",
    training={
        STABLE: _training({"math": 0.15, "general": 0.05, "noisy": 0.8}, num_steps=100, keep_optimizer=True),
        **{
            name: _training(
                {"math": 0.1, **sums}, num_steps=400, num_seeds=_SEEDS, schedule=("cosine",), continue_optimizer=True
            )
            for name, sums in _DECAY.items()
        },
    },
    rl=RlSettings(
        not_benchmarks=("prompts",),
        num_seeds=_SEEDS,
        num_steps=20,
        prompts_per_step=24,
        max_new_tokens=_LENGTH,
        learning_rate=2e-4,
    ),
    evaluation=EvaluationSettings(num_samples=4, k=(1, 2, 4), max_new_tokens=_LENGTH),
)
"""Real text that every Python installation has, and a model of half a million weights trained on the spot. What its
settings were chosen by: docs/toy-claim.md."""

PRESETS: Mapping[str, Preset] = {"toy": TOY, "small": SMALL, **PAPER_SIZES, **ABLATIONS, **refined(TOY)}
