"""What steps take of the machine, and where it is told."""

import json
from io import StringIO
from itertools import count

import pytest
import torch

from octo import telemetry
from octo.ml import meter
from octo.ml.meter import Meter, Work, peak_of
from octo.ml.told import Told
from octo.progress import ProgressReport
from octo.trace import load_spans

CPU = torch.device("cpu")
CUDA = torch.device("cuda")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seconds pass between two looks."""
    seconds = count(0, 2)
    monkeypatch.setattr(meter.time, "monotonic", lambda: float(next(seconds)))


@pytest.mark.usefixtures("clock")
def test_a_step_lasts_until_the_next_one_begins_and_the_last_one_until_it_is_looked_at() -> None:
    steps = Meter(Work(tokens=1000), CPU)
    steps.begin(0)
    steps.begin(1)
    steps.begin(2)
    assert steps.measured(1)["tokens_per_second"] == pytest.approx(500)
    assert steps.measured(2)["tokens_per_second"] < 500


@pytest.mark.usefixtures("clock")
def test_of_a_processor_no_share_of_a_peak_is_told_and_of_no_tokens_no_rate() -> None:
    steps = Meter(Work(tokens=1000, operations_of_a_token=1e6, in_bfloat16=True), CPU)
    steps.begin(0)
    steps.begin(1)
    assert set(steps.measured(0)) == {"tokens_per_second", "memory_bytes"}
    steps = Meter(Work(), CPU)
    steps.begin(0)
    assert set(steps.measured(0)) == {"memory_bytes"}


@pytest.mark.parametrize(
    ("name", "teraflops"),
    [
        ("NVIDIA Z900", 0),
        ("NVIDIA H200", 989),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA A100-SXM4-80GB", 312),
    ],
)
def test_a_peak_is_the_makers_by_the_devices_name_or_unknown(
    name: str, teraflops: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: name)
    assert peak_of(CUDA) == 1e12 * teraflops
    assert peak_of(CPU) == 0


@pytest.mark.usefixtures("clock")
def test_the_share_of_the_peak_is_of_octos_own_count_of_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "NVIDIA A100-SXM4-40GB")
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _device: 123)
    for in_bfloat16, shares in ((True, {"share_of_peak": 0.25}), (False, {})):
        # 500 tokens a second.
        steps = Meter(Work(1000, 312e12 / 4 / 500, in_bfloat16=in_bfloat16), CUDA)
        steps.begin(0)
        steps.begin(1)
        assert steps.measured(0) == pytest.approx({"tokens_per_second": 500, "memory_bytes": 123, **shares})


def test_a_step_is_told_in_its_span_and_beside_the_progress() -> None:
    files: list[bytes] = []
    traced = telemetry.start(service="stable", run_id="run", sink=files.append)
    said = StringIO()
    told = Told(traced, ProgressReport("json", "stable", said), training=0)
    with traced.span("octo.stable.step", outlasting=True) as span:
        pass
    told.step(
        {"loss": 2.5, "gradient_norm": float("nan"), "loss.web": 2.0, "loss.math": 3.0},
        {"tokens_per_second": 4000.0, "share_of_peak": 0.41, "memory_bytes": 2.0**31},
        epochs={"web": 0.5},
        span=span,
        done=(1, 9),
        shown="loss",
    )
    traced.shutdown()
    [written] = load_spans(files[-1].splitlines())
    assert written.attributes == {
        "octo.loss": 2.5,
        "octo.tokens_per_second": 4000.0,
        "octo.share_of_peak": 0.41,
        "octo.memory_bytes": 2.0**31,
        "octo.sources.loss": ("web=2", "math=3"),
        "octo.sources.epochs": ("web=0.5",),
    }
    assert json.loads(said.getvalue())["progress"]["figures"] == {
        "loss": 2.5,
        "tokens/s": 4000.0,
        "% of peak": 41.0,
        "GiB": 2.0,
    }
