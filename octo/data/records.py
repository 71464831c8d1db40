"""From a record, whatever file it was in, to a document or the reason why it is none."""

from collections import Counter
from collections.abc import Mapping, Sequence

from octo.data.documents import Document, Rejected, new_document

Record = Mapping[str, object]
Found = tuple[str, Record | Rejected]
"""Where a record stands, and the record."""
OWN_FIELDS = ("text", "url", "date", "metadata")
"""Fields that make a document; the others are kept in its metadata."""


class UnreadableError(Exception):
    """A file cannot be read, or not from here on; the message says why."""


def document_of(record: Record, *, label: str, url: str) -> Document | Rejected:
    """The document in a record that stands at `url`."""
    text = record.get("text")
    if not isinstance(text, str) or not text.strip():
        found = "an empty text" if isinstance(text, str) else f"fields: {', '.join(map(repr, record))[:200]}"
        return Rejected(url, "missing_text", f"expected a string in the field text, found {found}")
    metadata = {name: value for name, value in record.items() if name not in OWN_FIELDS}
    given = record.get("metadata")
    if isinstance(given, dict):
        metadata |= given
    elif given is not None:
        metadata["metadata"] = given
    try:
        return new_document(
            text, source=label, url=str(record.get("url") or url), date=str(record.get("date") or ""), metadata=metadata
        )
    except UnicodeEncodeError as error:
        return Rejected(url, "invalid_utf8", f"character {error.start} of the text: {error.reason}")
    except RecursionError:
        return Rejected(url, "too_deep", "values lie within each other too deep to be written as JSON")


def column_names(names: Sequence[str]) -> list[str]:
    """Names of a file's columns, each once: of several called `score`, the second is `score#2`.

    Raises:
        UnreadableError: there is no column text, or a field that makes a document is there twice: which one is meant is
            unknown.
    """
    if "text" not in names:
        raise UnreadableError(f"it has no column text; it has {', '.join(names)[:500]}")
    for own in OWN_FIELDS:
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
