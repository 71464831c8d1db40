"""Children that die with the process that started them: what the launcher leaves of itself in the command."""

import os
import signal
import subprocess
import sys

from octo.processes import dying_with_parent, shielded


def test_a_command_has_the_signals_and_the_number_that_it_would_have_without_the_launcher() -> None:
    shown = ["/bin/grep", "-E", "^(SigIgn|SigBlk):", "/proc/self/status"]
    launched, direct = (subprocess.check_output(command, text=True) for command in (dying_with_parent(shown), shown))
    assert launched == direct
    with subprocess.Popen(
        dying_with_parent(["/bin/sh", "-c", "echo $$"]), stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as started:
        assert started.stdout is not None
        assert int(started.stdout.read()) == started.pid


def test_a_command_whose_parent_has_died_before_it_could_ask_is_not_run() -> None:
    # A shell between: the parent that is found is not the one that was meant.
    between = ["/bin/sh", "-c", '"$@"; echo $?', "sh"]
    ended = subprocess.run(
        [*between, *dying_with_parent(["/bin/echo", "ran"])], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "1\n"


def test_arguments_arrive_as_they_are_given() -> None:
    given = ["", "two words", "-c", "ü", "\udcff", "$HOME"]
    shown = [sys.executable, "-c", "import sys; sys.stdout.buffer.write(ascii(sys.argv[1:]).encode())", *given]
    assert subprocess.check_output(dying_with_parent(shown), text=True) == ascii(given)


def test_a_command_that_cannot_be_run_is_named() -> None:
    ended = subprocess.run(dying_with_parent(["/nowhere/weed"]), capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "octo: cannot run /nowhere/weed: No such file or directory\n")


def test_a_shielded_child_is_not_ended_by_a_signal_for_the_group_before_it_can_ignore_it() -> None:
    leaving = "import signal; print(signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    with shielded():
        child = subprocess.Popen([sys.executable, "-I", "-c", leaving], stdout=subprocess.PIPE, text=True)
    # Python has hardly begun in it.
    os.kill(child.pid, signal.SIGTERM)
    assert child.communicate() == ("True\n", None)
    assert child.returncode == 0
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
