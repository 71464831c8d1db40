import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from xml.etree import ElementTree as ET

import pytest

from octo.report import figures
from octo.report.drawing import Drawing, looks
from octo.report.results import Results
from octo.report.text import MISSING
from tests.unit.report.synthetic import Effect, Synthetic, build, finish

SMALL = Synthetic(problems=60, samples=4, rl_steps=20, midtraining_steps=30)
DRAWN: dict[str, Callable[[Results], Drawing]] = {
    "accuracy": figures.accuracy,
    "gains": figures.gains_over_control,
    "pass@k": figures.pass_at_k,
    "mixtures": figures.mixtures,
    "loss": lambda results: figures.midtraining_curve(results, "loss", label="nats", caption="Loss"),
    "rate": lambda results: figures.midtraining_curve(results, "learning_rate", label="", caption="Rate"),
    "norm": lambda results: figures.midtraining_curve(results, "gradient_norm", label="", caption="Norm"),
    "sources": figures.source_losses,
    **figures.FIGURES_OF_TRAINING,
}


@cache
def results_of(synthetic: Synthetic) -> Results:
    return finish(build(synthetic), synthetic)


def parsed(drawing: Drawing) -> ET.Element:
    return ET.fromstring(drawing.svg.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ', 1))


@pytest.mark.parametrize("name", DRAWN)
def test_equal_results_give_equal_bytes(name: str):
    results = results_of(SMALL)
    assert DRAWN[name](results) == DRAWN[name](results)


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_says_what_it_shows_and_loads_nothing(name: str):
    drawing = DRAWN[name](results_of(SMALL))
    root = parsed(drawing)
    assert root.get("role") == "img"
    assert len(root.get("aria-label") or "") > 20
    assert drawing.caption
    assert not re.findall(r"https?://|data:|<script|<image", drawing.svg)
    assert set(re.findall(r"url\((.)", drawing.svg)) <= {"#"}


@pytest.mark.parametrize("name", DRAWN)
def test_letters_stay_letters(name: str):
    assert "<text" in DRAWN[name](results_of(SMALL)).svg


def test_no_two_figures_share_an_id():
    results = results_of(SMALL)
    ids = [found for draw in DRAWN.values() for found in re.findall(r'\bid="([^"]*)"', draw(results).svg)]
    assert len(ids) == len(set(ids))


def test_a_missing_reward_breaks_the_line_and_is_not_drawn_as_zero():
    whole = results_of(SMALL)
    broken = results_of(replace(SMALL, missing_steps=(8, 9, 10)))
    draw = figures.FIGURES_OF_TRAINING["reward"]
    # A line that goes on after a gap moves to a new place: one more M in its path, for each of the four branches.
    moves = [draw(results).svg.count("\nM ") + draw(results).svg.count('"M ') for results in (whole, broken)]
    assert moves[1] - moves[0] == 4
    lowest = [max(curve_heights(draw(results))) for results in (whole, broken)]
    assert lowest[1] <= lowest[0] + 1


def curve_heights(drawing: Drawing) -> list[float]:
    """The y of the points of long lines; in SVG the largest is the lowest."""
    paths = [path.get("d") or "" for path in parsed(drawing).iter("path")]
    return [float(y) for path in paths if path.count("L") > 5 for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", path)]


def test_names_are_text_and_neither_markup_nor_formulas():
    effects = {"base": Effect(0.2, 0.3), '<b onload="x">$x_1$ & co</b>': Effect(0.2, 0.5)}
    drawing = figures.accuracy(results_of(replace(SMALL, effects=effects)))
    assert '<b onload="x">$x_1$ & co</b>' in "".join(parsed(drawing).itertext())
    assert "<b " not in drawing.svg


def test_colours_follow_the_page():
    svg = figures.accuracy(results_of(SMALL)).svg
    assert "var(--branch-1)" in svg
    assert "var(--ink)" in svg
    assert "#0072b2" not in svg


def test_branches_past_the_last_colour_get_another_line():
    found = looks(["control", *(f"b{number}" for number in range(13))], "control")
    assert len({(look.colour, look.dashes) for look in found.values()}) == 14


def test_figures_of_a_run_with_nothing_measured_can_be_drawn():
    results = results_of(replace(SMALL, problems=3, unreached=3, samples=0))
    assert MISSING in figures.accuracy(results).svg
    assert figures.gains_over_control(results).svg
