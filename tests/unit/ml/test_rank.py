"""What a rank leaves of its end, whenever it is stopped."""

import os
import sys
from pathlib import Path

import pytest

from octo.ml import rank
from octo.ml.rank import endings


def run(folder: Path, module: str) -> int:
    return rank.main([str(os.getppid()), str(folder), "-m", module])


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("argv", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr(rank, "die_with_parent", lambda _parent: None)


def test_a_rank_leaves_how_it_ended(tmp_path: Path) -> None:
    assert run(tmp_path, "octo.missing") == 1
    assert [each.sentence for each in endings(tmp_path)] == [
        "octo: cannot run octo.missing: No module named octo.missing"
    ]


def test_a_rank_that_dies_before_its_job_begins_leaves_what_it_died_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "octo_broken_job.py").write_text("raise ValueError('no such architecture: 9.9')\n")
    (tmp_path / "octo_refusing_job.py").write_text("raise SystemExit('this machine is too old')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("RANK", "3")
    assert run(tmp_path, "octo_broken_job") == 1
    assert endings(tmp_path)[0].sentence == (
        "octo: rank 3 died before octo_broken_job began: ValueError: no such architecture: 9.9 (its traceback is above)"
    )
    assert "octo_broken_job.py" in capsys.readouterr().err
    assert run(tmp_path, "octo_refusing_job") == 1
    assert endings(tmp_path)[0].sentence == "octo: this machine is too old"


def test_a_rank_that_is_stopped_while_it_leaves_that_has_left_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_text

    def half(path: Path, text: str) -> int:
        write(path, text[: len(text) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "octo.missing")
    assert list(tmp_path.iterdir())
    assert endings(tmp_path) == []
