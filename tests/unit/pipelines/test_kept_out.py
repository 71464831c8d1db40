"""No preset asks models problems that were not looked for in everything that they learned from."""

from collections.abc import Iterator

import pytest

from octo.data.benchmarks import is_benchmark
from octo.pipelines import diffucoder, octothinker
from octo.pipelines.catalogue import PIPELINES
from octo.pipelines.dag import Pipeline, Stage
from octo.settings.benchmarks import BenchmarkSettings
from octo.settings.curation import CurationSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.tokenization import TokenizationSettings

PRESETS = [
    *(("octothinker", preset) for preset in octothinker.PRESETS),
    *(("diffucoder", preset) for preset in diffucoder.PRESETS),
]


def behind(pipeline: Pipeline, name: str) -> Iterator[Stage]:
    """The stages whose work a model rests on; what is only looked for, or asked, is not learned from."""
    left, seen = [name], set()
    while left:
        stage = pipeline.stage(left.pop())
        if stage.name not in seen:
            seen.add(stage.name)
            yield stage
            left += [each for field, names in stage.inputs.items() if field != "benchmarks" for each in names]


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_every_stage_that_learns_looks_for_each_benchmark_that_is_asked_later(name: str, preset: str) -> None:
    pipeline = PIPELINES[name](preset)
    evaluations = [stage for stage in pipeline.stages if isinstance(stage.settings, EvaluationSettings)]
    assert evaluations
    for evaluation in evaluations:
        asked = evaluation.inputs["problems"]
        learning = [stage for model in evaluation.inputs["models"] for stage in behind(pipeline, model)]
        looking = [stage for stage in learning if isinstance(stage.settings, BenchmarkSettings)]
        assert looking
        for stage in looking:
            assert isinstance(stage.settings, BenchmarkSettings)
            assert set(asked) <= set(stage.inputs["benchmarks"]), (stage.name, evaluation.name)
            assert is_benchmark(evaluation.settings.source, stage.settings), (stage.name, evaluation.settings.source)
            assert not stage.settings.without_benchmarks
        for stage in learning:
            if isinstance(stage.settings, TokenizationSettings):
                corpora = [pipeline.stage(each) for each in stage.inputs["corpus"]]
                assert all(isinstance(each.settings, CurationSettings) for each in corpora), stage.name
