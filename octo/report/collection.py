"""Results from committed artifacts: read, compared, and cut to what a page can show."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from octo.errors import InputError, UsageError
from octo.lineage import key_of, opened_lineage, references_of
from octo.report.comparison import Comparison, Graded, Pair, conclude, has_samples, pass_at_k_of, shortage_of
from octo.report.control import chances_of
from octo.report.corpora import corpus_of
from octo.report.curves import curve, finite, mean, mean_metrics, read_metrics
from octo.report.decodings import decoding_of, study_of
from octo.report.kept_out import contamination_of, coverage_of, kept_out_of
from octo.report.masks import finding_of_masks
from octo.report.orders import findings_of_decodings, findings_of_studies, findings_of_training, written_of
from octo.report.parts import json_parts, parsed
from octo.report.results import (
    Ancestor,
    Branch,
    Completion,
    Contamination,
    Example,
    Finding,
    Mixture,
    Model,
    Results,
    Study,
)
from octo.report.text import excerpt_of, middle_cut, visible
from octo.settings.report import ReportSettings
from octo.storage.artifacts import Artifact
from octo.storage.store import Store

MIDTRAINING_FIGURES = ("loss", "learning_rate", "gradient_norm", "tokens")
BY_SOURCE = "loss."
"""What the name of a figure begins with that is the loss of one source."""
RL_FIGURES = (
    *("reward", "pass_rate", "response_length", "truncated", "zero_variance_groups", "entropy"),
    *("local_ar_ness", "global_ar_ness", "local_ar_ness_by_chance", "global_ar_ness_by_chance"),
    *("variance_coupled", "variance_decoupled"),
)
EXAMPLES_PER_BRANCH = 2
QUESTION_CHARACTERS = 600
COMPLETION_CHARACTERS = 900


def collect(settings: ReportSettings, inputs: Mapping[str, tuple[Artifact, ...]], store: Store) -> Results:
    """Everything that the page shows but times.

    Raises:
        UsageError: the branches, their evaluations and their policies do not match, or none of them is the control.
        InputError: an artifact does not hold what its job promises.
    """
    check_branches(settings)
    decodings = map(decoding_of, inputs["decodings"])
    evaluations = inputs["evaluations"]
    pairs = [pair_of(name, evaluation) for name, evaluation in zip(settings.branches, evaluations, strict=True)]
    greedy, sampled = (
        Comparison(kind, pairs, settings.control, settings.seed, settings.resamples) for kind in ("greedy", "sampled")
    )
    with_samples = sampled if has_samples(pairs) else None
    if settings.decided_by == "sampled" and not with_samples:
        raise UsageError("--decided-by sampled needs evaluations with samples: raise their --num-samples")
    verdict = conclude(sampled, greedy) if settings.decided_by == "sampled" else conclude(greedy, with_samples)
    lineage = opened_lineage((artifact for artifacts in inputs.values() for artifact in artifacts), store)
    branches = tuple(
        branch_of(pair, evaluation, policy, greedy, with_samples, contamination_of(evaluation, lineage))
        for pair, evaluation, policy in zip(pairs, evaluations, inputs["policies"], strict=True)
    )
    models = models_of(inputs["models"], dict(zip(settings.branches, map(_model_before, evaluations), strict=True)))
    studied = [
        (_study(each, pair, settings, lineage), pair)
        for each, pair in ((each, pair_of(each.manifest.stage, each)) for each in inputs["studies"])
    ]
    # What is decoded otherwise is compared with what the branches are told by.
    answering = [
        (_study(each, pair, settings, lineage), pair) for each, pair in zip(evaluations, pairs, strict=True) if studied
    ]
    return Results(
        control=visible(settings.control),
        resamples=settings.resamples,
        problems=max((len(each.greedy) + each.unreached for pair in pairs for each in pair.before), default=0),
        verdict=verdict,
        chances=chances_of(settings.control, models, branches),
        branches=branches,
        models=models,
        mixtures=tuple(mixture_of(artifact) for artifact in inputs["models"] if artifact.parts("mixture.json")),
        corpora=tuple(corpus_of(artifact) for artifact in inputs["corpora"]),
        decodings=tuple(decoding for decoding in decodings if decoding),
        studies=tuple(study for study, _ in studied),
        findings=(
            *findings_of_training([_metrics(policy) for policy in inputs["policies"]]),
            *_findings_of_masks(settings, pairs, inputs, lineage),
            *findings_of_decodings([each for each in map(written_of, inputs["decodings"]) if each]),
            *findings_of_studies((*answering, *studied), seed=settings.seed, resamples=settings.resamples),
        ),
        coverage=coverage_of((*evaluations, *inputs["studies"], *inputs["decoupled"]), lineage),
        kept_out=kept_out_of(lineage.values()),
        lineage=tuple(ancestor_of(key, artifact) for key, artifact in lineage.items()),
    )


def _findings_of_masks(
    settings: ReportSettings,
    pairs: Sequence[Pair],
    inputs: Mapping[str, tuple[Artifact, ...]],
    lineage: Mapping[str, Artifact],
) -> Iterator[Finding]:
    """What each branch gained by coupled masks beyond decoupled ones, where it was trained by both."""
    for pair, policy, evaluation in zip(pairs, inputs["policies"], inputs["decoupled"], strict=False):
        yield finding_of_masks(
            pair.branch,
            (policy.manifest, lineage[_model_before(evaluation)].manifest),
            (pair.after, [graded(each) for each in json_parts(evaluation, "evaluation.json")]),
            kind=settings.decided_by,
            seed=settings.seed,
            resamples=settings.resamples,
        )


def check_branches(settings: ReportSettings) -> None:
    """UsageError unless every branch has an evaluation and a policy, and one is the control, if there is any."""
    for field in ("evaluations", "policies", "decoupled"):
        given = len(getattr(settings, field))
        if given != len(settings.branches) and (given or field != "decoupled"):
            raise UsageError(
                f"--{field} has {given} addresses for {len(settings.branches)} --branches: give one for each"
            )
    if settings.control and settings.control not in settings.branches:
        names = ", ".join(settings.branches) or "none"
        raise UsageError(
            f"--control {settings.control!r} is none of the branches ({names}): name the one to compare with"
        )


def pair_of(branch: str, evaluation: Artifact) -> Pair:
    """What an evaluation found before and after reinforcement learning: its first and its second model."""
    before, after = (tuple(map(graded, side)) for side in _sides(evaluation))
    return Pair(branch, before, after)


def graded(evaluation: Mapping[str, Any]) -> Graded:
    """The verdicts of one model; one that was not reached (null) is left out and counted."""
    verdicts = evaluation["verdicts"]
    return Graded(
        greedy={problem: float(greedy) for problem, greedy, _ in verdicts if greedy is not None},
        num_correct={problem: count for problem, _, count in verdicts if count is not None},
        samples_per_problem=evaluation["samples_per_problem"],
        unreached=sum(1 for _, greedy, _ in verdicts if greedy is None),
        fewer_verdicts=evaluation["fewer_verdicts"]["problems"] if evaluation["samples_per_problem"] else {},
    )


def _study(evaluation: Artifact, pair: Pair, settings: ReportSettings, lineage: Mapping[str, Artifact]) -> Study:
    contamination = contamination_of(evaluation, lineage)
    return study_of(evaluation, pair, seed=settings.seed, resamples=settings.resamples, contamination=contamination)


def branch_of(
    pair: Pair,
    evaluation: Artifact,
    policy: Artifact,
    greedy: Comparison,
    sampled: Comparison | None,
    contamination: Contamination,
) -> Branch:
    """One branch's numbers, curves and examples."""
    before, after = _sides(evaluation)
    models = (*pair.before, *pair.after)
    return Branch(
        name=visible(pair.branch),
        contamination=contamination,
        control=pair.branch == greedy.control,
        greedy=greedy.measure(pair),
        sampled=sampled.measure(pair) if sampled else None,
        samples_per_problem=models[0].samples_per_problem,
        pass_at_k=pass_at_k_of(pair, seed=greedy.seed, resamples=greedy.resamples) if sampled else (),
        unreached=sum(each.unreached for each in models),
        shortage=visible(shortage_of(pair)),
        mean_length_before=mean([finite(each.get("mean_length")) for each in before]),
        mean_length_after=mean([finite(each.get("mean_length")) for each in after]),
        training=curve(_metrics(policy), RL_FIGURES),
        examples=examples_of(before[0].get("examples", ()), after[0].get("examples", ())),
    )


def examples_of(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> tuple[Example, ...]:
    """The first problems that both models' examples show: the first, not the best."""
    answered = {each["question"]: each for each in after}
    shown = [(each, answered[each["question"]]) for each in before if each["question"] in answered]
    return tuple(
        Example(
            question=excerpt_of(first["question"], QUESTION_CHARACTERS),
            answer=excerpt_of(str(first["answer"]), QUESTION_CHARACTERS),
            before=_completion(first),
            after=_completion(second),
        )
        for first, second in shown[:EXAMPLES_PER_BRANCH]
    )


def models_of(artifacts: Sequence[Artifact], starts: Mapping[str, str]) -> tuple[Model, ...]:
    """The mid-trained models; `starts` maps a branch to the model that its reinforcement learning began with."""
    by_key = {key_of(artifact.address): artifact for artifact in artifacts}
    branch_by_start = {key: branch for branch, key in starts.items()}
    metrics = {key: _metrics(artifact) for key, artifact in by_key.items()}
    continues = {key: _first_input(artifact, "model") for key, artifact in by_key.items()}

    def tokens_before(key: str) -> float:
        parent = continues[key]
        if parent not in by_key:
            return 0.0
        return tokens_before(parent) + max((finite(line.get("tokens")) or 0.0 for line in metrics[parent]), default=0.0)

    return tuple(
        Model(
            stage=visible(artifact.manifest.stage),
            key=key,
            continues=continues[key],
            branch=visible(branch_by_start.get(key, "")),
            tokens_before=tokens_before(key),
            final_loss=mean([finite(line.get("loss")) for line in metrics[key][-max(1, len(metrics[key]) // 20) :]]),
            curve=curve(metrics[key], MIDTRAINING_FIGURES),
            source_losses=_source_losses(metrics[key]),
            skipped=artifact.manifest.counters.get("steps.skipped", 0),
        )
        for key, artifact in by_key.items()
    )


def _source_losses(metrics: Sequence[Mapping[str, object]]) -> dict[str, tuple[float | None, ...]]:
    names = sorted({name for line in metrics for name in line if name.startswith(BY_SOURCE)})
    found = curve(metrics, names).values
    return {visible(name.removeprefix(BY_SOURCE)): values for name, values in found.items()}


def mixture_of(artifact: Artifact) -> Mixture:
    """What a training asked of each source and what it was given; of several, the first."""
    described = parsed(artifact.read(artifact.parts("mixture.json")[0]), artifact)
    sources = [
        {name: each[name] for name in ("weight", "share", "sequences", "tokens", "epochs")}
        | {"source": visible(each["source"])}
        for each in described["sources"]
    ]
    sizes = {name: described[name] for name in ("sequences", "sequence_length", "vocabulary_size")}
    left_out = tuple(map(visible, described["left_out"]))
    stage = visible(artifact.manifest.stage)
    return Mixture.model_validate({"stage": stage, "sources": sources, "left_out": left_out, **sizes})


def ancestor_of(key: str, artifact: Artifact) -> Ancestor:
    """An artifact as the page names it."""
    manifest = artifact.manifest
    return Ancestor(
        key=key,
        stage=visible(manifest.stage),
        job=manifest.job,
        content=manifest.content,
        bytes=sum(part.size for part in manifest.parts),
        inputs=tuple(key_of(reference.address) for reference in references_of(artifact)),
        counters=dict(sorted(manifest.counters.items())),
    )


def _sides(evaluation: Artifact) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
    """What was found of the two models, before and after, as each was trained with each seed."""
    sides: list[list[Mapping[str, Any]]] = []
    for found in json_parts(evaluation, "evaluation.json"):
        if not found.get("training"):
            sides.append([])
        sides[-1].append(found)
    if len(sides) != 2:
        raise InputError(f"{evaluation.address} evaluates {len(sides)} models: a report needs two, before and after")
    before, after = sides
    if len(before) == 1:
        # All of them began with it.
        before = before * len(after)
    if len(before) != len(after):
        raise InputError(
            f"{evaluation.address} evaluates {len(before)} trainings before reinforcement learning and {len(after)} "
            "after it: a report needs as many, or one before"
        )
    return before, after


def _model_before(evaluation: Artifact) -> str:
    return _first_input(evaluation, "models")


def _first_input(artifact: Artifact, field: str) -> str:
    references = artifact.manifest.inputs.get(field, ())
    return key_of(references[0].address) if references else ""


def _metrics(artifact: Artifact) -> Sequence[Mapping[str, object]]:
    """Of a training, or of those of several seeds in the mean."""
    parts = artifact.parts("metrics.jsonl")
    if not parts:
        raise InputError(f"{artifact.address} has no metrics.jsonl: it is of no training")
    return mean_metrics([read_metrics(artifact.read(part), origin=artifact.address) for part in parts])


def _completion(example: Mapping[str, Any]) -> Completion:
    head, tail, omitted = middle_cut(example["completion"], limit=COMPLETION_CHARACTERS)
    text = f"{head} \N{HORIZONTAL ELLIPSIS} {tail}" if omitted else head
    correct = example.get("correct")
    return Completion(text=visible(text), omitted=omitted, correct=None if correct is None else bool(correct))
