"""How fast a run's trainings went, read off the spans of their steps: no artifact holds what comes from clocks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import median

from octo.report.curves import curve
from octo.report.drawing import Drawing, figure, looks, to_svg
from octo.report.figures import draw_line, finish_curves
from octo.report.results import Curve
from octo.report.text import visible
from octo.trace import Span

SPEED = "tokens_per_second"
SHARE = "share_of_peak"


def speeds_of(spans: Iterable[Span]) -> Mapping[str, Curve]:
    """Tokens per second by step, and the share of the peak where it is known, of each stage whose steps tell it."""
    told: dict[str, dict[int, dict[str, object]]] = defaultdict(dict)
    for span in spans:
        step, speed = span.attributes.get("octo.step"), span.attributes.get(f"octo.{SPEED}")
        # A step that was done again, as after a restart, counts as it was done last; every rank says the same.
        if isinstance(step, int) and speed is not None:
            told[span.stage][step] = {"step": step, SPEED: speed, SHARE: span.attributes.get(f"octo.{SHARE}")}
    return {
        visible(stage): curve([by_step[step] for step in sorted(by_step)], (SPEED, SHARE))
        for stage, by_step in sorted(told.items())
    }


def speed_figure(speeds: Mapping[str, Curve]) -> Drawing | None:
    """Tokens per second by step, a line for each training; None where no step tells it."""
    if not speeds:
        return None
    styles = looks(list(speeds), "")
    with figure(212) as (drawn, (axes,)):
        for stage, found in speeds.items():
            draw_line(axes, found.steps, found.values[SPEED], styles[stage], stage)
        axes.set_xlabel("step")
        finish_curves(drawn, axes, "tokens a second", share=False)
        axes.set_ylim(bottom=0)
        svg = to_svg(drawn, "training-speed", "Tokens per second of each training, by step.")
    shares = {stage: share for stage, found in speeds.items() if (share := _middle(found.values[SHARE])) is not None}
    note = "".join(f" {stage} reached {100 * share:.3g} % of the devices' peak." for stage, share in shares.items())
    return Drawing(svg, "Speed of the trainings", f"On the machines of this run, all ranks together.{note}")


def _middle(values: Iterable[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return median(present) if present else None
