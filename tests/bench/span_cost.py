"""What a span costs: CPU of all threads, from opening it to having it in the sink, beside the bare SDK's."""

import time
from collections.abc import Callable
from statistics import median

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from octo import telemetry

NUM_SPANS = 2_000
ROUNDS = 9


def measure() -> dict[str, float]:
    """Microseconds of CPU per span with three attributes: medians of rounds that take turns.

    `span` is everything (the span, its encoding, a flush of all of them), `caller` what the thread that opens it pays,
    `bare_sdk` a BatchSpanProcessor that discards, `ratio` the first over the last.
    """
    rounds = [(*_octo(), _bare_sdk()) for _ in range(ROUNDS + 1)][1:]
    span, caller, bare = (median(column) for column in zip(*rounds, strict=True))
    return {"span_us": span, "caller_us": caller, "bare_sdk_us": bare, "ratio": span / bare}


def _octo() -> tuple[float, float]:
    files: list[bytes] = []
    traced = telemetry.start(service="bench", run_id="bench", sink=files.append)

    def step(index: int) -> None:
        with traced.span("octo.bench.step", {"octo.step": index, "octo.loss": 2.5, "octo.source": "general"}):
            pass

    with traced.span("octo.bench"):
        began = time.process_time()
        caller = _microseconds_of_thread(step)
        traced.flush()
        span = (time.process_time() - began) / NUM_SPANS * 1e6
    traced.shutdown()
    return span, caller


def _bare_sdk() -> float:
    provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    # A queue that holds a round: what the SDK drops costs nothing and would flatter it.
    provider.add_span_processor(BatchSpanProcessor(_Discard(), max_queue_size=2 * NUM_SPANS))
    tracer = provider.get_tracer("bench")

    def step(index: int) -> None:
        attributes = {"octo.step": index, "octo.loss": 2.5, "octo.source": "general"}
        with tracer.start_as_current_span("octo.bench.step", attributes=attributes):
            pass

    with tracer.start_as_current_span("octo.bench"):
        began = time.process_time()
        _microseconds_of_thread(step)
        provider.force_flush()
        span = (time.process_time() - began) / NUM_SPANS * 1e6
    provider.shutdown()
    return span


class _Discard(SpanExporter):
    def export(self, _spans: object) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def _microseconds_of_thread(step: Callable[[int], None]) -> float:
    began = time.thread_time()
    for index in range(NUM_SPANS):
        step(index)
    return (time.thread_time() - began) / NUM_SPANS * 1e6
