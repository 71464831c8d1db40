"""Whether drafts were faster than plain decoding where a run's decodings were made: read off their spans."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from octo.findings import DRAFTS_MEASURED, ESTIMATE_ATTRIBUTES, Claim
from octo.report.findings import told
from octo.report.results import Estimate, Finding
from octo.trace import Span


def findings_of_drafts(stages: Iterable[Mapping[str, Any]], spans: Iterable[Span]) -> tuple[Finding, ...]:
    """What is to be said of each stage that decodes by drafts.

    Args:
        stages: of the run, as it is described.
        spans: of the run. A stage that was found done has none: its times were another run's.
    """
    measured = {span.stage: span.attributes for span in spans if span.name == DRAFTS_MEASURED}
    return tuple(
        told(
            Claim.DRAFTS,
            _estimate(measured.get(stage, {})),
            section="decoding",
            chance=1.0,
            length=str(length),
            machine=f"the machine of {stage}",
        )
        for stage, length in _with_drafts(stages)
    )


def _with_drafts(stages: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    for stage in stages:
        if length := stage["settings"].get("draft_length"):
            yield stage["name"], length


def _estimate(attributes: Mapping[str, object]) -> Estimate:
    numbers = (attributes.get(name) for name in ESTIMATE_ATTRIBUTES)
    value, low, high = (float(each) if isinstance(each, int | float) else None for each in numbers)
    return Estimate(value=value, low=low, high=high)
