"""One result to the last bit, on any number of ranks and at every stage: real processes, which change on the way."""

import json
import math
import random
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch

from octo.ml.fixed_sums import block_squares, sum_of_all
from octo.ml.units import BLOCK, REST, Unit, layouts
from tests.ranks import run_ranks
from tests.unit.ml.exact_run import MODELS, digest, engine_of, main, train

POISONED = "False: the first tensor that holds no number is the weight NAME: take a model without such weights"
KINDS = [f"{model}-{precision}" for model in MODELS for precision in ("float32", "bfloat16")]


def on_ranks(ranks: int, folder: Path, cases: list[str], *, saved_by: int, first: int, steps: int) -> dict[str, Any]:
    told = [str(folder), *map(str, (saved_by, first, steps))]
    ended = run_ranks(ranks, "tests.unit.ml.exact_run", *told, *cases)
    assert ended.returncode == 0, ended.stderr
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    assert all(each["ranks"] == ranks for each in results.values())
    return {case.rpartition("-")[0]: each for case, each in results.items()}


def at_stages(first: int) -> list[str]:
    """Each kind at a stage of its own: what follows is told at every stage, of one kind or other."""
    return [f"{kind}-{(first + place + place // 4) % 4}" for place, kind in enumerate(KINDS)]


def test_a_training_that_changes_its_ranks_and_stages_twice_is_the_one_that_does_not(tmp_path: Path) -> None:
    main(tmp_path, 0, 0, 2, at_stages(0))
    parts = [
        {case.rpartition("-")[0]: each for case, each in json.loads((tmp_path / "results.json").read_text()).items()},
        on_ranks(2, tmp_path, at_stages(3), saved_by=1, first=2, steps=2),
        on_ranks(4, tmp_path, at_stages(2), saved_by=2, first=4, steps=1),
    ]
    for kind in KINDS:
        engine = engine_of(f"{kind}-1")
        figures = []
        for part in parts:
            figures += train(engine, kind, range(len(figures), len(figures) + len(part[kind]["figures"])))
            assert digest(engine) == part[kind]["digest"], (kind, part[kind]["ranks"])
        assert figures == list(chain.from_iterable(part[kind]["figures"] for part in parts)), kind
        assert all(applied for _, _, applied in figures)
        assert figures[0][0] != figures[-1][0]
        for part in parts:
            # Told on every rank, though the gradient of one alone holds none.
            assert part[kind]["spoilt"] == [True, False, False], kind
            assert part[kind]["unchanged"], kind
            [culprit] = set(part[kind]["culprits"])
            assert culprit.startswith("the first tensor that holds no number is the gradient of the weight "), kind
            # Nor is anything done on any rank with a weight that holds none on one of them.
            assert set(part[kind]["poisoned"]) == {POISONED}, kind


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 3, 4, 6])
def test_every_kind_has_one_digest_at_every_stage(ranks: int, tmp_path: Path) -> None:
    for stage in range(4):
        cases = [f"{kind}-{stage}" for kind in KINDS]
        (tmp_path / f"{stage}").mkdir()
        found = on_ranks(ranks, tmp_path / f"{stage}", cases, saved_by=0, first=0, steps=3)
        for kind in KINDS:
            engine = engine_of(f"{kind}-{stage}")
            assert train(engine, kind, range(3)) == found[kind]["figures"], (kind, stage)
            assert digest(engine) == found[kind]["digest"], (kind, stage)


@pytest.mark.parametrize("count", [1, 2, 1000, 1 << 17])
def test_a_sum_is_the_nearest_number_in_any_order(count: int) -> None:
    drawn = random.Random(count)
    values = [drawn.random() * 10 ** drawn.randint(-30, 20) for _ in range(count)]
    sums = set()
    for _ in range(3):
        drawn.shuffle(values)
        sums.add(sum_of_all(torch.tensor(values, dtype=torch.float64), count=count).item())
    [found] = sums
    assert found == pytest.approx(math.fsum(values), rel=1e-9)


def test_a_sum_of_what_holds_no_number_is_none() -> None:
    for wrong in (math.nan, math.inf):
        found = sum_of_all(torch.tensor([1.0, wrong, 2.0], dtype=torch.float64), count=3)
        assert not math.isfinite(found)
    assert sum_of_all(torch.zeros(3, dtype=torch.float64), count=3) == 0


def test_what_a_norm_is_summed_over_does_not_depend_on_how_many_ranks_fill_it_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = torch.Generator().manual_seed(1)
    squares = torch.rand(1 << 20, dtype=torch.float64, generator=generator) * 2.0**-22
    squares[3] = 1
    # Beside a large block, the last bits of a billion weights' norm are those of the count that it is cut by.
    assert sum_of_all(squares, count=1 << 20) != sum_of_all(squares, count=(1 << 20) + 1)
    with torch.device("meta"):
        [layout] = layouts([("rest.weight", torch.empty(2 * BLOCK - 5, requires_grad=True))])
    for ranks in range(1, 9):
        monkeypatch.setenv("WORLD_SIZE", str(ranks))
        unit = Unit(layout, [torch.nn.Parameter()], dtype=torch.float32, device=torch.device("cpu"))
        assert unit.size == {1: 2, 2: 2}.get(ranks, ranks) * BLOCK
        assert unit.layout.blocks == 2


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_squares_of_a_block_do_not_depend_on_what_lies_beside_it(threads: int) -> None:
    values = torch.randn(1 << 18, generator=torch.Generator().manual_seed(1)) * 1e25
    before = torch.get_num_threads()
    whole = block_squares(values)
    torch.set_num_threads(threads)
    try:
        for blocks in (1, 2, 7, 128, 129, 255):
            found = torch.cat([block_squares(each) for each in torch.split(values, blocks * BLOCK)])
            assert torch.equal(found, whole), blocks
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(whole.sum(), values.double().square().sum(), rtol=1e-14, atol=0)


def test_a_unit_is_a_layer_or_a_large_matrix_or_what_is_left() -> None:
    with torch.device("meta"):
        named = {
            "model.embedding.weight": torch.empty(1024, 1024),
            "model.layers.0.up.weight": torch.empty(5, 7),
            "model.layers.0.experts.1.weight": torch.empty(3),
            "model.layers.1.up.weight": torch.empty(5, 7),
            "model.norm.weight": torch.empty(7),
        }
    found = layouts((name, each.requires_grad_()) for name, each in named.items())
    assert [each.name for each in found] == ["model.embedding.weight", "model.layers.0", "model.layers.1", REST]
    assert [each.layer for each in found] == ["", "model.layers.0", "model.layers.1", ""]
    assert found[1].starts == {"model.layers.0.up.weight": 0, "model.layers.0.experts.1.weight": 64}
    assert [found[0].share(ranks) for ranks in (1, 3)] == [1 << 20, 350_208]
    # What a rank's share has of the weights: the first has all of the small ones.
    assert [(name, len(part), part_of) for name, part, part_of in found[1].parts(torch.arange(70), first=30)] == [
        ("model.layers.0.up.weight", 5, slice(30, 35)),
        ("model.layers.0.experts.1.weight", 3, slice(0, 3)),
    ]
