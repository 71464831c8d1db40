"""Updates by scores are the same on one rank and on two, whose micro-batches hold different numbers of everything."""

import json

import numpy as np
import pytest

from tests.ranks import run_ranks
from tests.unit.ml.diffusion.scores_run import run


def test_updates_on_two_ranks_that_share_the_weights_are_those_of_one(tmp_path) -> None:
    file = tmp_path / "two.json"
    # At stage 3 each weight is gathered by all ranks together, so that one call more on one of them is a hang.
    # bfloat16 is compared with the same stage: clipped by a norm with other last digits, a weight may round otherwise.
    cases = {"3-float32": "0-float32", "3-bfloat16": "3-bfloat16"}
    ended = run_ranks(2, "tests.unit.ml.diffusion.scores_run", str(file), *cases)
    assert ended.returncode == 0, ended.stderr
    for case, found in json.loads(file.read_text()).items():
        expected = run(cases[case])
        for before, after in zip(expected["steps"], found["steps"], strict=True):
            assert after == pytest.approx(before, rel=1e-5), case
        for name, weights in expected["weights"].items():
            np.testing.assert_allclose(found["weights"][name], weights, rtol=1e-5, atol=2e-6)
