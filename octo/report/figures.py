"""The figures of a report. Each is a function from results to a drawing; a missing value is a gap, never a zero."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import ceil

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from octo.report.comparison import mid_trained
from octo.report.curves import smoothed
from octo.report.drawing import (
    DASHES,
    INK,
    MUTED,
    PAPER,
    SOURCE_COLOURS,
    WIDTH,
    Drawing,
    Look,
    figure,
    looks,
    percent_axis,
    to_svg,
)
from octo.report.results import Curve, Estimate, Mixture, Model, PassAtK, Results
from octo.report.text import percent, points, range_of

SMOOTHED_SHARE = 0.08
"""Width of the running mean over a curve, as a share of its points."""
MIN_SMOOTHED_POINTS = 24
"""A curve with fewer points is shown as it is."""


def accuracy(results: Results) -> Drawing:
    """Greedy accuracy before and after, a row for each branch."""
    branches = results.branches
    styles = _looks(results)
    with figure(44 * len(branches) + 52) as (drawn, (axes,)):
        for row, branch in enumerate(branches):
            measure, colour = branch.greedy, styles[branch.name].colour
            if measure.before.value is not None and measure.after.value is not None:
                start, end = sorted((measure.before.value, measure.after.value))
                axes.barh(row, end - start, left=start, height=0.62, color=colour, alpha=0.13, linewidth=0)
            _whisker(axes, measure.before, row - 0.15, colour, hollow=True)
            _whisker(axes, measure.after, row + 0.15, colour, hollow=False)
            _right_label(axes, row, points(measure.gain.value))
        axes.set_xlim(-0.02, 1.02)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
        percent_axis(axes, horizontal=True)
        axes.set_xlabel("right answers, %")
        _rows(axes, [branch.name for branch in branches])
        axes.annotate(
            "gain", (1.02, 1), xycoords="axes fraction", xytext=(0, 3), textcoords="offset points", color=MUTED
        )
        described = "; ".join(
            f"{branch.name} from {percent(branch.greedy.before.value)} to {percent(branch.greedy.after.value)}"
            for branch in branches
        )
        svg = to_svg(drawn, "accuracy", f"Accuracy before and after reinforcement learning: {described}.")
    return Drawing(
        svg,
        "Greedy accuracy before (hollow) and after (filled) reinforcement learning",
        f"Bars are 95\N{NO-BREAK SPACE}% intervals over {_what_of(results)}; on the right the gain in percentage "
        "points.",
    )


def gains_over_control(results: Results) -> Drawing:
    """How much more than the control each branch gained, and all of them on average."""
    branches = mid_trained(results.branches)
    styles = _looks(results)
    rows = [(branch.name, branch.greedy.over_control or Estimate(), styles[branch.name].colour) for branch in branches]
    rows.append(("their mean", results.verdict.difference, INK))
    with figure(30 * len(rows) + 56) as (drawn, (axes,)):
        for row, (_, estimate, colour) in enumerate(rows):
            _whisker(axes, estimate, row, colour, hollow=False, marker="D" if colour == INK else "o")
            _right_label(axes, row, points(estimate.value))
        axes.axvline(0, color=MUTED, linewidth=1.2)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(lambda share, _place: points(share, 0))
        axes.set_xlabel(f"gain beyond that of {results.control}, percentage points")
        _rows(axes, [name for name, _, _ in rows])
        described = "; ".join(
            f"{name} {points(estimate.value)} points, interval {range_of(estimate, signed=True)}"
            for name, estimate, _ in rows
        )
        svg = to_svg(drawn, "gains", f"Gain beyond that of {results.control}: {described}.")
    return Drawing(
        svg,
        f"How much more each branch gained than {results.control}",
        "Paired over problems, 95\N{NO-BREAK SPACE}% bootstrap intervals. One that is all right of zero tells a larger "
        "gain there, left of it a smaller one; of one that holds zero, neither can be told. The last row is the "
        "report's one test.",
    )


def pass_at_k(results: Results) -> Drawing:
    """pass@k before and after, a panel for each branch."""
    branches = [branch for branch in results.branches if branch.pass_at_k]
    styles = _looks(results)
    num_rows = ceil(len(branches) / 2)
    with figure(118 * num_rows + 46, rows=num_rows, columns=min(2, len(branches))) as (drawn, panels):
        for axes, branch in zip(panels, branches, strict=False):
            colour = styles[branch.name].colour
            _band(axes, branch.pass_at_k, [each.before for each in branch.pass_at_k], MUTED, (0, (3, 1.5)))
            _band(axes, branch.pass_at_k, [each.after for each in branch.pass_at_k], colour, "-")
            axes.set_title(branch.name)
            axes.set_xscale("log", base=2)
            axes.set_xticks([each.k for each in branch.pass_at_k], [str(each.k) for each in branch.pass_at_k])
            axes.minorticks_off()
            axes.set_ylim(-0.03, 1.03)
            axes.set_yticks([0, 0.5, 1])
            percent_axis(axes)
        for axes in panels[len(branches) :]:
            axes.set_visible(False)
        drawn.supxlabel("k, samples per problem", fontsize=11, color=MUTED)
        drawn.supylabel("pass@k, %", fontsize=11, color=MUTED)
        described = "; ".join(
            f"{branch.name} at k = {branch.pass_at_k[-1].k} from {percent(branch.pass_at_k[-1].before.value)} "
            f"to {percent(branch.pass_at_k[-1].after.value)}"
            for branch in branches
        )
        svg = to_svg(drawn, "pass-at-k", f"pass@k before and after reinforcement learning: {described}.")
    return Drawing(
        svg,
        "pass@k before (grey, dashed) and after (coloured)",
        "The chance that one of k sampled answers is right, by the unbiased estimator; shaded: 95\N{NO-BREAK SPACE}% "
        "bootstrap intervals.",
    )


def training_curve(
    results: Results, name: str, *, label: str, caption: str, note: str = "", share: bool = False
) -> Drawing:
    """One figure of reinforcement learning by step, a line for each branch."""
    styles = _looks(results)
    with figure(212) as (drawn, (axes,)):
        for branch in results.branches:
            draw_line(axes, branch.training.steps, branch.training.values[name], styles[branch.name], branch.name)
        axes.set_xlabel("step")
        finish_curves(drawn, axes, label, share=share)
        svg = to_svg(drawn, f"rl-{name}", f"{caption}, by step of reinforcement learning, for each branch.")
    smoothing = _smoothing_note([branch.training for branch in results.branches])
    return Drawing(svg, caption, f"{note} {smoothing}".strip())


def midtraining_curve(results: Results, name: str, *, label: str, caption: str) -> Drawing:
    """One figure of mid-training by tokens seen since random weights, a line for each model."""
    styles = _looks(results)
    unit, divisor = _token_unit(results.models)
    with figure(212) as (drawn, (axes,)):
        for place, model in enumerate(results.models):
            tokens = [
                None if seen is None else (model.tokens_before + seen) / divisor
                for seen in model.curve.values["tokens"]
            ]
            look = styles.get(model.branch) or Look(INK, DASHES[place % 3], "o")
            draw_line(axes, tokens, model.curve.values[name], look, model.stage, smooth=name == "loss")
        axes.set_xlabel(f"tokens since random weights{unit}")
        finish_curves(drawn, axes, label, share=False)
        if name == "learning_rate":
            axes.yaxis.set_major_formatter(lambda rate, _place: f"{rate:.3g}")
            axes.set_ylim(bottom=0)
        svg = to_svg(drawn, f"midtraining-{name}", f"{caption} for each mid-trained model, by tokens seen.")
    note = _smoothing_note([model.curve for model in results.models]) if name == "loss" else ""
    return Drawing(svg, caption, f"A model goes on where the one that it continues ended. {note}".strip())


def source_losses(results: Results) -> Drawing:
    """Loss by source in mid-training, a panel for each model that was trained on several."""
    models = [model for model in results.models if model.source_losses]
    sources = sorted({source for model in models for source in model.source_losses})
    styles = looks(sources, "")
    num_rows, columns = ceil(len(models) / 2), _legend_columns(sources)
    height = 128 * num_rows + 46 + 18 * ceil(len(sources) / columns)
    with figure(height, rows=num_rows, columns=min(2, len(models))) as (drawn, panels):
        for axes, model in zip(panels, models, strict=False):
            for source, losses in model.source_losses.items():
                draw_line(axes, model.curve.steps, losses, styles[source], source)
            axes.set_title(model.stage)
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            axes.yaxis.set_major_locator(MaxNLocator(4))
        for axes in panels[len(models) :]:
            axes.set_visible(False)
        drawn.supxlabel("step", fontsize=11, color=MUTED)
        drawn.supylabel("nats per token", fontsize=11, color=MUTED)
        lines = [panels[0].plot([], [], color=styles[each].colour, linestyle=styles[each].dashes) for each in sources]
        handles = [line for [line] in lines]
        drawn.legend(handles, sources, loc="outside upper left", ncols=columns, handlelength=1.6, columnspacing=1.2)
        svg = to_svg(drawn, "midtraining-sources", "Loss in mid-training by source, a panel for each model, by step.")
    smoothing = _smoothing_note([model.curve for model in models])
    return Drawing(svg, "Loss in mid-training by source", f"The mean over each step's tokens of a source. {smoothing}")


def mixtures(results: Results) -> Drawing:
    """Share of the tokens by source, a bar for each training."""
    sources = sorted({share.source for mixture in results.mixtures for share in mixture.sources})
    colours = {source: SOURCE_COLOURS[place % len(SOURCE_COLOURS)] for place, source in enumerate(sources)}
    columns = _legend_columns(sources)
    with figure(30 * len(results.mixtures) + 40 + 18 * ceil(len(sources) / columns)) as (drawn, (axes,)):
        for row, mixture in enumerate(results.mixtures):
            _stack(axes, row, mixture, colours)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
        percent_axis(axes, horizontal=True)
        axes.set_xlabel("share of the tokens, %")
        _rows(axes, [mixture.stage for mixture in results.mixtures])
        handles = [axes.barh(0, 0, color=colours[source], label=source) for source in sources]
        drawn.legend(handles=handles, loc="outside upper left", ncols=columns, handlelength=0.9, columnspacing=1.2)
        svg = to_svg(drawn, "mixtures", "Share of the tokens by source for each training; the table has the numbers.")
    return Drawing(svg, "What each model was trained on", "")


FIGURES_OF_TRAINING: Mapping[str, Callable[[Results], Drawing]] = {
    "reward": partial(training_curve, name="reward", label="mean reward", caption="Reward"),
    "response_length": partial(training_curve, name="response_length", label="tokens", caption="Length of the answers"),
    "truncated": partial(
        training_curve,
        name="truncated",
        label="% of answers",
        caption="Answers cut at the length limit",
        note="A cut answer is wrong, whatever it would have said.",
        share=True,
    ),
    "zero_variance_groups": partial(
        training_curve,
        name="zero_variance_groups",
        label="% of groups",
        caption="Groups of equal rewards",
        note="All answers to the prompt were right, or all wrong: nothing is learned from it.",
        share=True,
    ),
    "pass_rate": partial(training_curve, name="pass_rate", label="% of tests", caption="Tests passed", share=True),
    "local_ar_ness": partial(
        training_curve,
        name="local_ar_ness",
        label="% of tokens",
        caption="Local AR-ness at 1",
        note="The share of tokens that were written right after the one to their left.",
        share=True,
    ),
    "global_ar_ness": partial(
        training_curve,
        name="global_ar_ness",
        label="% of tokens",
        caption="Global AR-ness at 1",
        note="The share of tokens that were the leftmost not yet written.",
        share=True,
    ),
}
"""By the name of the metric."""


def _what_of(results: Results) -> str:
    """What an interval covers."""
    seeds = len(results.verdict.by_seed)
    return f"{seeds} training seeds and " * (seeds > 1) + f"{results.problems} held-out problems"


def _looks(results: Results) -> dict[str, Look]:
    return looks([branch.name for branch in results.branches], results.control)


def _whisker(axes: Axes, estimate: Estimate, row: float, colour: str, *, hollow: bool, marker: str = "o") -> None:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return
    axes.plot([estimate.low, estimate.high], [row, row], color=colour, linewidth=1.6, solid_capstyle="butt")
    face = PAPER if hollow else colour
    axes.plot([estimate.value], [row], marker, color=colour, markerfacecolor=face, markersize=6.5, markeredgewidth=1.5)


def _right_label(axes: Axes, row: float, text: str) -> None:
    axes.annotate(
        text,
        (1, row),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        annotation_clip=False,
    )


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names, color=INK)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def _band(
    axes: Axes,
    chances: Sequence[PassAtK],
    estimates: Sequence[Estimate],
    colour: str,
    dashes: str | tuple[float, tuple[float, ...]],
) -> None:
    ks = [each.k for each in chances]
    low, middle, high = (
        [_or_nan(getattr(estimate, name)) for estimate in estimates] for name in ("low", "value", "high")
    )
    axes.fill_between(ks, low, high, color=colour, alpha=0.16, linewidth=0)
    axes.plot(ks, middle, color=colour, linestyle=dashes)


def draw_line(
    axes: Axes,
    places: Sequence[float | None],
    values: Sequence[float | None],
    look: Look,
    name: str,
    *,
    smooth: bool = True,
) -> None:
    """A curve with its name; one of many points is thin, and thick in a running mean."""
    xs, ys = list(map(_or_nan, places)), list(map(_or_nan, values))
    if smooth and len(values) >= MIN_SMOOTHED_POINTS:
        axes.plot(xs, ys, color=look.colour, linewidth=0.8, alpha=0.28)
        ys = list(map(_or_nan, smoothed(values, window=max(3, round(SMOOTHED_SHARE * len(values))))))
    axes.plot(xs, ys, color=look.colour, linestyle=look.dashes, label=name)


def finish_curves(drawn: Figure, axes: Axes, label: str, *, share: bool) -> None:
    """The axes and the legend of curves that are drawn."""
    axes.set_ylabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    if share:
        axes.set_ylim(-0.03, 1.03)
        percent_axis(axes)
    names = axes.get_legend_handles_labels()[1]
    drawn.legend(loc="outside upper left", ncols=_legend_columns(names), handlelength=1.6, columnspacing=1.2)


def _legend_columns(names: Sequence[str]) -> int:
    """As many columns as fit, by the longest name: a letter is about 6.5 wide, a handle with its gaps 45."""
    return max(1, min(4, int(WIDTH / (6.5 * max(map(len, names), default=1) + 45))))


def _stack(axes: Axes, row: int, mixture: Mixture, colours: Mapping[str, str]) -> None:
    total = sum(share.tokens for share in mixture.sources)
    left = 0.0
    for share in mixture.sources:
        width = share.tokens / total if total else 0.0
        axes.barh(row, width, left=left, height=0.66, color=colours[share.source], edgecolor=PAPER, linewidth=1)
        if width >= 0.1:
            axes.text(
                left + width / 2, row, f"{100 * width:.0f}", ha="center", va="center", color="#101112", fontsize=10
            )
        left += width


def _token_unit(models: Sequence[Model]) -> tuple[str, float]:
    most = max(
        (model.tokens_before + (seen or 0) for model in models for seen in model.curve.values["tokens"]), default=0
    )
    for name, divisor in ((", billions", 1e9), (", millions", 1e6), (", thousands", 1e3)):
        if most >= divisor:
            return name, divisor
    return "", 1.0


def _smoothing_note(curves: Sequence[Curve]) -> str:
    thinned = max((curve.steps_per_point for curve in curves), default=1)
    if all(len(curve.steps) < MIN_SMOOTHED_POINTS for curve in curves):
        return ""
    return f"Thin: {'each step' if thinned == 1 else f'means of {thinned} steps'}; thick: running mean."


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
