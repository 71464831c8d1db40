"""An example of every job: a chain from generated problems to a report, each reading what the ones before committed.

The addresses follow from the settings alone, so the files under manifests/ can name them before anything has run, and
work as they are when they are created one after another.
"""

from collections.abc import Mapping

from octo.job import stage_digest
from octo.settings.base import JobSettings, Need
from octo.settings.classification import ClassificationSettings, FastTextSettings
from octo.settings.combined import with_job
from octo.settings.curation import CurationSettings
from octo.settings.decoding import DecodingSettings
from octo.settings.endpoint import STAND_IN, EndpointSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.grading import GradingSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.installation import Installation
from octo.settings.launch import LaunchSettings
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.refinement import RefinementSettings
from octo.settings.report import ReportSettings
from octo.settings.rl import RlSettings, RolloutSettings
from octo.settings.tokenization import TokenizationSettings
from octo.settings.tuning import TuningSettings

INSTALLATION = Installation(store="s3://octo")
"""What the examples run on: a bucket called octo, one pool, no queue."""

_GENERATED = ("noisy", "long", "short")


def examples() -> Mapping[str, JobSettings]:
    """Settings of every job, by its name, each after those whose artifacts it reads."""
    ingestion = IngestionSettings(
        sources=(
            "prompts=arithmetic:prompts?count=500",
            "evaluation=arithmetic:evaluation?count=100",
            *(f"{kind}=arithmetic:{kind}?count=4000&forget=0.7" for kind in _GENERATED),
            "solutions=functions:solutions?count=2000",
        ),
        need=Need(pods=2),
    )
    documents = _address(ingestion)
    curation = CurationSettings(
        documents=documents,
        benchmarks=(documents,),
        not_benchmarks=("prompts", "solutions", *_GENERATED),
        unfiltered=("prompts", "solutions", *_GENERATED),
        need=Need(pods=2),
    )
    tokenization = TokenizationSettings(
        corpus=(_address(curation),),
        sequence_length=128,
        vocabulary_size=512,
        need=Need(pods=2, cpus=2, memory_gib=4),
    )
    # Rules answer in place of a model, for these to work as they are.
    answering = EndpointSettings(model=STAND_IN, max_new_tokens=2048)
    grading = GradingSettings(
        documents=documents, untouched=_GENERATED, endpoint=answering, per_year=500, need=Need(pods=2)
    )
    classification = ClassificationSettings(
        documents=documents,
        graded=_address(grading),
        untouched=_GENERATED,
        least_score=1,
        fasttext=FastTextSettings(dimension=16, learning_rate=0.5, epochs=5, buckets=10_000),
        need=Need(pods=2, memory_gib=2),
    )
    refinement = RefinementSettings(
        documents=_address(classification), untouched=_GENERATED, endpoint=answering, need=Need(pods=2)
    )
    midtraining = MidtrainingSettings(
        tokens=(_address(tokenization),),
        weights={"noisy": 0.4, "long": 0.3, "short": 0.3},
        num_steps=60,
        batch_size=8,
        micro_batch_size=8,
        learning_rate=2e-3,
        schedule=("cosine",),
    )
    model = _address(midtraining)
    tuning = TuningSettings(model=model, examples=documents, max_new_tokens=48)
    # Two roles, to show both; with no pods for rollouts, the learner samples by itself.
    rl = RlSettings(model=model, problems=documents, num_steps=4, rollout=RolloutSettings(pods=1))
    evaluation = EvaluationSettings(models=(model, _address(rl)), problems=documents)
    decoding = DecodingSettings(model=_address(rl), prompts=documents, max_new_tokens=48, need=Need(pods=2))
    report = ReportSettings(
        branches=("base",),
        evaluations=(_address(evaluation),),
        policies=(_address(rl),),
        models=(model,),
        corpora=(_address(curation),),
    )
    # Put the files of a model there first; nothing else in the chain waits for it.
    pretrained = PretrainedSettings(source=f"{INSTALLATION.store}/models/SmolLM2-135M")
    chain = (
        *(ingestion, pretrained, grading, classification, refinement, curation, tokenization, midtraining),
        *(tuning, rl, evaluation, decoding, report),
    )
    launch = with_job(LaunchSettings, "ingestion").model_validate(
        {"sources": ingestion.sources, "need": ingestion.need, "installation": INSTALLATION}
    )
    return {settings.job: settings for settings in (*chain, launch)}


def _address(settings: JobSettings) -> str:
    """Where the job commits its artifact."""
    return f"{INSTALLATION.store}/artifacts/{settings.job}/{stage_digest(settings)}"
