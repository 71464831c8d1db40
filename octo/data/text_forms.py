"""How a record of named values becomes a text: one of its columns, a template of several, or a chat's turns."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from octo.settings.source_options import TextOptions

_SPEAKERS = {"user": "User", "human": "User", "assistant": "Assistant", "gpt": "Assistant", "system": "System"}
"""What the one who speaks is called, by what records call them."""
_ROLES, _SAYINGS = ("role", "from"), ("content", "value")
_OWN = {"question", "answer"}
"""Columns that stay with a document whose text they are in: a problem is looked for by them."""


class NoTextError(Exception):
    """A record has not what its text is made of; the message says what it has."""


class TextForm(NamedTuple):
    """What the text of a record is made of, and which columns tell where and when it was written."""

    options: TextOptions = TextOptions()

    @property
    def columns(self) -> Sequence[str]:
        """The columns without which a record has no text."""
        return self.options.columns

    @property
    def whole_column(self) -> str:
        """The column that is the text by itself; empty where the text is made."""
        return self.options.text if self.options.is_column else ""

    def text_of(self, record: Mapping[str, object]) -> str:
        """The text of a record; NoTextError where it has none."""
        if self.options.messages:
            return _turns(record.get(self.options.messages), self.options.messages)
        if self.options.is_column:
            text = record.get(self.options.text)
            if isinstance(text, str) and text.strip():
                return text
            found = "an empty text" if isinstance(text, str) else f"fields: {_named(record)}"
            raise NoTextError(f"expected a string in the field {self.options.text}, found {found}")
        return "".join(f"{before}{_value(record, name) if name else ''}" for before, name in self.options.pieces)

    def others(self, record: Mapping[str, object]) -> dict[str, object]:
        """What a record holds besides its text, its address and its date."""
        used = {*self.columns} - _OWN
        used |= {self.options.url, self.options.date, "metadata"}
        found = {name: value for name, value in record.items() if name not in used}
        if self.options.id in found:
            found["id"] = found.pop(self.options.id)
        # A question and an answer are known by these names, whatever their columns are called.
        return found | {
            role: record[column] for role, column in self.options.roles.items() if role in _OWN and column in record
        }


PLAIN = TextForm()
"""A field `text`, beside `url` and `date`."""


def _value(record: Mapping[str, object], name: str) -> str:
    value = record.get(name)
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    found = f"fields: {_named(record)}" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
    raise NoTextError(f"expected a text or a number in the field {name}, found {found}")


def _turns(messages: object, column: str) -> str:
    if not isinstance(messages, list) or not messages:
        raise NoTextError(f"expected a list of messages in the field {column}, found {type(messages).__name__}")
    return "\n".join(_turn(message, column) for message in messages)


def _turn(message: object, column: str) -> str:
    given = message if isinstance(message, dict) else {}
    role = next((given[name] for name in _ROLES if isinstance(given.get(name), str)), "")
    said = next((given[name] for name in _SAYINGS if isinstance(given.get(name), str)), None)
    speaker = _SPEAKERS.get(role.lower())
    if speaker is None or said is None:
        raise NoTextError(
            f"expected messages of a role ({', '.join(_SPEAKERS)}) and a content in the field {column}, "
            f"found {str(message)[:100]}"
        )
    return f"{speaker}:{said}"


def _named(record: Mapping[str, object]) -> str:
    return ", ".join(map(repr, record))[:200]
