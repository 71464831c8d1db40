"""When ranks are said to wait for others, and how that is told."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from octo.ml.gang_watch import Seen, told
from octo.ml.machines import Hang
from octo.ml.marks import Mark, marks_in
from octo.ml.stacks import is_gone, is_stopped, place_in

PATIENCE = 30.0


def marks(*collectives: int) -> list[Mark]:
    return [Mark(rank=rank, pid=1, collectives=each, patience=PATIENCE) for rank, each in enumerate(collectives)]


def hang_after(looks: Sequence[tuple[float, list[Mark]]], *, ranks: int = 3) -> Hang | None:
    seen = Seen()
    for now, found in looks:
        seen.look(found, now)
    return seen.hang(ranks=ranks, now=looks[-1][0])


def test_ranks_that_have_begun_a_collective_wait_for_those_that_have_not() -> None:
    stuck = marks(7, 6, 7)
    assert hang_after([(0, stuck), (PATIENCE, stuck)]) == Hang(waiting=[0, 2], missing=[1], seconds=PATIENCE)


def test_a_slow_step_of_all_ranks_is_no_hang() -> None:
    computing = marks(7, 7, 7)
    assert hang_after([(0, computing), (100 * PATIENCE, computing)]) is None


def test_a_rank_that_still_comes_further_is_waited_for() -> None:
    assert hang_after([(0, marks(9, 6, 9)), (20, marks(9, 7, 9)), (40, marks(9, 7, 9))]) is None


def test_a_rank_that_is_late_by_less_than_the_patience_is_waited_for() -> None:
    late = marks(7, 6, 7)
    assert hang_after([(0, late), (PATIENCE - 1, late)]) is None


def test_nothing_is_said_of_ranks_before_all_have_started() -> None:
    assert hang_after([(0, marks(1, 0)), (2 * PATIENCE, marks(1, 0))]) is None


def test_a_rank_that_never_comes_to_where_they_join_is_missing() -> None:
    joining = [Mark(rank=0, pid=1, collectives=0, patience=PATIENCE), Mark(rank=1, pid=2)]
    assert hang_after([(0, joining), (PATIENCE, joining)], ranks=2) == Hang(waiting=[0], missing=[1], seconds=PATIENCE)


@pytest.mark.parametrize(
    ("waiting", "missing", "said"),
    [
        ([0], [1], "rank 0 waited 30 s for rank 1: run again"),
        ([0, 1, 2, 5], [3, 4], "ranks 0 to 2 and 5 waited 30 s for ranks 3 to 4: run again"),
        ([7], [0, 2, 4], "rank 7 waited 30 s for ranks 0, 2 and 4: run again"),
    ],
)
def test_ranks_are_named_in_a_sentence(waiting: list[int], missing: list[int], said: str) -> None:
    assert told(Hang(waiting=waiting, missing=missing, seconds=30), {}, stopped=[]).startswith(said)


def test_a_place_is_the_collective_and_the_line_of_ours_that_began_it() -> None:
    stacks = """Thread 0x00007f (most recent call first):
  File "/opt/lib/python3.11/threading.py", line 331 in wait

Current thread 0x00007a (most recent call first):
  File "/opt/site-packages/torch/distributed/distributed_c10d.py", line 21 in _helper
  File "/opt/site-packages/torch/distributed/distributed_c10d.py", line 3252 in all_gather
  File "/src/octo/ml/engine.py", line 87 in exchange
  File "/src/octo/ml/rank.py", line 83 in main"""
    assert place_in(stacks) == "all_gather (octo/ml/engine.py:87)"
    assert place_in("") == ""


def test_a_living_process_is_neither_gone_nor_stopped() -> None:
    assert not is_gone(os.getpid())
    assert not is_stopped(os.getpid())


def test_marks_that_are_no_marks_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "0.mark").write_text("{")
    (tmp_path / "1.mark").write_text(Mark(rank=1, pid=3).model_dump_json())
    assert [mark.rank for mark in marks_in(tmp_path)] == [1]
