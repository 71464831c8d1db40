"""How far a job is, as a terminal and a log show it."""

from io import StringIO

import pytest

from octo.progress import ProgressReport


class Terminal(StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


def shown(stream: StringIO) -> str:
    report = ProgressReport("auto", "stable-long", stream)
    report.advance(
        1200, 5000, "steps", **{"loss": 2.3149, "tokens/s": 41_234.0, "rate": 0.001, "norm": 0.7, "GiB": 3.44}
    )
    report.close()
    return stream.getvalue()


@pytest.mark.parametrize(("columns", "figures"), [(60, 0), (80, 1), (90, 2), (140, 5)])
def test_a_bar_leaves_out_the_last_figures_where_a_terminal_is_narrow(
    columns: int, figures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    said = shown(Terminal())
    for place, figure in enumerate(("loss 2.31", "tokens/s 41.2k", "rate 0.001", "norm 0.7", "GiB 3.44")):
        assert (figure in said) == (place < figures)
    assert "1200/5000" in said


def test_a_log_has_all_figures() -> None:
    line = "stable-long: 1200 of 5000 steps  loss 2.31  tokens/s 41.2k  rate 0.001  norm 0.7  GiB 3.44\n"
    assert shown(StringIO()) == line
