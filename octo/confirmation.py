"""Asking before something is created or deleted."""

import sys

from octo.errors import DeclinedError, UsageError
from octo.shown import shown


def confirm(question: str, *, yes: bool) -> None:
    """Return when the answer is yes: said beforehand by `--yes`, or now on a terminal.

    Raises:
        UsageError: there is nobody to ask.
        DeclinedError: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} There is no terminal to ask on: say --yes")
    # On standard error, so that what is printed can be kept.
    print(shown(f"{question} [y/N] "), end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise DeclinedError("nothing was done")
