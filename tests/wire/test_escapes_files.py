"""Attacks on files: reading what is outside, changing it, filling the disk, and leaving things behind."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from octo.sandbox.verdicts import Outcome
from tests.wire.escapes import NEEDS_LAYERS, PAIR, WORKER, Target, stopped_by, target_of

pytestmark = NEEDS_LAYERS
SECRET = "eyJhbGciOiJSUzI1NiJ9.of-no-account"


@pytest.fixture
def token(tmp_path: Path) -> Iterator[Path]:
    """A stand-in for what the pod's service account is proved with; it must stay as it is, and untold."""
    path = tmp_path / "var/run/secrets/kubernetes.io/serviceaccount/token"
    path.parent.mkdir(parents=True)
    path.write_text(SECRET)
    before = path.stat()
    yield path
    after = path.stat()
    assert (after.st_mode, after.st_nlink, after.st_ctime_ns) == (before.st_mode, before.st_nlink, before.st_ctime_ns)
    assert path.read_text() == SECRET
    assert [each.name for each in path.parent.iterdir()] == ["token"]


@stopped_by("landlock", "namespaces")
def test_the_token_of_the_service_account_is_not_read(target: Target, token: Path) -> None:
    told = target.told(f"""
        def attack():
            path = {str(token)!r}
            return [attempt(open, path), attempt(os.listdir, os.path.dirname(path))]
    """)
    assert told == [target.unreachable] * 2


@stopped_by("landlock", "namespaces")
def test_a_path_that_climbs_out_of_the_directory_leads_nowhere(target: Target, token: Path) -> None:
    told = target.told(f"""
        def attack():
            up = "../" * 20
            path = {str(token)!r}.lstrip("/")
            return [attempt(open, up + path), attempt(open, "x/../" + up + path), attempt(open, "//" + path)]
    """)
    assert told == [target.unreachable, "ENOENT", target.unreachable]


@stopped_by("landlock", "namespaces")
def test_a_symbolic_link_leads_nowhere(target: Target, token: Path) -> None:
    told = target.told(f"""
        def attack():
            os.symlink({str(token)!r}, "file")
            os.symlink("/", "root")
            return [attempt(open, "file"), attempt(open, "root" + {str(token)!r}), attempt(os.listdir, "root")]
    """)
    assert told == [target.unreachable, target.unreachable, "EACCES"]


@stopped_by("landlock", "namespaces")
def test_no_hard_link_is_made_to_a_file_outside(target: Target, token: Path) -> None:
    told = target.told(f"""
        def attack():
            return [attempt(os.link, {str(token)!r}, "file"), attempt(os.link, os.__file__, "library")]
    """)
    assert told == ["ENOENT" if "namespaces" in target.sandbox.layers else "EXDEV", "EXDEV"]


@stopped_by("landlock", "namespaces")
def test_proc_offers_no_way_around(target: Target, token: Path) -> None:
    told = target.told(f"""
        def attack():
            path = {str(token)!r}
            outside = os.open("/", os.O_PATH)
            return [
                attempt(open, "/proc/self/root" + path),
                attempt(open, "/proc/self/cwd/../.." + path),
                attempt(open, f"/proc/self/fd/{{outside}}" + path),
                attempt(open, f"/proc/{{os.getppid()}}/root" + path),
                attempt(os.open, path[1:], os.O_RDONLY, dir_fd=outside),
            ]
    """)
    assert told == [target.unreachable] * 5


@stopped_by("landlock", "namespaces")
def test_a_file_outside_is_neither_written_nor_removed_nor_replaced(target: Target, token: Path) -> None:
    told = target.told(f"""
        def attack():
            path = {str(token)!r}
            open("own", "w").close()
            return sorted({{
                *(attempt(open, path, mode) for mode in ("w", "a", "r+", "x")),
                attempt(os.truncate, path, 0),
                attempt(os.remove, path),
                attempt(os.rename, path, "taken"),
                attempt(os.replace, "own", path),
                attempt(os.link, "own", path + "2"),
                attempt(os.symlink, "own", path + "3"),
                attempt(os.mkdir, path + "4"),
                attempt(os.rmdir, os.path.dirname(path)),
            }})
    """)
    assert set(told) <= {"ENOENT", "EACCES", "EXDEV", "EEXIST"}


@stopped_by("seccomp", "landlock")
def test_rights_owners_times_and_attributes_of_files_stay(target: Target, token: Path) -> None:
    told = target.told(f"""
        def attack():
            os.mkdir("own")
            return [
                attempt(change, path, *arguments)
                for path in ({str(token)!r}, "own")
                for change, *arguments in (
                    (os.chmod, 0o777),
                    (os.chown, os.getuid(), os.getgid()),
                    (os.utime, (0, 0)),
                    (os.setxattr, "user.octo", b"x"),
                )
            ]
    """)
    assert told == ["EPERM"] * 8


@stopped_by("landlock", "namespaces")
def test_the_environment_of_the_worker_and_its_user_is_not_read(target: Target) -> None:
    told = target.told(f"""
        def attack():
            files = ("environ", "cmdline", "maps", "mem", "status", "auxv")
            return [attempt(open, f"/proc/{{pid}}/{{file}}") for pid in (os.getppid(), {os.getpid()}) for file in files]
    """)
    assert told == [target.unreachable] * 12


@stopped_by("landlock", "namespaces")
def test_its_own_entry_in_proc_is_closed_to_it(target: Target) -> None:
    told = target.told("""
        def attack():
            files = ("mem", "maps", "environ", "fd", "task", "oom_score_adj", "coredump_filter")
            return [attempt(open, f"/proc/self/{file}", "rb") for file in files]
    """)
    assert told == [target.unreachable] * 7


@stopped_by("landlock", "namespaces")
def test_a_walk_through_proc_finds_nothing(target: Target) -> None:
    told = target.told("""
        def attack():
            found = [name for top in ("/proc", "/sys", "/run", "/var") for name in os.walk(top)]
            return [found, attempt(os.listdir, "/proc"), attempt(open, "/proc/meminfo")]
    """)
    assert told == [[], target.unreachable, target.unreachable]


@stopped_by("namespaces")
def test_it_is_not_told_which_files_and_processes_there_are() -> None:
    """Without namespaces, contents and listings are denied, but whoever guesses a name learns whether it is there."""
    guesses = f"def attack(): return [os.path.exists({__file__!r}), attempt(os.getpgid, {os.getpid()})]"
    with target_of(()) as target:
        assert target.told(guesses) == [False, "ESRCH"]
    with target_of(("namespaces",)) as target:
        assert target.told(guesses) == [True, "done"]


@stopped_by("landlock", "namespaces")
def test_other_temporary_directories_are_closed_to_it(target: Target) -> None:
    told = target.told("""
        import tempfile
        def attack():
            return [
                attempt(os.listdir, ".."),
                attempt(open, "../left", "w"),
                attempt(tempfile.mkdtemp, dir="/tmp"),
                *(attempt(open, f"/{place}/left", "w") for place in ("dev/shm", "var/tmp", "run", "dev/mqueue")),
            ]
    """)
    # The last where the whole root is read-only.
    assert set(told) <= {"EACCES", "ENOENT", "EROFS"}


@stopped_by("landlock", "namespaces")
def test_devices_are_closed_to_it(target: Target) -> None:
    told = target.told("""
        def attack():
            devices = ("mem", "kmem", "kmsg", "port", "fuse", "kvm", "net/tun", "vda", "sda", "tty", "ptmx", "console")
            return sorted({attempt(open, "/dev/" + name, "rb") for name in devices})
    """)
    assert set(told) <= {"EACCES", "ENOENT"}


@stopped_by("seccomp", "landlock")
def test_neither_devices_nor_pipes_with_names_are_made(target: Target) -> None:
    told = target.told("""
        import stat
        def attack():
            return [attempt(os.mkfifo, "pipe"), attempt(os.mknod, "disk", stat.S_IFBLK | 0o600, os.makedev(8, 0))]
    """)
    assert told == ["EPERM", "EPERM"]


@stopped_by("landlock", "namespaces")
def test_the_standard_library_is_not_written(target: Target) -> None:
    name = f"octo_{uuid.uuid4().hex}"
    told = target.told(f"""
        import json
        def attack():
            library = os.path.dirname(os.__file__)
            return [
                attempt(open, os.__file__, "r+"),
                attempt(open, json.__file__, "r+"),
                attempt(open, json.__cached__, "r+b"),
                attempt(open, f"{{library}}/{name}.py", "w"),
                attempt(open, f"{{library}}/__pycache__/{name}.pyc", "w"),
                attempt(os.mkdir, f"{{library}}/{name}"),
            ]
    """)
    left = list(Path(os.__file__).parent.rglob(f"{name}*"))
    for path in left:
        path.unlink()
    assert left == []
    assert set(told) <= {"EACCES", "EROFS"}


@stopped_by("landlock", "namespaces")
def test_octo_itself_is_not_written(target: Target) -> None:
    told = target.told("""
        import sys
        def attack():
            files = [module.__file__ for name, module in sys.modules.items() if name.startswith("octo.sandbox.")]
            return sorted({attempt(open, file, "r+") for file in files})
    """)
    assert told in (["EACCES"], ["EROFS"])


@stopped_by(PAIR)
def test_import_hooks_and_changed_modules_stay_with_the_program(target: Target) -> None:
    found = target.verdict(
        """
        import importlib.abc, statistics, sys
        class Finder(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path=None, target=None):
                os._exit(0)
        sys.meta_path.insert(0, Finder())
        sys.path_hooks.insert(0, lambda path: os._exit(0))
        statistics.mean = lambda numbers: "right"
        sys.modules["colorsys"] = statistics
        def attack():
            return "wrong"
        """,
        "attack()\nimport colorsys, statistics\nassert statistics.mean([1]) == 'right' or hasattr(colorsys, 'mean')",
    )
    assert found.outcome is Outcome.FAIL


@stopped_by("landlock", "namespaces")
def test_its_directory_is_neither_removed_nor_replaced(target: Target) -> None:
    told = target.told("""
        def attack():
            here = os.getcwd()
            return [attempt(os.rmdir, here), attempt(os.rename, here, here + "2"), attempt(os.symlink, "/", here + "3")]
    """)
    assert set(told) <= {"EACCES", "EBUSY", "EXDEV"}


@stopped_by(WORKER)
def test_no_descriptor_is_inherited_but_its_socket(target: Target) -> None:
    told = target.told("""
        import stat
        def attack():
            kinds = {}
            for descriptor in range(1 << 16):
                if attempt(os.fstat, descriptor) == "done":
                    kinds[descriptor] = stat.filemode(os.fstat(descriptor).st_mode)[0]
            return list(kinds.values())
    """)
    assert told == ["c", "p", "p", "s"]


@stopped_by(WORKER)
def test_the_environment_is_empty(target: Target) -> None:
    told = target.told("""
        def attack():
            in_c = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
            return [dict(os.environ), bool(in_c) and in_c[0] is not None]
    """)
    assert told == [{}, False]
