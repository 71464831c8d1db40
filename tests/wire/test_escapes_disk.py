"""Attacks on the disk: filling it, leaving things behind for the next program, making what cannot be removed."""

from pathlib import Path

from octo.sandbox.verdicts import Outcome
from tests.wire.escapes import NEEDS_LAYERS, PAIR, WORKER, Target, stopped_by

pytestmark = NEEDS_LAYERS


@stopped_by(WORKER, PAIR)
def test_modules_left_behind_are_imported_by_nobody(target: Target) -> None:
    """The check that follows every attack imports `json` and finds the directory empty."""
    found = target.verdict(
        """
        import importlib.util, sys
        def attack():
            for name in ("json", "sitecustomize", "usercustomize", "conftest", "program", "octo", "statistics"):
                with open(name + ".py", "w") as file:
                    file.write("def mean(numbers): return 'right'\\ndef dumps(value): return 'right'\\nattack = dumps")
            os.mkdir("__pycache__")
            os.link("json.py", importlib.util.cache_from_source("json.py").rpartition("/")[2])
            os.rename("json.py", "json")
            os.link("json", "json.py")
            return 'wrong'
        """,
        "attack()\nimport json, statistics\nassert statistics.mean([1]) == 'right' or json.dumps(1) == 'right'",
    )
    assert found.outcome is Outcome.FAIL


@stopped_by(PAIR)
def test_there_are_no_tests_to_delete_or_rewrite(target: Target) -> None:
    told = target.told("""
        def attack():
            found = [os.path.join(top, name) for top, names, files in os.walk(".") for name in (*names, *files)]
            for path in found:
                os.remove(path)
            return found
    """)
    assert told == []


@stopped_by("rlimits")
def test_a_file_has_a_largest_size(target: Target) -> None:
    told = target.told("""
        def write():
            with open("big", "wb") as file:
                for _ in range(200):
                    file.write(bytes(1 << 20))
        def spread():
            with open("sparse", "wb") as file:
                file.truncate(1 << 40)
        def seek():
            with open("far", "wb") as file:
                file.seek(1 << 40)
                file.write(b"end")
        def attack():
            found = [attempt(each) for each in (write, spread, seek)]
            return [found, max(os.path.getsize(name) for name in os.listdir())]
    """)
    assert told == [["EFBIG"] * 3, 4 << 20]


@stopped_by(WORKER, "rlimits")
def test_many_large_files_are_too_many(target: Target) -> None:
    found = target.verdict("""
        import time
        def attack():
            for number in range(40):
                with open(f"{number}", "wb") as file:
                    file.write(bytes(4 << 20))
            time.sleep(60)
            for name in os.listdir():
                os.remove(name)
    """)
    assert (found.outcome, found.detail) == (Outcome.ERROR, "left more than 16 MiB or 500 files")


@stopped_by(WORKER)
def test_many_small_files_are_too_many(target: Target) -> None:
    found = target.verdict("""
        import time
        def attack():
            for number in range(5000):
                open(f"{number}", "w").close()
            time.sleep(60)
    """)
    assert (found.outcome, found.detail) == (Outcome.ERROR, "left more than 16 MiB or 500 files")


@stopped_by("rlimits", WORKER)
def test_files_without_a_name_are_as_many_as_descriptors(target: Target) -> None:
    """Nobody sees them who looks into the directory: `open_files` times `file_mib` is the most that they hold."""
    told = target.told("""
        kept = []
        def hide():
            for number in range(50):
                kept.append(open("hidden", "wb", buffering=0))
                os.remove("hidden")
                kept[-1].write(bytes(4 << 20))
        def attack():
            return [attempt(hide), sum(os.fstat(file.fileno()).st_size for file in kept) <= 32 * (4 << 20)]
    """)
    assert told == ["EMFILE", True]


@stopped_by(WORKER)
def test_a_nest_of_directories_deeper_than_any_path_is_too_much(target: Target) -> None:
    found = target.verdict("""
        import time
        def attack():
            for _ in range(600):
                os.mkdir("nest" * 50)
                os.chdir("nest" * 50)
            open("egg", "w").close()
            time.sleep(60)
    """)
    assert (found.outcome, found.detail) == (Outcome.ERROR, "left more than 16 MiB or 500 files")


@stopped_by(WORKER)
def test_a_folder_that_is_never_where_it_was_is_too_much(target: Target) -> None:
    found = target.verdict("""
        import time
        def attack():
            os.mkdir("0")
            within = os.open("0", os.O_RDONLY)
            open("file", "w").close()
            end = time.monotonic() + 60
            number = 0
            while time.monotonic() < end:
                number += 1
                if number < 10_000:
                    os.link("file", str(number), dst_dir_fd=within)
                os.rename(str(number - 1), str(number))
    """)
    assert (found.outcome, found.detail) == (Outcome.ERROR, "left more than 16 MiB or 500 files")


@stopped_by(WORKER)
def test_the_next_program_does_not_see_how_large_the_directory_was(target: Target) -> None:
    size = target.told("def attack(): return os.stat('.').st_size")
    target.verdict("def attack(): [open(str(n) * 60, 'w').close() for n in range(400)]")
    assert target.told("def attack(): return os.stat('.').st_size") == size


@stopped_by(WORKER)
def test_names_that_are_no_text_are_removed(target: Target) -> None:
    told = target.told("""
        def attack():
            for name in (b"\\xff\\xfe", b"new\\nline", b"-rf", b" ", b"\\x1b[2J", b"\\xed\\xa0\\x80", b"x" * 255):
                os.mkdir(name)
                open(os.path.join(name, name), "w").close()
                os.symlink(name, b"s" + name[1:])
            return len(os.listdir())
    """)
    assert told == 14


@stopped_by(WORKER)
def test_links_that_lead_out_are_removed_and_not_followed(target: Target, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = target.told(f"""
        def attack():
            outside = {str(tmp_path)!r}
            os.symlink(outside, "outside")
            os.mkdir("within")
            os.symlink(outside, "within/outside")
            os.symlink("within", "within/itself")
            os.symlink("loop", "loop")
            return len(os.listdir())
    """)
    assert told == 3
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@stopped_by("seccomp", WORKER)
def test_nothing_is_made_that_cannot_be_removed(target: Target) -> None:
    told = target.told("""
        def attack():
            os.mkdir("own")
            os.close(os.open("shut", os.O_CREAT, 0))
            return [attempt(os.mkdir, "shut too", 0), attempt(os.umask, 0o777), attempt(os.chmod, "own", 0)]
    """)
    assert told == ["EPERM"] * 3


@stopped_by(WORKER)
def test_links_with_impossible_targets_are_watched_and_removed(target: Target) -> None:
    told = target.told("""
        def attack():
            for number, to in enumerate(("x" * 300, "x/" * 2000, "/root/x", "loop", b"\\xff")):
                os.symlink(to, str(number) if isinstance(to, str) else b"loop")
            return len(os.listdir())
    """)
    assert told == 5
