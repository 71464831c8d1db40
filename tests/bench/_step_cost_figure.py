"""Draws what a denoising step costs by length and batch, from the baselines: `python -m tests.bench._step_cost_figure`.

The figure is docs/step-cost.svg.
"""

import json
from pathlib import Path

from matplotlib.axes import Axes

from octo.report.drawing import BRANCH_COLOURS, figure, to_file

HERE = Path(__file__).parent
DRAWN = HERE.parents[1] / "docs" / "step-cost.svg"


def main() -> None:
    """Write the figure."""
    DRAWN.write_text(draw(json.loads((HERE / "baselines.json").read_text())["diffusion_decoding"]))


def draw(figures: dict[str, float]) -> str:
    """The figure as SVG; equal figures give equal bytes."""
    with figure(212, columns=2, share=False) as (drawn, (by_length, by_batch)):
        _line(by_length, "length", figures)
        by_length.set_xlabel("length of a completion alone")
        by_length.set_ylabel("CPU seconds a step")
        _line(by_batch, "batch", figures)
        by_batch.set_xlabel("completions side by side")
        by_batch.set_ylabel("CPU seconds a step, each")
        return to_file(drawn, "step-cost")


def _line(axes: Axes, by: str, figures: dict[str, float]) -> None:
    prefix = f"step_seconds_{by}_"
    points = sorted(
        (int(name.removeprefix(prefix)), value) for name, value in figures.items() if name.startswith(prefix)
    )
    sizes, seconds = zip(*points, strict=True)
    axes.plot(sizes, seconds, color=BRANCH_COLOURS[0], marker="o")
    axes.set_xticks(sizes)
    axes.set_ylim(0, 1.1 * max(seconds))


if __name__ == "__main__":
    main()
