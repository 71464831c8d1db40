"""What every figure shares: size, colours that follow the page's theme, and SVG that is safe to put into it."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

WIDTH = 400.0
"""Width of a figure in its own units; on a phone it is drawn a little smaller, on a desk a little larger."""

INK, MUTED, GRID, PAPER = "#1a1b1c", "#5d5e5f", "#dcdddf", "#fdfefe"
BRANCH_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#a0528c", "#b58900", "#4a9fd0")
"""After Okabe and Ito: told apart by readers with any colour vision."""
SOURCE_COLOURS = ("#77aadd", "#eeaa88", "#99ccaa", "#eedd88", "#ccaadd", "#aadddd", "#ddbbbb", "#bbbbbb")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
MARKERS = "osD^vP"

THEME: Mapping[str, str] = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    PAPER: "var(--paper)",
    **{colour: f"var(--branch-{place})" for place, colour in enumerate(BRANCH_COLOURS, start=1)},
}
"""Colours that the page sets, so that a figure is legible on light and on dark paper."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.labelsize": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 10.5,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "path.simplify": True,
    "path.simplify_threshold": 0.3,
}


@dataclass(frozen=True)
class Look:
    """How one branch looks in every figure."""

    colour: str
    dashes: str | tuple[float, tuple[float, ...]]
    marker: str


@dataclass(frozen=True)
class Drawing:
    """A figure as SVG, and what it shows for those who do not see it."""

    svg: str
    caption: str
    note: str = ""


def looks(names: Sequence[str], control: str) -> dict[str, Look]:
    """A look for each branch; the control is grey, and past the last colour the line's dashes change."""
    found: dict[str, Look] = {}
    others = [name for name in names if name != control]
    for place, name in enumerate(others):
        found[name] = Look(
            BRANCH_COLOURS[place % len(BRANCH_COLOURS)],
            DASHES[place // len(BRANCH_COLOURS) % len(DASHES)],
            MARKERS[place % len(MARKERS)],
        )
    return {**found, control: Look(MUTED, "-", "X")}


@contextmanager
def figure(
    height: float, *, rows: int = 1, columns: int = 1, share: bool = True
) -> Iterator[tuple[Figure, Sequence[Axes]]]:
    """An empty figure of the common width with its axes, row by row, in the common style. It must be drawn within.

    Args:
        height: in its own units.
        rows: of axes.
        columns: of axes.
        share: whether all axes have one scale.
    """
    with mpl.rc_context(_STYLE):
        drawn = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
        FigureCanvasSVG(drawn)
        axes = drawn.subplots(rows, columns, sharex=share, sharey=share, squeeze=False)
        yield drawn, list(axes.flat)


def to_file(drawn: Figure, name: str, *, transparent: bool = False) -> str:
    """The figure as the text of an SVG file: equal figures give equal bytes."""
    body = io.StringIO()
    unwanted = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context({"svg.hashsalt": name}):
        drawn.savefig(body, format="svg", transparent=transparent, metadata=unwanted)
    return re.sub(r"[ \t]+\n", "\n", body.getvalue())


def to_svg(drawn: Figure, name: str, description: str) -> str:
    """The figure as an SVG element for an HTML page: equal figures give equal bytes, and its ids are its own."""
    svg = to_file(drawn, name, transparent=True)
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    svg = re.sub(r"[ \t]*\n[ \t]*", "\n", svg)
    view_box = re.search(r'viewBox="([^"]*)"', svg)
    head = (
        f'<svg class="plot" role="img" aria-label="{escape(description)}" viewBox="{view_box[1] if view_box else ""}">'
    )
    svg = re.sub(r"<svg[^>]*>", lambda _: head, svg, count=1)
    return re.sub("|".join(THEME), lambda colour: THEME[colour[0]], svg).strip()


def percent_axis(axes: Axes, *, horizontal: bool = False) -> None:
    """Ticks of shares in per cent."""
    axis = axes.xaxis if horizontal else axes.yaxis
    axis.set_major_formatter(lambda share, _place: f"{100 * share:.3g}")
