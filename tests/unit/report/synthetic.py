"""A whole run made up in memory: the artifacts, records and spans that a report is made from, without any training."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeVar

import numpy as np

from octo.data.documents import Dropped, to_parquet
from octo.errors import MissingError
from octo.report.collection import collect
from octo.report.results import Results
from octo.settings.report import ReportSettings
from octo.storage.artifacts import Artifact, IndexResult, InputRef, Output, SpanId, open_artifact
from octo.storage.seals import sealed, sealed_json, unsealed, unsealed_json
from octo.telemetry import trace_id_of

BEGAN = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
NO_GAIN = 0.0
T = TypeVar("T")


class MemoryStore:
    """The store's interface over a dict."""

    address = "s3://octo"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def at(self, _address: str) -> "MemoryStore":
        return self

    def get(self, key: str) -> bytes:
        if key not in self.objects:
            raise MissingError(f"nothing is stored at {self.address}/{key}")
        return self.objects[key]

    def get_if_present(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def get_checked(self, key: str, believed: Callable[[bytes], T]) -> T | None:
        return believed(self.objects[key]) if key in self.objects else None

    def get_sealed(self, key: str) -> bytes | None:
        return self.get_checked(key, unsealed)

    def get_record(self, key: str) -> object:
        return unsealed_json(self.get(key))

    def put(self, key: str, body: bytes, **_headers: str) -> None:
        self.objects[key] = body

    def put_if_absent(self, key: str, body: bytes) -> bool:
        return self.objects.setdefault(key, body) is body

    def head(self, key: str) -> int | None:
        return len(self.objects[key]) if key in self.objects else None

    def list(self, prefix: str) -> Iterator[str]:
        return iter(sorted(key for key in self.objects if key.startswith(prefix)))


@dataclass(frozen=True)
class Effect:
    """How often a branch's model is right before and after reinforcement learning."""

    before: float
    after: float


EFFECTS: Mapping[str, Effect] = {
    "base": Effect(0.06, 0.11),
    "long": Effect(0.38, 0.86),
    "short": Effect(0.31, 0.64),
    "hybrid": Effect(0.36, 0.79),
}


@dataclass(frozen=True, eq=False)
class Synthetic:
    """What the made-up run is like; the defaults are a run whose mid-trained branches gain more than the base."""

    effects: Mapping[str, Effect] = field(default_factory=lambda: EFFECTS)
    control: str = "base"
    problems: int = 400
    samples: int = 16
    rl_steps: int = 60
    midtraining_steps: int = 160
    completion: str = "  27\n+ 85\n7 + 5 = 12, write 2, carry 1. 2 + 8 + 1 = 11. The answer is 112."
    question: str = "What is 27 + 85?"
    url: str = "python:stdlib/statistics.py#mean"
    missing_steps: tuple[int, ...] = ()
    """Steps of reinforcement learning whose reward is NaN."""
    unreached: int = 0
    """Problems of each evaluation without a greedy verdict."""
    fewer_verdicts: Mapping[str, int] = field(default_factory=dict)
    """Of each evaluation's problems with fewer verdicts than samples, how many they have."""
    problem_counters: Mapping[str, int] = field(default_factory=dict)
    """What the ingestion of problems says of their proofs."""
    seed: int = 7
    num_seeds: int = 1
    """Trainings of each policy, all of which start from one model."""


@dataclass
class Builder:
    """Commits one artifact after the other, each a few seconds after the one before."""

    store: MemoryStore
    run_id: str = "demo"
    clock: datetime = BEGAN
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    settings: dict[str, dict[str, object]] = field(default_factory=dict)
    times: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)

    def add(
        self,
        stage: str,
        job: str,
        indexes: Sequence[IndexResult],
        *,
        inputs: Mapping[str, Sequence[str]] | None = None,
        settings: Mapping[str, object] | None = None,
        seconds: float = 4.0,
    ) -> Artifact:
        inputs = inputs or {}
        digest = sha256(f"{job}/{stage}".encode()).hexdigest()
        output = Output(self.store, job=job, digest=digest, attempt="a1")
        for index, result in enumerate(indexes):
            output.commit(index, result)
        started = max([self.times[name][1] for names in inputs.values() for name in names], default=BEGAN)
        ended = started + timedelta(seconds=seconds)
        artifact = output.finish(
            range(len(indexes)),
            stage=stage,
            code_version=1,
            settings=dict(settings or {}),
            inputs={field: [InputRef.of(self.artifacts[name]) for name in names] for field, names in inputs.items()},
            versions={"octo": "0.1.0", "python": "3.11.9", "torch": "2.13.0"},
            producer=SpanId(trace_id=trace_id_of(self.run_id), span_id=sha256(stage.encode()).hexdigest()[:16]),
            started_at=started,
        )
        # A manifest has the time of its commit, and these are made in no time.
        manifest = artifact.manifest.model_copy(update={"committed_at": ended})
        self.store.put(f"artifacts/{job}/{digest}/manifest.json", manifest.canonical())
        self.artifacts[stage], self.jobs[stage] = replace(artifact, manifest=manifest), job
        self.inputs[stage] = {field: list(names) for field, names in inputs.items()}
        self.settings[stage], self.times[stage] = dict(settings or {}), (started, ended)
        return artifact


def build(synthetic: Synthetic | None = None, *, store: MemoryStore | None = None, run_id: str = "demo") -> Builder:
    """A store with everything but the report's own stage."""
    synthetic = synthetic or Synthetic()
    made = Builder(store or MemoryStore(), run_id)
    branches = [name for name in synthetic.effects if name != synthetic.control]
    proofs = {f"problems.{name}": count for name, count in synthetic.problem_counters.items()}
    made.add("problems", "ingestion", [IndexResult({"documents.parquet": b"problems"}, counters=proofs)], seconds=0.9)
    sources = ["general=python:stdlib", "math=python:sympy", "long=arithmetic:long?count=6000"]
    counters = {
        "files.in": 1_205,
        "files.read": 1_202,
        "files.unread.hidden": 2,
        "files.unread.unknown_format": 1,
        "records.in": 1_000,
        "records.written": 900,
        "records.rejected.malformed_json": 100,
    }
    documents = [IndexResult({"documents.parquet": b"documents"}, counters={"documents": 900, **counters})]
    made.add("ingest", "ingestion", documents, settings={"sources": sources}, seconds=21)
    made.add(
        "curate",
        "curation",
        [curated(synthetic)],
        inputs={"documents": ["ingest"], "benchmarks": ["problems"]},
        settings={"unfiltered": ["long", "short"], "min_words": 50},
        seconds=12,
    )
    made.add(
        "tokenize",
        "tokenization",
        [IndexResult({"tokens-general-00000.bin": b"tokens"})],
        inputs={"corpus": ["curate"]},
        settings={"sequence_length": 128, "vocabulary_size": 512},
    )
    steps = {"num_steps": synthetic.midtraining_steps, "learning_rate": 2e-3}
    made.add(
        synthetic.control,
        "midtraining",
        [trained(synthetic, synthetic.control, level=5.2, floor=2.9, cosine=False)],
        inputs={"tokens": ["tokenize"]},
        settings={**steps, "schedule": "constant"},
        seconds=31,
    )
    made.add(
        "stable",
        "midtraining",
        [trained(synthetic, "stable", level=2.9, floor=2.1, cosine=False)],
        inputs={"tokens": ["tokenize"], "model": [synthetic.control]},
        settings={**steps, "schedule": "constant"},
        seconds=33,
    )
    for place, name in enumerate(branches):
        made.add(
            f"decay-{name}",
            "midtraining",
            [trained(synthetic, name, level=2.1, floor=1.5 + 0.15 * place, cosine=True)],
            inputs={"tokens": ["tokenize"], "model": ["stable"]},
            settings={**steps, "schedule": "cosine"},
            seconds=20,
        )
    for place, (name, effect) in enumerate(synthetic.effects.items()):
        start = start_of(name, synthetic)
        made.add(
            f"rl-{name}",
            "rl",
            [reinforced(synthetic, effect, place + 10 * seed) for seed in range(synthetic.num_seeds)],
            inputs={"model": [start], "problems": ["problems"]},
            settings={"num_steps": synthetic.rl_steps},
            seconds=44 + 9 * place,
        )
        made.add(
            f"evaluate-{name}",
            "evaluation",
            [
                evaluated(synthetic, effect.before, made.artifacts[start], place, "before"),
                *(
                    evaluated(synthetic, effect.after, made.artifacts[f"rl-{name}"], place, "after", seed)
                    for seed in range(synthetic.num_seeds)
                ),
            ],
            inputs={"models": [start, f"rl-{name}"], "problems": ["problems"]},
            seconds=7,
        )
    return made


def finish(made: Builder, synthetic: Synthetic | None = None) -> Results:
    """Commit the report's stage as its job would, and what the runner writes about the run."""
    synthetic = synthetic or Synthetic()
    fields = report_inputs(synthetic)
    settings = report_settings(made, synthetic)
    inputs = {field: tuple(made.artifacts[name] for name in names) for field, names in fields.items()}
    results = collect(settings, inputs, made.store)
    body = results.model_dump_json(indent=1).encode()
    made.add("report", "report", [IndexResult({"results.json": body})], inputs=fields, seconds=1.3)
    write_run(made)
    return results


def report_inputs(synthetic: Synthetic) -> dict[str, list[str]]:
    names = list(synthetic.effects)
    branches = [name for name in names if name != synthetic.control]
    return {
        "evaluations": [f"evaluate-{name}" for name in names],
        "policies": [f"rl-{name}" for name in names],
        "models": [synthetic.control, "stable", *(f"decay-{name}" for name in branches)],
        "corpora": ["curate"],
        "decodings": [],
        "studies": [],
        "decoupled": [],
    }


def report_settings(made: Builder, synthetic: Synthetic) -> ReportSettings:
    addresses = {
        field: tuple(made.artifacts[name].address for name in names)
        for field, names in report_inputs(synthetic).items()
    }
    return ReportSettings(branches=tuple(synthetic.effects), control=synthetic.control, resamples=2000, **addresses)


def write_run(made: Builder, *, states: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """run.json, stages/*.json and spans, as the runner and the jobs write them."""
    stages = [
        {
            "name": stage,
            "job": made.jobs[stage],
            "inputs": made.inputs[stage],
            "settings": made.settings[stage],
            "digest": artifact.manifest.digest,
            "address": artifact.address,
        }
        for stage, artifact in made.artifacts.items()
    ]
    run = {"run_id": made.run_id, "pipeline": "octothinker", "preset": "toy", "stages": stages}
    put_json(made.store, f"runs/{made.run_id}/run.json", {**run, "trace_id": trace_id_of(made.run_id)})
    for stage, artifact in made.artifacts.items():
        started, ended = made.times[stage]
        record = {
            "stage": stage,
            "job": made.jobs[stage],
            "state": "done",
            "digest": artifact.manifest.digest,
            "address": artifact.address,
            "attempt": "a1",
            "started_at": started.isoformat(),
            "ended_at": ended.isoformat(),
            "committed_at": "",
            "message": "",
        }
        put_json(made.store, f"runs/{made.run_id}/stages/{stage}.json", {**record, **(states or {}).get(stage, {})})
        lines = span_lines(stage, made.jobs[stage], trace_id_of(made.run_id), started, ended)
        made.store.put(f"runs/{made.run_id}/spans/{stage}-a1.jsonl", sealed(lines))


def reopened(made: Builder, stage: str) -> Artifact:
    return open_artifact(made.store, made.artifacts[stage].address)


def put_json(store: MemoryStore, key: str, value: Mapping[str, object]) -> None:
    store.put(key, sealed_json(value))


def start_of(name: str, synthetic: Synthetic) -> str:
    return name if name == synthetic.control else f"decay-{name}"


def curated(synthetic: Synthetic) -> IndexResult:
    counts = {"too_short": 131, "duplicate": 64, "repetitive": 17, "contaminated": 3}
    dropped = [
        Dropped(
            "0" * 64, "general", synthetic.url, reason, f"Return the {reason} value of data, that is number {number}."
        )
        for reason, count in counts.items()
        for number in range(count)
    ]
    kept = 685
    return IndexResult(
        parts={"documents.parquet": b"kept", "dropped.parquet": to_parquet(dropped, Dropped)},
        rows={"documents.parquet": kept, "dropped.parquet": len(dropped)},
        counters={
            "documents.in": kept + len(dropped),
            "documents.kept": kept,
            **{f"documents.dropped.{reason}": count for reason, count in counts.items()},
            **{f"sources.general.{reason}": count for reason, count in counts.items()},
            "sources.general.kept": kept - 300,
            "sources.math.kept": 300,
            "lines.removed.few_words": 12,
        },
    )


def mixed(name: str) -> bytes:
    weights = {
        "base": {"general": 0.85, "noisy": 0.15},
        "stable": {"general": 0.10, "math": 0.75, "noisy": 0.15},
    }.get(name, {"general": 0.10, "math": 0.60, name: 0.30})
    sources = [
        {
            "source": source,
            "weight": weight,
            "share": f"{round(20 * weight)}/20",
            "sequences": round(1954 * weight),
            "tokens": round(250_000 * weight) + 17 * place,
            "epochs": round(0.4 + 2 * weight, 4),
        }
        for place, (source, weight) in enumerate(weights.items())
    ]
    mixture = {
        "sources": sources,
        "sequences": 1954,
        "sequence_length": 128,
        "vocabulary_size": 512,
        "left_out": {"short": 12} if name == "long" else {},
    }
    return json.dumps(mixture).encode()


def trained(synthetic: Synthetic, name: str, *, level: float, floor: float, cosine: bool) -> IndexResult:
    random = np.random.Generator(np.random.Philox(key=synthetic.seed))
    steps = synthetic.midtraining_steps
    lines = []
    for step in range(1, steps + 1):
        loss = floor + (level - floor) * np.exp(-5 * step / steps) + 0.04 * random.standard_normal()
        rate = 2e-3 * ((0.1 + 0.45 * (1 + np.cos(np.pi * step / steps))) if cosine else 1.0)
        sources = ("general", "math", "web <b>pages")
        by_source = {f"loss.{source}": loss + 0.1 * place for place, source in enumerate(sources)}
        whole = {"step": step, "loss": loss, "learning_rate": rate, "gradient_norm": 0.7, "tokens": step * 2048}
        lines.append(whole | by_source)
    return IndexResult(
        {"metrics.jsonl": json_lines(lines), "mixture.json": mixed(name), "model.safetensors": b"weights" * 9000}
    )


def reinforced(synthetic: Synthetic, effect: Effect, place: int) -> IndexResult:
    random = np.random.Generator(np.random.Philox(key=synthetic.seed + place))
    lines = []
    for step in range(1, synthetic.rl_steps + 1):
        done = 1 - np.exp(-4 * step / synthetic.rl_steps)
        reward = float(
            np.clip(effect.before + (effect.after - effect.before) * done + 0.03 * random.standard_normal(), 0, 1)
        )
        lines.append(
            {
                "step": step,
                "reward": float("nan") if step in synthetic.missing_steps else reward,
                "response_length": 14 + 9 * place * done + 0.6 * random.standard_normal(),
                "truncated": float(np.clip(0.3 * (1 - done) + 0.02 * random.standard_normal(), 0, 1)),
                "zero_variance_groups": float(np.clip(0.2 + 0.5 * done + 0.05 * random.standard_normal(), 0, 1)),
                "entropy": 1.4 - done,
            }
        )
    return IndexResult(
        {"metrics.jsonl": json_lines(lines), "rollouts.jsonl": b"", "model.safetensors": b"weights" * 9000}
    )


def evaluated(
    synthetic: Synthetic, share: float, model: Artifact, place: int, side: str, training: int = 0
) -> IndexResult:
    # The same problems are hard for every model, as real ones are.
    hardness = np.random.Generator(np.random.Philox(key=synthetic.seed)).random(synthetic.problems)
    noise = np.random.Generator(np.random.Philox(key=[synthetic.seed, 2 * (place + 10 * training) + (side == "after")]))
    chance = np.clip(share + 0.5 * (0.5 - hardness) * min(1.0, 4 * share * (1 - share)), 0, 1)
    greedy = (noise.random(synthetic.problems) < chance).astype(int).tolist()
    counts = noise.binomial(synthetic.samples, chance).tolist() if synthetic.samples else [None] * synthetic.problems
    verdicts: list[list[object]] = [
        [f"problem-{number}", None if number < synthetic.unreached else right, count]
        for number, (right, count) in enumerate(zip(greedy, counts, strict=True))
    ]
    for number, (name, _, count) in enumerate(verdicts):
        if name in synthetic.fewer_verdicts:
            most = synthetic.fewer_verdicts[name]
            verdicts[number][2] = min(count, most) if most else None
    evaluation = {
        "model": model.address,
        "job": model.manifest.job,
        "training": training,
        "problems": synthetic.problems,
        "greedy": {"correct": sum(greedy), "total": synthetic.problems},
        "pass_at_k": {},
        "samples_per_problem": synthetic.samples,
        "mean_length": 15.5,
        "verdicts": verdicts,
        "fewer_verdicts": {"problems": synthetic.fewer_verdicts},
        "examples": [
            {
                "question": f"{synthetic.question} ({number})",
                "answer": "112",
                "completion": synthetic.completion if side == "after" else "27 + 85 = 102",
                "correct": bool(greedy[number]),
            }
            for number in range(min(4, synthetic.problems))
        ],
    }
    return IndexResult({"evaluation.json": json.dumps(evaluation).encode()}, counters={"problems": synthetic.problems})


def json_lines(lines: Sequence[Mapping[str, object]]) -> bytes:
    return "".join(json.dumps(line, default=float) + "\n" for line in lines).encode()


def span_lines(stage: str, job: str, trace_id: str, started: datetime, ended: datetime) -> bytes:
    """A root span of the stage and two steps in it, as OTLP JSON."""
    root = sha256(stage.encode()).hexdigest()[:16]
    middle = started + (ended - started) / 2
    spans = [
        (f"octo.{job}", root, "", started, ended),
        (f"octo.{job}.step", sha256(f"{stage}/1".encode()).hexdigest()[:16], root, started, middle),
        (f"octo.{job}.step", sha256(f"{stage}/2".encode()).hexdigest()[:16], root, middle, ended),
    ]
    encoded = [
        {
            "traceId": trace_id,
            "spanId": span_id,
            "parentSpanId": parent,
            "name": name,
            "startTimeUnixNano": str(int(since.timestamp() * 1e9)),
            "endTimeUnixNano": str(int(until.timestamp() * 1e9)),
        }
        for name, span_id, parent, since, until in spans
    ]
    resource = {"attributes": [{"key": "octo.stage", "value": {"stringValue": stage}}]}
    request = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": encoded}]}]}
    return json.dumps(request).encode() + b"\n"


def with_effects(**effects: tuple[float, float]) -> Synthetic:
    return replace(Synthetic(), effects={name: Effect(*shares) for name, shares in effects.items()})
