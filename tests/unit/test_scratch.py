"""Temporary folders go with their process, or when the next one comes."""

import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from octo.scratch import scratch_folder


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary directory, with nothing else in it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left_by_a_killed_process(place: Path, name: str) -> Path:
    """A folder whose lock is there, and that nobody holds."""
    folder = place / name
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "part").write_bytes(b"1")
    folder.with_name(f"{name}.lock").touch()
    return folder


def test_a_folder_is_its_owners_alone_and_leaves_nothing(place: Path) -> None:
    with scratch_folder("rl-long.2") as folder:
        assert folder.name.startswith("octo-rl-long.2-")
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "deep").mkdir()
        (folder / "deep" / "part").write_bytes(b"1")
    assert list(place.iterdir()) == []


def test_a_block_that_fails_leaves_nothing_either(place: Path) -> None:
    with pytest.raises(KeyboardInterrupt), scratch_folder("ingest"):
        raise KeyboardInterrupt
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_holds_stays(place: Path) -> None:
    with scratch_folder("ingest") as held:
        left = left_by_a_killed_process(place, "octo-curate-x1")
        with scratch_folder("ingest") as second:
            assert not left.exists()
            assert held.exists()
            assert second != held
        assert sorted(each.name for each in place.iterdir()) == [held.name, f"{held.name}.lock"]


def test_what_has_no_lock_of_octos_is_nobodys_to_sweep(place: Path) -> None:
    (place / "octo-notes").mkdir()
    (place / "mine.lock").touch()
    (place / "elsewhere").touch()
    (place / "octo-link.lock").symlink_to(place / "elsewhere")
    with scratch_folder("ingest"):
        pass
    assert {each.name for each in place.iterdir()} == {"octo-notes", "mine.lock", "elsewhere", "octo-link.lock"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to another user")
def test_what_another_user_left_is_theirs(place: Path) -> None:
    left = left_by_a_killed_process(place, "octo-curate-x1")
    os.chown(f"{left}.lock", 12345, 12345)
    with scratch_folder("ingest"):
        pass
    assert left.exists()


def test_a_lock_that_is_swept_before_it_is_held_is_made_anew(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold, made = fcntl.flock, []

    def swept_first(descriptor: int, how: int) -> None:
        if not made:
            made.append(next(place.glob("*.lock")))
            made[0].unlink()
        hold(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", swept_first)
    with scratch_folder("ingest") as folder:
        assert f"{folder}.lock" != str(made[0])
        assert Path(f"{folder}.lock").exists()
