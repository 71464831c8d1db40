"""The table of all attacks, and what some of them do where the layer that stops them is left out.

As a script it writes the table into the documentation.
"""

import os
import socket
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from octo.sandbox.layers import offered
from octo.sandbox.verdicts import Outcome
from tests.wire.escapes import ATTACKS, NEEDS_LAYERS, PAIR, WORKER, target_of, urgent_signals

pytestmark = NEEDS_LAYERS
HERE = Path(__file__).parent
MODULES = [import_module(f"tests.wire.{path.stem}") for path in sorted(HERE.glob("test_escapes_*.py"))]
PAGE = HERE.parents[1] / "docs" / "attacks.md"
HEAD = f"""# Attacks on the sandbox

What the tests do to [the sandbox](sandbox.md), each with all layers that the machine gives, and with those alone that a
restricted pod has; and what stops it: the first layer named would do, the others stand behind it. `{PAIR}` are the two
processes of program and test, `{WORKER}` is the process that forks them, watches and kills. After each attack an honest
program must pass, and nothing may be left of it. `make generate` writes this page.
"""


def test_each_layer_stops_an_attack_and_there_are_many() -> None:
    assert len(ATTACKS) >= 100
    assert {layers[0] for layers in ATTACKS.values()} >= {*offered().active, PAIR, WORKER}


def test_the_published_table_is_this_one() -> None:
    assert PAGE.read_text() == page(), "make generate"


def test_without_landlock_or_namespaces_a_file_outside_is_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("secret")
    with target_of(("landlock", "namespaces"), weaker=True) as target:
        told = target.told(f"""
            def attack():
                with open({str(path)!r}, "r+") as file:
                    told = file.read()
                    file.write(" taken")
                return told
        """)
    assert (told, path.read_text()) == ("secret", "secret taken")


def test_without_the_filter_a_program_has_children() -> None:
    with target_of(("seccomp", "namespaces"), weaker=True) as target:
        told = target.told("""
            def attack():
                child = os.fork()
                if child == 0:
                    os.setsid()
                    os._exit(7)
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        """)
    assert told == 7


def test_without_the_filter_rights_of_a_file_outside_are_changed(tmp_path: Path) -> None:
    """Landlock has no such right."""
    path = tmp_path / "file"
    path.touch(mode=0o600)
    with target_of(("seccomp", "namespaces"), weaker=True) as target:
        assert target.told(f"def attack(): return attempt(os.chmod, {str(path)!r}, 0o400)") == "done"
    assert path.stat().st_mode & 0o777 == 0o400


def test_without_filter_landlock_and_namespaces_a_service_of_this_machine_is_reached() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as service,
        target_of(("seccomp", "landlock", "namespaces"), weaker=True) as target,
    ):
        service.settimeout(10)
        told = target.told(f"""
            import socket
            def attack():
                return attempt(socket.create_connection, ("127.0.0.1", {service.getsockname()[1]}))
        """)
        service.accept()[0].close()
    assert told == "done"


def test_without_filter_landlock_and_namespaces_a_signal_arrives() -> None:
    with urgent_signals() as seen, target_of(("seccomp", "landlock", "namespaces"), weaker=True) as target:
        told = target.told(f"""
            import signal
            def attack():
                return attempt(os.kill, {os.getpid()}, signal.SIGURG)
        """)
        assert told == "done"
        # The thread that takes it tells Python, and Python this one.
        assert any(seen or threading.Event().wait(0.01) for _ in range(30_000))


@pytest.mark.parametrize(
    "program",
    [
        "class Liar:\n    def __eq__(self, other): return True\ndef attack(): return Liar()",
        "import sys\ndef attack(): sys.exit(0)",
        "import os\ndef attack(): os._exit(0)",
        "class Liar(str):\n    def __eq__(self, other): return True\ndef attack(): return Liar('wrong')",
    ],
)
def test_in_one_process_with_its_test_a_wrong_program_passes(program: str) -> None:
    """As it does where a verdict is an exit code; in a pair of processes it does not."""
    test = "assert attack() == 'right'"
    alone = subprocess.run([sys.executable, "-I", "-c", f"{program}\n{test}"], check=False)
    assert alone.returncode == 0
    with target_of(()) as target:
        assert target.verdict(program, test).outcome in {Outcome.FAIL, Outcome.ERROR}


def page() -> str:
    return HEAD + "".join(map(_section, MODULES))


def _section(module: ModuleType) -> str:
    said = " ".join(str(module.__doc__).split())
    attacks = {name: layers for name, layers in ATTACKS.items() if name in vars(module)}
    lines = [f"| {_sentence(name)} | {', '.join(layers)} |" for name, layers in attacks.items()]
    return "\n".join(["", f"**{said}**", "", f"| {len(attacks)} attacks | Stopped by |", "|---|---|", *lines, ""])


def _sentence(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ").capitalize()


if __name__ == "__main__":
    PAGE.write_text(page())
