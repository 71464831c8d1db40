"""The answer of a solution that was cut: what was given before, if nothing that was cut off can be part of it."""

from octo.data.final_answers import boxed

_OPEN = "%\N{DEGREE SIGN}"
"""What a number may end with, beside figures."""


def is_boxed(text: str) -> bool:
    r"""Whether the last box is closed: \boxed{42} is, \boxed{4 and \boxed 4 at the end are not."""
    content = boxed(text)
    return content is not None and boxed(f"{text}x") == content


def settled_part(text: str) -> str | None:
    """The text without the word in which it was cut, where its last number would be the same however the text went on.

    None where it might not be: the cut is in a number, or right behind one that no line or sentence ends.
    """
    body = text.rstrip()
    word = "" if len(body) < len(text) else body.rsplit(None, 1)[-1] if body else ""
    before = body[: len(body) - len(word)]
    kept = before.rstrip()
    gap = text[len(kept) : len(text) - len(word)]
    if not kept or any(map(str.isnumeric, word)):
        return None
    if "\n" not in gap and (kept[-1].isnumeric() or kept[-1] in _OPEN):
        return None
    return kept
