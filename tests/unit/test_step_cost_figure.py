"""The figure in docs/diffusion.md shows the baselines."""

import json

from tests.bench import _step_cost_figure as figure


def test_the_figure_is_that_of_the_baselines() -> None:
    baselines = json.loads((figure.HERE / "baselines.json").read_text())["diffusion_decoding"]
    assert figure.DRAWN.read_text() == figure.draw(baselines), f"run `python -m {figure.__name__}`"
    assert figure.draw(baselines | {"step_seconds_length_64": 9.0}) != figure.draw(baselines)
