"""The command line: verbs and jobs by name, each imported only when it is called."""

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pkgutil import resolve_name

from octo import __version__
from octo.errors import EXIT_DONE, UsageError
from octo.outcome import Command, concluded
from octo.settings import JOBS

VERBS = {
    "run": ("octo.pipelines.run:run_command", "run a pipeline on this machine, or resume a run"),
    "report": ("octo.pipelines.views:report_command", "one self-contained HTML page of a run"),
    "trace": ("octo.pipelines.views:trace_command", "what a run spent its time on, and its critical path"),
}
"""The function of each verb, which takes the arguments after it and gives the exit code, and what it does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. The exit code says how it ended (errors.py); every error is one line on stderr."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    return concluded(_command, given)


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


if __name__ == "__main__":
    sys.exit(main())
