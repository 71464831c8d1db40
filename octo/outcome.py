"""How a command ends: an exit code, and for every error one line on stderr."""

import os
import select
import sys
import traceback
from collections.abc import Callable, Sequence

from octo.errors import EXIT_DONE, EXIT_FAILED, EXIT_PREEMPTED, OctoError

_STDOUT = 1
_TRUE = {"1", "true", "t", "yes", "y", "on"}
"""What the settings take for true; said here again because the settings may be what failed."""

Command = Callable[[Sequence[str]], int]


def concluded(command: Command, arguments: Sequence[str]) -> int:
    """Run a command and give its exit code (errors.py). A traceback is shown only with `--debug` or OCTO_DEBUG."""
    try:
        exit_code = command(arguments)
        sys.stdout.flush()
    except SystemExit as ended:
        # argparse has printed the help that was asked for.
        return _exit_code(ended)
    except KeyboardInterrupt:
        return _say("stopped; what is committed stays: run again to resume", EXIT_PREEMPTED)
    except OctoError as error:
        return _failed(arguments, error, str(error), error.exit_code)
    except BrokenPipeError as error:
        return EXIT_FAILED if _reader_left() else _failed(arguments, error, _surprise(error), EXIT_FAILED)
    except Exception as error:  # noqa: BLE001 - the outermost edge: whatever it is, the user gets a sentence
        return _failed(arguments, error, _surprise(error), EXIT_FAILED)
    return exit_code


def _exit_code(ended: SystemExit) -> int:
    if isinstance(ended.code, int):
        return ended.code
    return EXIT_DONE if ended.code is None else _say(str(ended.code), EXIT_FAILED)


def _failed(arguments: Sequence[str], error: Exception, sentence: str, exit_code: int) -> int:
    if "--debug" in arguments or os.environ.get("OCTO_DEBUG", "").lower() in _TRUE:
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
