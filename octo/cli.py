"""The command line: verbs and jobs by name, each imported only when it is called."""

import os
import select
import sys
import traceback
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pkgutil import resolve_name

from octo import __version__
from octo.errors import EXIT_DONE, EXIT_FAILED, EXIT_PREEMPTED, OctoError, UsageError
from octo.settings import JOBS

VERBS = {
    "run": ("octo.pipelines.run:run_command", "run a pipeline on this machine, or resume a run"),
    "report": ("octo.report.command:report_command", "one self-contained HTML page of a run"),
    "trace": ("octo.pipelines.trace_command:trace_command", "what a run spent its time on, and its critical path"),
}
"""The function of each verb, which takes the arguments after it and gives the exit code, and what it does."""

Command = Callable[[Sequence[str]], int]

_STDOUT = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. The exit code says how it ended (errors.py); every error is one line on stderr."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        exit_code = _command(given)
        sys.stdout.flush()
    except SystemExit as ended:
        # argparse has printed the help that was asked for.
        return _exit_code(ended)
    except KeyboardInterrupt:
        return _say("stopped; what is committed stays: run again to resume", EXIT_PREEMPTED)
    except OctoError as error:
        return _failed(given, error, str(error), error.exit_code)
    except BrokenPipeError as error:
        return EXIT_FAILED if _reader_left() else _failed(given, error, _surprise(error), EXIT_FAILED)
    except Exception as error:  # noqa: BLE001 - the outermost edge: whatever it is, the user gets a sentence
        return _failed(given, error, _surprise(error), EXIT_FAILED)
    return exit_code


def help_text() -> str:
    """What `octo --help` prints: verbs, jobs, and where to read on."""
    verbs = {name: summary for name, (_, summary) in VERBS.items()}
    jobs = {job: JOBS.summary(job) for job in JOBS if job not in VERBS}
    width = max(map(len, [*verbs, *jobs]))

    def lines(entries: dict[str, str]) -> str:
        return "\n".join(f"  {name:{width}}  {summary}" for name, summary in entries.items())

    return (
        "usage: octo VERB [arguments]\n\n"
        "From raw documents to a reasoning policy, with proof of how it got there.\n\n"
        f"verbs:\n{lines(verbs)}\n\n"
        f"jobs, each in this process, as python -m jobs.JOB does it:\n{lines(jobs)}\n\n"
        "octo VERB --help says what each can be told; octo --version says which octo this is.\n"
        "Exit codes: 0 done, 1 failed, 2 wrong usage, 75 stopped and resumable."
    )


def _command(arguments: Sequence[str]) -> int:
    verb, *rest = arguments or ["--help"]
    if verb in ("--help", "-h", "help"):
        return _command([rest[0], "--help"]) if rest else _print(help_text())
    if verb == "--version":
        return _print(f"octo {__version__}")
    if verb not in VERBS and verb not in JOBS:
        near = get_close_matches(verb, [*VERBS, *JOBS], n=1)
        raise UsageError(f"octo has no verb {verb!r}: " + (f"did you mean {near[0]}?" if near else "see octo --help"))
    command: Command = resolve_name(VERBS[verb][0] if verb in VERBS else f"jobs.{verb}:main")
    return command(rest)


def _print(text: str) -> int:
    print(text)
    return EXIT_DONE


def _exit_code(ended: SystemExit) -> int:
    if isinstance(ended.code, int):
        return ended.code
    return EXIT_DONE if ended.code is None else _say(str(ended.code), EXIT_FAILED)


def _failed(arguments: Sequence[str], error: Exception, sentence: str, exit_code: int) -> int:
    if "--debug" in arguments:
        traceback.print_exception(error)
    return _say(sentence, exit_code)


def _say(sentence: str, exit_code: int) -> int:
    print(f"octo: {sentence}", file=sys.stderr)
    return exit_code


def _surprise(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] not in ("octo", "jobs"):
        return f"this needs the package {error.name}: install octo with the extra that brings it, or all of them"
    return f"this is a bug in octo: {type(error).__name__}: {error} (--debug shows the traceback)"


def _reader_left() -> bool:
    """Whether it was standard output that broke, as under `octo --help | head -1`; if so, nothing more is written."""
    poller = select.poll()
    # No event is asked for: an error is always told, and a pipe without a reader is one.
    poller.register(_STDOUT, 0)
    if not poller.poll(0):
        return False
    # What is still buffered would be tried once more, and complained about, when the interpreter ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
    return True


if __name__ == "__main__":
    sys.exit(main())
