"""Where spans go: the process's own file of OTLP-JSON lines, and an OTLP/HTTP collector."""

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import cast

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.json.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.util.types import AttributeValue

OTLP_SECONDS = 3.0
"""How long one request to the collector may take, its retries included."""
SPANS_PER_LINE = 256

Sink = Callable[[bytes], None]

logger = logging.getLogger(__name__)


class SpanFile(SpanProcessor):
    """The process's spans as lines: each ended span encoded once, each open one anew at every flush."""

    def __init__(self, sink: Sink | None) -> None:
        self.sink_seconds = 0.0
        """How long the sink took the last time."""
        self._sink = sink
        # Open spans and those that ended since the last flush, in the order in which they began. It is only changed by
        # single operations, so a copy is a state that was: no span is in it without its parent.
        self._spans: dict[int, ReadableSpan] = {}
        self._lines: list[bytes] = []
        self._lock = threading.Lock()
        self._changed = False

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's
        """Take note of a span that begins."""
        self._spans[span.get_span_context().span_id] = span
        self._changed = True

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a span that ended until the next flush encodes it."""
        if self._sink is None:
            del self._spans[_id_of(span)]
        else:
            self._spans[_id_of(span)] = span
            self._changed = True

    def end_open_spans(self) -> None:
        """End every open span, marked unfinished."""
        for span in list(self._spans.values()):
            if isinstance(span, Span) and span.is_recording():
                span.set_attribute("octo.unfinished", True)  # noqa: FBT003 - an attribute's value
                span.end()

    def flush(self) -> None:
        """Hand the sink the whole file if it has changed since the sink last took it."""
        # The lock is held while the sink works, so that an older file never replaces a newer one.
        with self._lock:
            if self._sink is None or not self._changed:
                return
            self._changed = False
            try:
                seen = self._spans.copy()
                ended = {span_id: span for span_id, span in seen.items() if span.end_time is not None}
                # Interrupted between these two, a span is written twice, never lost.
                self._lines += _encode(list(ended.values()))
                for span_id in ended:
                    del self._spans[span_id]
                now = time.time_ns()
                still_open = [_unfinished(span, now) for span_id, span in seen.items() if span_id not in ended]
                file = b"".join([*self._lines, *_encode(still_open)])
                began = time.monotonic()
                self._sink(file)
                self.sink_seconds = time.monotonic() - began
            except BaseException:
                self._changed = True
                raise


class Collector(BatchSpanProcessor):
    """Sends ended spans to an OTLP/HTTP collector, which may be down without anybody waiting for it."""

    def __init__(self, url: str) -> None:
        # Costs 75 ms, which only a run with a collector pays.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        self._patient = _PatientExporter(OTLPSpanExporter(endpoint=url, timeout=OTLP_SECONDS), url)
        super().__init__(self._patient, max_queue_size=16_384, schedule_delay_millis=2_000)

    def shutdown(self) -> None:
        """Send what is queued until the collector does not take a batch, for a little longer than one may take."""
        self._patient.last_chance = True
        sender = threading.Thread(target=super().shutdown, name="octo-last-spans", daemon=True)
        sender.start()
        sender.join(OTLP_SECONDS + 1)
        if sender.is_alive():
            self._patient.shutdown()


class _PatientExporter(SpanExporter):
    """Says once that the collector does not take spans, where the SDK would say it at every batch, and tries on.

    With `last_chance` the first batch that is not taken is the last that is tried.
    """

    def __init__(self, exporter: SpanExporter, url: str) -> None:
        self.last_chance = False
        self._exporter = exporter
        self._url = url
        self._warned = False
        self._given_up = False
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch."""
        if self._given_up:
            return SpanExportResult.FAILURE
        if (result := self._exporter.export(spans)) is SpanExportResult.SUCCESS:
            return result
        self._given_up = self.last_chance
        if not self._warned:
            self._warned = True
            logger.warning("the collector at %s does not take spans; the run's own copy is complete", self._url)
        return result

    def shutdown(self) -> None:
        """Stop, also in the middle of a retry."""
        self._given_up = True
        self._exporter.shutdown()


def _encode(spans: Sequence[ReadableSpan]) -> list[bytes]:
    batches = [spans[at : at + SPANS_PER_LINE] for at in range(0, len(spans), SPANS_PER_LINE)]
    return [json.dumps(encode_spans(batch).to_dict(), separators=(",", ":")).encode() + b"\n" for batch in batches]


def _unfinished(span: ReadableSpan, now: int) -> ReadableSpan:
    # copy() is one operation; iterating would meet the attributes that the span's own thread is changing.
    attributes = cast("MappingProxyType[str, AttributeValue]", span.attributes).copy()
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes={**attributes, "octo.unfinished": True},
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=now,
        instrumentation_scope=span.instrumentation_scope,
    )


def _id_of(span: ReadableSpan) -> int:
    context = span.get_span_context()
    return context.span_id if context is not None else 0
