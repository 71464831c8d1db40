import json

import pytest

from octo.errors import InputError
from octo.report.curves import curve, ends, read_metrics, smoothed


def lines(*metrics: dict[str, object]) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in metrics).encode()


def test_what_is_missing_or_not_finite_is_a_gap_and_never_a_zero():
    body = lines(
        {"step": 1, "reward": 0.5},
        {"step": 2, "reward": float("nan")},
        {"step": 3, "reward": float("inf")},
        {"step": 4, "reward": None},
        {"step": 5},
        {"step": 6, "reward": "0.5"},
        {"step": 7, "reward": 0.0},
    )
    read = curve(read_metrics(body, origin="here"), ["reward"])
    assert read.values["reward"] == (0.5, None, None, None, None, None, 0.0)


def test_a_curve_keeps_the_steps_that_were_logged():
    read = curve(read_metrics(lines({"step": 4, "loss": 2.0}, {"step": 8, "loss": 1.0}), origin="here"), ["loss"])
    assert read.steps == (4, 8)


def test_a_long_curve_becomes_means_that_leave_gaps_out():
    metrics = [{"step": step, "loss": float("nan") if step in (2, 7, 8, 9) else float(step)} for step in range(1, 13)]
    read = curve(metrics, ["loss"], max_points=4)
    assert read.steps_per_point == 3
    assert read.steps == (3, 6, 9, 12)
    assert read.values["loss"] == (2.0, 5.0, None, 11.0)


def test_a_long_curve_is_at_most_as_long_as_it_may_be():
    metrics = [{"step": step, "loss": 1.0} for step in range(1, 100_004)]
    assert len(curve(metrics, ["loss"]).steps) <= 400


@pytest.mark.parametrize("line", [b"{", b"[1]", b'{"reward": 1}', b'{"step": "1"}'])
def test_a_line_that_is_no_step_is_named(line: bytes):
    with pytest.raises(InputError, match=r"line 2 of metrics.jsonl in s3://octo/x"):
        read_metrics(b'{"step": 1}\n' + line + b"\n", origin="s3://octo/x")


def test_a_running_mean_leaves_gaps_where_they_are():
    assert smoothed([1.0, None, 3.0, 5.0], window=3) == [1.0, None, 4.0, 4.0]


def test_the_ends_of_a_curve_are_means_over_what_is_there():
    assert ends([None, 2.0, 4.0, *[0.0] * 16, 4.0, 6.0]) == (3.0, 5.0)
    assert ends([0.5, None, None, 0.25, None, None]) == (0.5, 0.25)
    assert ends([]) == (None, None)
