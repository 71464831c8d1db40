"""Writing spans: one trace per run across its processes, kept beside the run as OTLP-JSON lines.

Each process keeps its spans as one file, which it hands to its sink whole at every flush: the ended spans, and the open
ones as they stand (`octo.unfinished`, ending now). So a file never holds a span without its parent, and a process that
is killed leaves a trace that hangs together. A reader keeps the last line of a span.
"""

import hashlib
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import metadata
from typing import NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace.status import Status, StatusCode
from opentelemetry.util.types import AttributeValue

from octo.errors import UsageError
from octo.metric_export import Gauges
from octo.span_export import Collector, Sink, SpanFile

FLUSH_SECONDS = 5.0
SLOWEST_FLUSH_SECONDS = 60.0
SINK_SHARE = 0.05
"""A background flush every 5 s; less often, up to a minute, where handing the file over takes more of the time."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

logger = logging.getLogger(__name__)


class SpanRef(NamedTuple):
    """A span anywhere, as hexadecimal digits: 32 of its trace and 16 of its own."""

    trace_id: str
    span_id: str


def trace_id_of(run_id: str) -> str:
    """The trace of a run: whoever knows the run's id knows it, before any process starts and after all have ended.

    A UUID, as a run on Kubeflow is called, is the trace's id itself without its dashes.
    """
    if _UUID.fullmatch(run_id) and int(digits := run_id.replace("-", ""), 16):
        return digits.lower()
    return hashlib.sha256(run_id.encode()).hexdigest()[:32]


def environment_parent() -> str | None:
    """The span that started this process, as a traceparent: OCTO_TRACEPARENT, else TRACEPARENT; None without either.

    Argo's executor overwrites TRACEPARENT with spans that it may never export, so the private copy goes first.
    """
    return next(iter(_environment_traceparents()), None)


def environment_links() -> tuple[SpanRef, ...]:
    """What TRACEPARENT names when OCTO_TRACEPARENT names another parent: the process's first span links to it."""
    given = [_parse(value) for value in _environment_traceparents()]
    return tuple(given[1:]) if len(set(given)) > 1 else ()


def start(
    *, service: str, run_id: str, sink: Sink | None, otlp_endpoint: str = "", parent: str | None = None
) -> "Telemetry":
    """Begin this process's share of the run's trace.

    Args:
        service: the stage, or what else the process is (`octo.stage` of every span).
        run_id: the run, which determines the trace where there is no parent.
        sink: takes the process's whole span file at every flush, replacing the one before; None keeps no file.
        otlp_endpoint: base URL of an OTLP/HTTP collector that ended spans are also sent to, as far as it takes them.
        parent: traceparent of the span that the process works for; None makes its outermost spans roots.
    """
    resource = Resource.create(
        {
            "service.name": "octo",
            "service.namespace": "octo",
            "service.version": metadata.version("octo"),
            "octo.run": run_id,
            "octo.stage": service,
            "host.name": socket.gethostname(),
            "process.pid": os.getpid(),
        }
    )
    # The sampler and the ids are named because the SDK would ask the environment, and Python's global generator: a job
    # that seeds that one would give its spans the same ids in every process.
    provider = TracerProvider(
        sampler=ALWAYS_ON, resource=resource, id_generator=_Ids(trace_id_of(run_id)), shutdown_on_exit=False
    )
    # OTEL_SDK_DISABLED cannot take a run's own record away: manifests name spans in it.
    provider._disabled = False  # noqa: SLF001 - the SDK offers no argument for it
    collector = Collector(_url(otlp_endpoint, "traces")) if otlp_endpoint else None
    gauges = Gauges(_url(otlp_endpoint, "metrics"), resource) if otlp_endpoint else None
    return Telemetry(provider, sink=sink, collector=collector, gauges=gauges, parent=_parse(parent) if parent else None)


class Span:
    """A span while it is open."""

    __slots__ = ("_left_at", "_otel")

    def __init__(self, otel: trace.Span) -> None:
        self._otel = otel
        self._left_at: int | None = None

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return trace.format_trace_id(self._otel.get_span_context().trace_id)

    @property
    def span_id(self) -> str:
        """16 hexadecimal digits."""
        return trace.format_span_id(self._otel.get_span_context().span_id)

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        """Add a fact that was not known when the span began."""
        self._otel.set_attribute(name, value)

    def end(self) -> None:
        """End a span that outlasts its block, as of when the block was left."""
        if self._otel.is_recording():
            self._otel.end(self._left_at)


class Telemetry:
    """This process's spans. Safe to use from any thread; not across a fork."""

    def __init__(
        self,
        provider: TracerProvider,
        *,
        sink: Sink | None,
        collector: Collector | None,
        gauges: Gauges | None,
        parent: SpanRef | None,
    ) -> None:
        self._file = SpanFile(sink)
        self._collector = collector
        self._gauges = gauges
        self._parent = parent
        # Its own variable, not the SDK's: two Telemetry objects in one process do not become each other's parents.
        self._current: ContextVar[Span | None] = ContextVar("octo-span", default=None)
        self._outermost: Span | None = None
        provider.add_span_processor(self._file)
        if collector is not None:
            provider.add_span_processor(collector)
        self._tracer = provider.get_tracer("octo")
        self._stopped = threading.Event()
        self._warned = False
        if sink is not None:
            threading.Thread(target=self._flush_regularly, name="octo-spans", daemon=True).start()

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Mapping[str, AttributeValue] | None = None,
        links: Sequence[SpanRef] = (),
        *,
        outlasting: bool = False,
    ) -> Iterator[Span]:
        """A span for as long as the block lasts; an exception that leaves the block marks it as failed.

        One that is `outlasting` takes attributes after its block, until whoever has it calls its `end`.

        Its parent is the span around it; in a thread that has none yet, the process's outermost open span; without one,
        the span that the process works for.
        """
        parent = self._current.get() or self._outermost
        span = Span(
            self._tracer.start_span(
                name,
                self._context(parent),
                attributes=attributes,
                links=[trace.Link(_span_context(link)) for link in links],
                record_exception=False,
            )
        )
        token = self._current.set(span)
        if parent is None:
            self._outermost = span
        try:
            yield span
        except BaseException as error:
            span._otel.record_exception(error)  # noqa: SLF001 - the two classes are one thing
            span._otel.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))  # noqa: SLF001
            outlasting = False
            raise
        finally:
            if self._outermost is span:
                self._outermost = None
            self._current.reset(token)
            span._left_at = time.time_ns()  # noqa: SLF001
            # A span that was open at shutdown() has ended there.
            if not outlasting:
                span.end()

    def measure(self, figures: Mapping[str, float], attributes: Mapping[str, AttributeValue] | None = None) -> None:
        """Tell the collector, if there is one, what some figures are now, by the names of their metrics."""
        if self._gauges is not None:
            self._gauges.set(figures, attributes or {})

    def current_ref(self) -> SpanRef:
        """The span that a new one would be a child of; ValueError when there is none."""
        span = self._current.get() or self._outermost
        if span is not None:
            return SpanRef(span.trace_id, span.span_id)
        if self._parent is None:
            raise ValueError("no span is open: open one before asking for it")
        return self._parent

    def traceparent(self) -> str:
        """The current span for a child process, stored beforehand so that the child's spans never lack their parent.

        Always sampled and nothing else (01): tracing libraries in Go before 2026 drop a parent with newer flags.
        """
        self._try_flush()
        ref = self.current_ref()
        return f"00-{ref.trace_id}-{ref.span_id}-01"

    def flush(self) -> None:
        """Hand the sink the file as it is now, unless it has it already. What the sink raises is raised."""
        self._file.flush()

    def shutdown(self) -> None:
        """End what is still open in other threads, marked unfinished; flush; give the collector a few seconds.

        Never raises: what cannot be delivered is logged. Spans begun later reach nobody.
        """
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._file.end_open_spans()
        self._try_flush()
        if self._collector is not None:
            self._collector.shutdown()
        if self._gauges is not None:
            self._gauges.shutdown()

    def _context(self, parent: Span | None) -> Context:
        if parent is not None:
            return trace.set_span_in_context(parent._otel, Context())  # noqa: SLF001 - the two classes are one thing
        if self._parent is not None:
            return trace.set_span_in_context(trace.NonRecordingSpan(_span_context(self._parent)), Context())
        return Context()

    def _flush_regularly(self) -> None:
        pause = FLUSH_SECONDS
        while not self._stopped.wait(pause):
            self._try_flush()
            pause = min(max(FLUSH_SECONDS, self._file.sink_seconds / SINK_SHARE), SLOWEST_FLUSH_SECONDS)

    def _try_flush(self) -> None:
        try:
            self._file.flush()
        except Exception as error:  # noqa: BLE001 - whatever a sink raises, the work that is traced goes on
            if not self._warned:
                logger.warning("spans are kept back, as they could not be stored: %s", error)
            self._warned = True
        else:
            self._warned = False


class _Ids(IdGenerator):
    """Random span ids within the run's trace."""

    def __init__(self, trace_id: str) -> None:
        self._trace_id = int(trace_id, 16)

    def generate_trace_id(self) -> int:
        return self._trace_id

    def generate_span_id(self) -> int:
        return int.from_bytes(os.urandom(8), "big") or 1  # zero means no span


def _environment_traceparents() -> list[str]:
    given = (os.environ.get(name, "") for name in ("OCTO_TRACEPARENT", "TRACEPARENT"))
    return [value for value in given if _TRACEPARENT.fullmatch(value)]


_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


def _parse(traceparent: str) -> SpanRef:
    if match := _TRACEPARENT.fullmatch(traceparent):
        return SpanRef(match[1], match[2])
    raise UsageError(f"expected a traceparent such as 00-<32 digits>-<16 digits>-01, got {traceparent!r}")


def _span_context(ref: SpanRef) -> trace.SpanContext:
    return trace.SpanContext(
        int(ref.trace_id, 16), int(ref.span_id, 16), is_remote=True, trace_flags=trace.TraceFlags(0x01)
    )


def _url(endpoint: str, signal: str) -> str:
    if not endpoint.startswith(("http://", "https://")):
        raise UsageError(f"expected the base URL of an OTLP/HTTP collector, http://host:4318, got {endpoint!r}")
    return f"{endpoint.rstrip('/').removesuffix('/v1/traces')}/v1/{signal}"
