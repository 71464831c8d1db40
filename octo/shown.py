"""Text that octo did not write, as a person may be shown it: what would act on a terminal is spelt out instead.

Documents, programs, models and servers say what they like. Sent to a terminal, some of it moves the cursor, renames the
window, fills the clipboard, or makes a line read as another one. All that octo prints and logs comes through here.
"""

import logging
import re

_ACTS = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, C0 and C1, but not the tab and the end of a line
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks and embeddings of bidirectional text
    "\u2028\u2029\ufff9-\ufffb\U000e0000-\U000e007f"  # ends of lines that are none, annotations, tags
    "\ud800-\udfff"  # halves of characters, which no stream takes
    "]"
)


def shown(text: str) -> str:
    r"""The text with every character that acts spelt as `\x1b` or `\u202e`, as JSON spells the latter."""
    return _ACTS.sub(_spelt, text)


def show_logs() -> None:
    """Show the messages of every log of this process from now on."""
    logging.setLogRecordFactory(ShownRecord)


class ShownRecord(logging.LogRecord):
    """A record of a log whose message is shown, whoever handles it."""

    def getMessage(self) -> str:  # noqa: N802 - logging's name for it
        """The message with its arguments."""
        return shown(super().getMessage())


def _spelt(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number < 0x20:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
