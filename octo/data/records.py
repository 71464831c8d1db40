"""From a record, whatever file it was in, to a document or the reason why it is none."""

from collections import Counter
from collections.abc import Mapping, Sequence

from octo.data.documents import Document, Rejected, new_document
from octo.data.text_forms import PLAIN, NoTextError, TextForm

Record = Mapping[str, object]
Found = tuple[str, Record | Rejected]
"""Where a record stands, and the record."""


class UnreadableError(Exception):
    """A file cannot be read, or not from here on; the message says why."""


def document_of(record: Record, *, label: str, url: str, form: TextForm = PLAIN) -> Document | Rejected:
    """The document in a record that stands at `url`."""
    try:
        text = form.text_of(record)
    except NoTextError as error:
        return Rejected(url, "missing_text", str(error))
    metadata = form.others(record)
    given = record.get("metadata")
    if isinstance(given, dict):
        metadata |= given
    elif given is not None:
        metadata["metadata"] = given
    own_url, date = record.get(form.options.url), record.get(form.options.date)
    try:
        return new_document(text, source=label, url=str(own_url or url), date=str(date or ""), metadata=metadata)
    except UnicodeEncodeError as error:
        return Rejected(url, "invalid_utf8", f"character {error.start} of the text: {error.reason}")
    except RecursionError:
        return Rejected(url, "too_deep", "values lie within each other too deep to be written as JSON")


def column_names(names: Sequence[str], form: TextForm = PLAIN) -> list[str]:
    """Names of a file's columns, each once: of several called `score`, the second is `score#2`.

    Raises:
        UnreadableError: a column that the text is made of is not there, or one that makes a document is there twice:
            which one is meant is unknown.
    """
    for column in form.columns:
        if column not in names:
            raise UnreadableError(f"it has no column {column}; it has {', '.join(names)[:500]}")
    for own in (*form.columns, form.options.url, form.options.date, "metadata"):
        if (count := names.count(own)) > 1:
            raise UnreadableError(f"it has {count} columns {own}: which of them is meant is unknown")
    return different(names)


def different(names: Sequence[str]) -> list[str]:
    """The names, each once."""
    seen = Counter[str]()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return found
