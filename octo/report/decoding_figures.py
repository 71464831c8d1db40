"""Figures of how diffusion models decode: in which order, and how sure of what."""

from collections.abc import Sequence
from math import log

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.ticker import MaxNLocator

from octo.report.drawing import BRANCH_COLOURS, DASHES, MUTED, Drawing, figure, percent_axis, to_svg
from octo.report.results import Decoding, Study
from octo.report.text import percent

SHORT = 168
"""Height of a row of panels."""


def ar_ness(decodings: Sequence[Decoding]) -> Drawing:
    """AR-ness@k of each decoding: local by both variants, and global."""
    with figure(SHORT + 66, columns=2) as (drawn, (local, whole)):
        for place, decoding in enumerate(decodings):
            colour = BRANCH_COLOURS[place % len(BRANCH_COLOURS)]
            for number, rules in enumerate(decoding.ar_ness):
                _by_k(local, rules.local_by_k, colour, DASHES[number], f"{decoding.stage}, {rules.variant}")
            _by_k(whole, decoding.ar_ness[0].global_by_k, colour, "-", "")
        local.set_title("local")
        whole.set_title("global")
        local.set_ylabel("AR-ness@k, %")
        drawn.supxlabel("k", fontsize=11, color=MUTED)
        drawn.legend(loc="outside upper left", ncols=2, handlelength=1.8, columnspacing=1.2)
        described = "; ".join(
            f"{each.stage}: local {percent(each.ar_ness[0].local_by_k.get(1))}, "
            f"global {percent(each.ar_ness[0].global_by_k.get(1))} at 1"
            for each in decodings
        )
        svg = to_svg(drawn, "ar-ness", f"AR-ness by k. {described}.")
    return Drawing(
        svg,
        "How much writing is like reading",
        "Local: tokens whose k left neighbours were written just before, in order (ordered) or in any (set). Global: "
        "tokens that were among the k leftmost not yet written. Without the first k steps, and without what lies after "
        "the end of a text.",
    )


def order_maps(decodings: Sequence[Decoding]) -> Drawing:
    """When each position was written, a panel for each decoding."""
    with figure(SHORT + 40, columns=len(decodings)) as (drawn, panels):
        for place, (axes, decoding) in enumerate(zip(panels, decodings, strict=True)):
            most = max((max(row, default=0) for row in decoding.num_by_bins), default=0) or 1
            shares = [[count / most for count in row] for row in decoding.num_by_bins]
            _map(axes, shares, place, width=decoding.length, height=decoding.num_steps)
            axes.set_title(decoding.stage)
        panels[0].set_ylabel("step")
        drawn.supxlabel("position in the completion", fontsize=11, color=MUTED)
        names = " and ".join(each.stage for each in decodings)
        svg = to_svg(drawn, "order-maps", f"How many tokens were written by step and position, of {names}.")
    return Drawing(
        svg,
        "Which position was written at which step",
        "The darker, the more completions. Reading would be the diagonal.",
    )


def entropy_sinks(decodings: Sequence[Decoding]) -> Drawing:
    """The likeliest token's probability by position, while all of the completion is masked."""
    with figure(212) as (drawn, (axes,)):
        for place, decoding in enumerate(decodings):
            probabilities = [float("nan") if each is None else each for each in decoding.sink_probabilities]
            colour = BRANCH_COLOURS[place % len(BRANCH_COLOURS)]
            axes.plot(range(1, len(probabilities) + 1), probabilities, color=colour, label=decoding.stage)
        axes.set_xlabel("position in the completion")
        axes.set_ylabel("probability, %")
        axes.set_ylim(-0.03, 1.03)
        percent_axis(axes)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        drawn.legend(loc="outside upper left", ncols=len(decodings), handlelength=1.6, columnspacing=1.2)
        svg = to_svg(drawn, "entropy-sinks", "Probability of the likeliest token by position, with everything masked.")
    return Drawing(
        svg,
        "What a model is sure of before it writes",
        "Probability of the likeliest token, in the mean of all prompts, while the whole completion is masked.",
    )


def entropy_pictures(decodings: Sequence[Decoding]) -> Drawing:
    """One completion's decoding as the entropies of what is masked, a panel for each decoding."""
    shown = [(each, each.picture) for each in decodings if each.picture]
    most = max((value or 0.0 for _, picture in shown for row in picture.entropies for value in row), default=0.0)
    with figure(SHORT + 40, columns=len(shown)) as (drawn, panels):
        for place, (axes, (decoding, picture)) in enumerate(zip(panels, shown, strict=True)):
            shares = [[(value or 0.0) / (most or 1.0) for value in row] for row in picture.entropies]
            _map(axes, shares, place, width=decoding.length, height=len(shares))
            axes.set_title(decoding.stage)
        panels[0].set_ylabel("step")
        drawn.supxlabel("position in the completion", fontsize=11, color=MUTED)
        svg = to_svg(drawn, "entropy-pictures", "Entropy of each masked position before each step of one completion.")
    return Drawing(
        svg,
        "How one completion came to be",
        f"Entropy of what is still masked, before each step: the darkest is {most / log(2):.2g} bits. What is written "
        "is blank.",
    )


def samples(studies: Sequence[Study]) -> Drawing:
    """pass@k of each way to decode, before and after reinforcement learning."""
    with figure(SHORT + 84, columns=2) as (drawn, (before, after)):
        for place, study in enumerate(studies):
            look = (BRANCH_COLOURS[place % len(BRANCH_COLOURS)], DASHES[place % len(DASHES)])
            label = f"{study.stage}: {study.temperature:g}, {study.num_steps} of {study.length}"
            _by_k(before, {each.k: each.before.value for each in study.pass_at_k}, *look, label)
            _by_k(after, {each.k: each.after.value for each in study.pass_at_k}, *look, "")
        before.set_title("before")
        after.set_title("after")
        before.set_ylabel("pass@k, %")
        drawn.supxlabel("k", fontsize=11, color=MUTED)
        drawn.legend(loc="outside upper left", handlelength=1.8)
        svg = to_svg(drawn, "samples", "Share of problems that one of k samples solves, before and after.")
    return Drawing(
        svg,
        "Temperature, steps and samples",
        "Share of problems that at least one of k samples solves. Of each evaluation: the samples' temperature, and in "
        "how many steps a completion of how many tokens was written.",
    )


def _by_k(axes: Axes, shares: dict[int, float | None], colour: str, dashes: object, label: str) -> None:
    ks = sorted(shares)
    values = [float("nan") if (share := shares[k]) is None else share for k in ks]
    axes.plot(ks, values, color=colour, linestyle=dashes, marker=".", label=label or "_")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_ylim(-0.03, 1.03)
    percent_axis(axes)


def _map(axes: Axes, shares: Sequence[Sequence[float]], place: int, *, width: int, height: int) -> None:
    """Cells of one colour, from nothing to all of it: as vectors, so that the page's theme holds for them too."""
    colour = BRANCH_COLOURS[place % len(BRANCH_COLOURS)]
    shades = LinearSegmentedColormap.from_list("shades", [to_rgba(colour, 0.0), to_rgba(colour, 1.0)])
    rows, columns = len(shares), len(shares[0])
    axes.pcolormesh(
        [width * column / columns for column in range(columns + 1)],
        [height * row / rows for row in range(rows + 1)],
        shares,
        cmap=shades,
        vmin=0.0,
        vmax=1.0,
    )
    axes.set_ylim(height, 0)
    axes.grid(visible=False)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
