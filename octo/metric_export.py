"""Where figures of a process go while it works: gauges at an OTLP/HTTP collector. None of it is kept beside the run."""

import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import Resource
from opentelemetry.util.types import AttributeValue

from octo.span_export import OTLP_SECONDS

if TYPE_CHECKING:
    from opentelemetry.metrics import _Gauge as Gauge
    from opentelemetry.sdk.metrics import MeterProvider

EXPORT_SECONDS = 10.0

logger = logging.getLogger(__name__)


class Gauges:
    """Figures as they were last, sent every ten seconds to a collector that may be down without anybody waiting."""

    def __init__(self, url: str, resource: Resource) -> None:
        """Nothing is imported, and nothing sent, before the first figure: most processes have none."""
        self._url = url
        self._resource = resource
        self._lock = threading.Lock()
        self._provider: MeterProvider | None = None
        self._gauges: dict[str, Gauge] = {}

    def set(self, figures: Mapping[str, float], attributes: Mapping[str, AttributeValue]) -> None:
        """Take figures by the names of their metrics."""
        with self._lock:
            if self._provider is None:
                self._provider = _provider_to(self._url, self._resource)
            meter = self._provider.get_meter("octo")
            for name, value in figures.items():
                if name not in self._gauges:
                    self._gauges[name] = meter.create_gauge(name)
                self._gauges[name].set(value, dict(attributes))

    def shutdown(self) -> None:
        """Send the last figures, for as long as one request may take."""
        if self._provider is None:
            return
        sender = threading.Thread(target=self._provider.shutdown, name="octo-last-figures", daemon=True)
        sender.start()
        sender.join(OTLP_SECONDS + 1)


def _provider_to(url: str, resource: Resource) -> "MeterProvider":
    # They cost a tenth of a second, which only a process with a collector and figures pays.
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415

    # The SDK would say at every batch that nobody takes it; that is said once, of spans.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
    logging.getLogger("opentelemetry.sdk.metrics").setLevel(logging.CRITICAL)
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(endpoint=url, timeout=OTLP_SECONDS),
        export_interval_millis=1000 * EXPORT_SECONDS,
        export_timeout_millis=1000 * OTLP_SECONDS,
    )
    return MeterProvider([reader], resource=resource, shutdown_on_exit=False)
