import queue
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

from octo import span_export, telemetry
from octo.errors import UsageError
from octo.trace import load_spans
from tests.ports import free_port
from tests.wire.serving import serving


class FakeCollector(ThreadingHTTPServer):
    """Takes OTLP/HTTP on a loopback port; refuses the first requests with the statuses that it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: queue.Queue[tuple[str, ExportTraceServiceRequest]] = queue.Queue()
        self.figures: queue.Queue[ExportMetricsServiceRequest] = queue.Queue()
        self.refusals: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def taken(self) -> list[ExportTraceServiceRequest]:
        return [request for _, request in self.requests.queue]

    def gauges(self) -> dict[tuple[str, str], float]:
        """What each gauge was last, by its name and its source."""
        last = list(self.figures.queue)[-1]
        found = {}
        for scope in last.resource_metrics[0].scope_metrics:
            for metric in scope.metrics:
                for point in metric.gauge.data_points:
                    given = {each.key: each.value.string_value for each in point.attributes}
                    found[metric.name, given.get("octo.source", "")] = point.as_double
        return found

    def spans(self) -> list[ProtoSpan]:
        resources = [each for request in self.taken() for each in request.resource_spans]
        return [span for each in resources for scope in each.scope_spans for span in scope.spans]


class _Handler(BaseHTTPRequestHandler):
    server: FakeCollector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refusals:
            self.send_response(self.server.refusals.pop())
        elif self.path == "/v1/metrics":
            self.server.figures.put(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
        else:
            self.server.requests.put((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCollector]:
    """One that answers, and is waited for, however slow the machine is."""
    monkeypatch.setattr(span_export, "OTLP_SECONDS", 300.0)
    server = FakeCollector()
    with serving(server):
        yield server


def test_the_collector_gets_every_span_of_every_process_in_one_trace(collector: FakeCollector) -> None:
    runner = telemetry.start(service="runner", run_id="run", sink=None, otlp_endpoint=collector.url)
    with runner.span("octo.run"):
        job = telemetry.start(
            service="rl-long", run_id="run", sink=None, otlp_endpoint=collector.url, parent=runner.traceparent()
        )
        with job.span("octo.rl"):
            for step in range(3000):
                with job.span("octo.rl.step", {"octo.step": step}):
                    pass
        job.shutdown()
    runner.shutdown()
    spans = collector.spans()
    assert {span.trace_id.hex() for span in spans} == {telemetry.trace_id_of("run")}
    ids = {span.span_id for span in spans}
    assert len(ids) == 3002
    assert [span.name for span in spans if span.parent_span_id not in ids] == ["octo.run"]


def test_the_collector_learns_which_process_of_which_run_wrote_a_span(collector: FakeCollector) -> None:
    traced = telemetry.start(service="rl-long", run_id="run-7", sink=None, otlp_endpoint=collector.url)
    with traced.span("octo.rl"):
        pass
    traced.shutdown()
    ((path, request),) = collector.requests.queue
    assert path == "/v1/traces"
    attributes = {each.key: each.value for each in request.resource_spans[0].resource.attributes}
    assert attributes["service.name"].string_value == "octo"
    assert attributes["octo.run"].string_value == "run-7"
    assert attributes["octo.stage"].string_value == "rl-long"
    assert attributes["process.pid"].int_value > 0


def test_the_collector_also_gets_what_was_still_open_at_shutdown(collector: FakeCollector) -> None:
    traced = telemetry.start(service="rl", run_id="run", sink=None, otlp_endpoint=collector.url)
    opened, release = threading.Event(), threading.Event()

    def roll_out() -> None:
        with traced.span("octo.rl.rollout"):
            opened.set()
            release.wait(timeout=1500)

    thread = threading.Thread(target=roll_out)
    thread.start()
    opened.wait(timeout=1500)
    traced.shutdown()
    release.set()
    thread.join()
    (span,) = collector.spans()
    assert [each.key for each in span.attributes] == ["octo.unfinished"]


def test_the_collector_gets_the_last_figures_of_a_training_by_source(collector: FakeCollector) -> None:
    traced = telemetry.start(service="stable", run_id="run-7", sink=None, otlp_endpoint=f"{collector.url}/v1/traces")
    for loss in (3.0, 2.5):
        traced.measure({"octo.training.loss": loss, "octo.training.gradient_norm": 0.5})
        traced.measure({"octo.training.source.loss": 1.5}, {"octo.source": "web"})
        traced.measure({"octo.training.source.loss": 2.25}, {"octo.source": "math"})
    traced.shutdown()
    assert collector.gauges() == {
        ("octo.training.loss", ""): 2.5,
        ("octo.training.gradient_norm", ""): 0.5,
        ("octo.training.source.loss", "web"): 1.5,
        ("octo.training.source.loss", "math"): 2.25,
    }
    [last] = list(collector.figures.queue)[-1].resource_metrics
    of_it = {each.key: each.value.string_value for each in last.resource.attributes}
    assert (of_it["octo.stage"], of_it["octo.run"]) == ("stable", "run-7")


@pytest.mark.parametrize("suffix", ["", "/", "/v1/traces"])
def test_the_endpoint_may_be_given_with_or_without_its_path(collector: FakeCollector, suffix: str) -> None:
    traced = telemetry.start(service="rl", run_id="run", sink=None, otlp_endpoint=collector.url + suffix)
    with traced.span("octo.rl"):
        pass
    traced.shutdown()
    assert [path for path, _ in collector.requests.queue] == ["/v1/traces"]


def test_an_endpoint_without_a_scheme_is_refused_with_the_value() -> None:
    with pytest.raises(UsageError, match="got 'collector:4318'"):
        telemetry.start(service="rl", run_id="run", sink=None, otlp_endpoint="collector:4318")


def test_a_collector_that_is_busy_for_a_moment_gets_the_spans_later(collector: FakeCollector) -> None:
    collector.refusals = [503]
    traced = telemetry.start(service="rl", run_id="run", sink=None, otlp_endpoint=collector.url)
    with traced.span("octo.rl"):
        pass
    traced.shutdown()
    assert [span.name for span in collector.spans()] == ["octo.rl"]


@pytest.fixture
def closed() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def silent() -> Iterator[str]:
    """Accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("kind", ["closed", "silent"])
def test_a_collector_that_does_not_answer_keeps_nobody_waiting_and_costs_no_span(
    kind: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    # Who waited for an answer would wait until the time that every test has is over.
    files: list[bytes] = []
    endpoint = request.getfixturevalue(kind)
    traced = telemetry.start(service="rl", run_id="run", sink=files.append, otlp_endpoint=endpoint)
    with traced.span("octo.rl"):
        for _ in range(2000):
            with traced.span("octo.rl.step"):
                pass
        traced.measure({"octo.training.loss": 2.0})
        traced.flush()
    traced.shutdown()
    assert len(load_spans(files[-1].splitlines())) == 2001
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [f"the collector at {endpoint}/v1/traces does not take spans; the run's own copy is complete"]
