"""The run's page: one HTML file with everything in it, no script, and nothing loaded from elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from octo.errors import MissingError
from octo.report import decoding_figures, figures, text
from octo.report.comparison import answer_of
from octo.report.curves import ends
from octo.report.drafts import findings_of_drafts
from octo.report.drawing import Drawing
from octo.report.refining import refining_of
from octo.report.results import Branch, Curve, Finding, Results
from octo.report.runs import described, recorded, span_lines
from octo.report.statement import called
from octo.report.timeline import StageTime, inside_stages, timeline
from octo.report.training_speed import speed_figure, speeds_of
from octo.settings import JOBS
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.store import Store
from octo.telemetry import trace_id_of
from octo.trace import load_spans

LEARNING = "GRPO"
SHOWN_SETTING_CHARACTERS = 500


@dataclass(frozen=True)
class Run:
    """What the store knows of a run besides its results."""

    run_id: str
    pipeline: str
    preset: str
    created_at: datetime | None
    trace_id: str
    store: str
    stages: tuple[StageTime, ...]
    changed_settings: Mapping[str, Mapping[str, object]]
    """By stage, the settings that differ from the job's defaults."""
    artifacts: Mapping[str, Artifact]
    """By stage, what is committed."""
    speeds: Mapping[str, Curve]
    """Tokens per second by step of each stage that trains."""
    drafts: tuple[Finding, ...]
    """What is found of decodings by drafts, on the machines of this run."""

    @property
    def versions(self) -> dict[str, str]:
        """Packages that the artifacts were made with; several versions of one are all named."""
        found: dict[str, set[str]] = {}
        for artifact in self.artifacts.values():
            for package, version in artifact.manifest.versions.items():
                found.setdefault(package, set()).add(version)
        return {package: ", ".join(sorted(found[package])) for package in sorted(found)}

    @property
    def started_at(self) -> datetime | None:
        """When the run's own work began."""
        return min((stage.started_at for stage in self.stages if stage.own and stage.started_at), default=None)

    @property
    def ended_at(self) -> datetime | None:
        """When the last of the run's own work ended."""
        return max((stage.ended_at for stage in self.stages if stage.own and stage.ended_at), default=None)

    @property
    def seconds(self) -> float | None:
        """From the one to the other; None when the run did nothing itself."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()

    @property
    def stage_seconds(self) -> float:
        """The run's own work, added up over its stages."""
        return sum(stage.seconds or 0.0 for stage in self.stages if stage.own)

    @property
    def unfinished(self) -> tuple[StageTime, ...]:
        """Stages without a committed artifact."""
        return tuple(stage for stage in self.stages if stage.stage not in self.artifacts)


def render_page(store: Store, run_id: str) -> str:
    """The page of a run, also of one that has not ended or that failed: then it says what is missing.

    Raises:
        UsageError: there is no such run.
    """
    run = read_run(store, run_id)
    results = read_results(
        next((run.artifacts.get(stage.stage) for stage in run.stages if stage.job == "report"), None)
    )
    template = _environment().get_template("page.html")
    return template.render(
        run=run,
        results=results,
        question=_question(results),
        answer=_answer(results),
        accuracy=_accuracy_figures(results),
        sampled=figures.pass_at_k(results) if results and any(each.pass_at_k for each in results.branches) else None,
        training=_training_figures(results),
        midtraining=_midtraining_figures(results),
        decoding=_decoding(results),
        orders=_decoding_figures(results),
        mixtures=figures.mixtures(results) if results and results.mixtures else None,
        timeline=timeline(run.stages),
        speed=speed_figure(run.speeds),
        refining=refining_of(run.artifacts, run.changed_settings),
        answer_of=answer_of,
        ends=ends,
    )


def headline(store: Store, run_id: str) -> str:
    """The report's answer as a line of text."""
    stages = described(store, run_id)["stages"]
    artifacts = [
        _artifact(store, stage, recorded(store, run_id, stage["name"])) for stage in stages if stage["job"] == "report"
    ]
    results = read_results(artifacts[0]) if artifacts else None
    if results is None:
        return f"run {run_id} has no results yet"
    return " ".join(filter(None, (_question(results), *_answer(results), results.verdict.statement)))


def read_run(store: Store, run_id: str) -> Run:
    """What runs/<run-id>/ holds, and the manifests of what the run committed or found."""
    description = described(store, run_id)
    records = {stage["name"]: recorded(store, run_id, stage["name"]) for stage in description["stages"]}
    artifacts = {
        stage["name"]: artifact
        for stage in description["stages"]
        if (artifact := _artifact(store, stage, records[stage["name"]])) is not None
    }
    spans = load_spans(span_lines(store, run_id))
    inside = inside_stages(spans)
    trace_id = description.get("trace_id") or trace_id_of(run_id)
    return Run(
        run_id=run_id,
        pipeline=description["pipeline"],
        preset=description.get("preset", ""),
        created_at=_moment(description.get("created_at")),
        trace_id=trace_id,
        store=store.address,
        stages=tuple(
            _stage_time(stage, records[stage["name"]], artifacts.get(stage["name"]), trace_id, inside)
            for stage in description["stages"]
        ),
        changed_settings={
            stage["name"]: changed
            for stage in description["stages"]
            if (changed := changed_settings(stage["job"], stage["settings"]))
        },
        artifacts=artifacts,
        speeds=speeds_of(spans),
        drafts=findings_of_drafts(description["stages"], spans),
    )


def read_results(artifact: Artifact | None) -> Results | None:
    """The results that a report stage committed; None before that."""
    return None if artifact is None else Results.model_validate_json(artifact.read_one("results.json"))


def changed_settings(job: str, settings: Mapping[str, object]) -> dict[str, object]:
    """The settings that differ from the job's defaults, by their dotted names."""
    defaults = text.flattened(JOBS[job].model_construct().model_dump(mode="json")) if job in JOBS else {}
    return {
        name: value
        for name, value in text.flattened(settings).items()
        if name not in defaults or defaults[name] != value
    }


def _artifact(store: Store, stage: Mapping[str, Any], record: Mapping[str, Any]) -> Artifact | None:
    address = record.get("address") or stage.get("address")
    try:
        return open_artifact(store, address) if address else None
    except MissingError:
        return None


def _stage_time(
    stage: Mapping[str, Any],
    record: Mapping[str, Any],
    artifact: Artifact | None,
    trace_id: str,
    inside: Mapping[str, str],
) -> StageTime:
    started_at, ended_at = _moment(record.get("started_at")), _moment(record.get("ended_at"))
    own = started_at is not None
    if not own and artifact is not None:
        # Found, not made, in the run's last attempt: an earlier attempt may have made it.
        started_at, ended_at = artifact.manifest.started_at, artifact.manifest.committed_at
        own = artifact.manifest.producer.trace_id == trace_id
    return StageTime(
        stage=stage["name"],
        job=stage["job"],
        state=record["state"],
        needs=tuple(name for names in stage.get("inputs", {}).values() for name in names),
        started_at=started_at,
        ended_at=ended_at,
        own=own,
        address=artifact.address if artifact else "",
        digest=artifact.manifest.digest if artifact else "",
        message=text.visible(str(record.get("message", ""))),
        inside=inside.get(stage["name"], ""),
    )


def _moment(written: str | None) -> datetime | None:
    if not written:
        return None
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _question(results: Results | None) -> str:
    if results and not results.control:
        return f"Did {LEARNING} raise the share of held-out problems that are solved?"
    control = called(results.control) if results else "the base"
    return f"Did {LEARNING} gain more on the mid-trained branches than on {control}?"


def _answer(results: Results | None) -> tuple[str, str]:
    """One sentence in two parts: the answer, and what of the branches does not go with it."""
    if results is None:
        return "No results yet.", ""
    verdict = results.verdict
    if not verdict.exceptions:
        return f"{verdict.answer.capitalize()}.", ""
    return f"{verdict.answer.capitalize()},", f"{'but' if verdict.answer == 'yes' else 'and'} {verdict.exceptions}."


def _accuracy_figures(results: Results | None) -> list[Drawing]:
    if results is None or not results.branches:
        return []
    drawings = [figures.accuracy(results)]
    if results.control and len(results.branches) > 1:
        drawings.append(figures.gains_over_control(results))
    return drawings


def _training_figures(results: Results | None) -> list[Drawing]:
    if results is None:
        return []
    return [
        draw(results)
        for name, draw in figures.FIGURES_OF_TRAINING.items()
        if any(_has_values(branch, name) for branch in results.branches)
    ]


def _decoding(results: Results | None) -> list[Branch]:
    """The branches whose policy is a diffusion model."""
    return [branch for branch in results.branches if _has_values(branch, "global_ar_ness")] if results else []


def _decoding_figures(results: Results | None) -> list[Drawing]:
    if results is None:
        return []
    draws = [decoding_figures.ar_ness, decoding_figures.order_maps, decoding_figures.entropy_sinks]
    if any(each.picture for each in results.decodings):
        draws.append(decoding_figures.entropy_pictures)
    sampled = [study for study in results.studies if study.pass_at_k]
    return [
        *(draw(results.decodings) for draw in draws if results.decodings),
        *([decoding_figures.samples(sampled)] if sampled else []),
    ]


def _has_values(branch: Branch, name: str) -> bool:
    return any(value is not None for value in branch.training.values.get(name, ()))


def _midtraining_figures(results: Results | None) -> list[Drawing]:
    if results is None or not results.models:
        return []
    return [
        figures.midtraining_curve(results, "loss", label="nats per token", caption="Loss in mid-training"),
        *([figures.source_losses(results)] if any(model.source_losses for model in results.models) else []),
        figures.midtraining_curve(results, "learning_rate", label="", caption="Learning rate in mid-training"),
        figures.midtraining_curve(results, "gradient_norm", label="", caption="Gradient norm in mid-training"),
    ]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": text.percent,
        "points": text.points,
        "range": text.range_of,
        "number": text.number,
        "decimals": text.decimals,
        "duration": text.duration,
        "megabytes": text.megabytes,
        "visible": text.visible,
        "setting": _setting_text,
        "day": _day_text,
    }
    environment.globals["age"] = text.age
    return environment


def _setting_text(value: object) -> str:
    shown = ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
    return text.visible(shown if len(shown) <= SHOWN_SETTING_CHARACTERS else f"{shown[:SHOWN_SETTING_CHARACTERS]}…")


def _day_text(moment: datetime | None) -> str:
    return text.MISSING if moment is None else f"{moment.astimezone(UTC):%-d %B %Y, %H:%M} UTC"
