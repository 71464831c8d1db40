import json
from math import inf, nan
from pathlib import Path

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from octo.cluster.outputs import MOST_METRICS, executor_output, executor_output_file
from octo.errors import UsageError


def read_by_kubeflow(output: dict[str, object]) -> dict[str, object]:
    """The metrics, as the launcher parses them: a field that the message does not have is refused."""
    message = pipeline_spec_pb2.ExecutorOutput()
    json_format.Parse(json.dumps(output, allow_nan=False), message)
    return json_format.MessageToDict(message.artifacts["metrics"].artifacts[0].metadata)


def test_metrics_are_read_by_kubeflow() -> None:
    metrics = {"loss": 1.5, "steps": 24, "converged": True, "schedule": "cosine"}
    assert read_by_kubeflow(executor_output(metrics)) == metrics


def test_nested_metrics_have_dotted_names() -> None:
    assert read_by_kubeflow(executor_output({"documents": {"kept": 3, "dropped": {"too_short": 1}}})) == {
        "documents.kept": 3,
        "documents.dropped.too_short": 1,
    }


def test_what_the_ui_cannot_show_is_left_out() -> None:
    metrics = {"curve": [1, 2], "nothing": None, "nan": nan, "inf": inf, "loss": 1.0}
    assert read_by_kubeflow(executor_output(metrics)) == {"loss": 1.0}
    assert executor_output({"curve": [1, 2]}) == {}


def test_the_ui_is_not_flooded() -> None:
    assert len(read_by_kubeflow(executor_output({str(number): number for number in range(10_000)}))) == MOST_METRICS


def test_the_file_is_where_the_executors_input_says() -> None:
    executor_input = {
        "inputs": {"parameterValues": {"seed": 0}},
        "outputs": {"outputFile": "/s3/root/p/run/base/output_metadata.json", "parameters": {}},
    }
    assert executor_output_file(json.dumps(executor_input)) == Path("/s3/root/p/run/base/output_metadata.json")


@pytest.mark.parametrize("given", ["", "{{$}}", "[]", "{}", '{"outputs": {}}', '{"outputs": {"outputFile": 3}}'])
def test_something_else_is_refused_in_a_sentence(given: str) -> None:
    with pytest.raises(UsageError, match=r"--outputs\.executor-input: expected Kubeflow's executor input"):
        executor_output_file(given)
