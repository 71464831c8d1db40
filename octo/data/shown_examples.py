"""Whether a question's prose shows a call and what comes of it: `Input: nums = [2, 7], target = 9, Output: [0, 1]`."""

import json
import re
from collections.abc import Sequence

LONGEST = 10_000
"""Of what is looked for: nobody shows more in prose."""
_NAMED = r"(?:[a-z_]\w{0,30}[=:])?"
_BETWEEN = rf"[,;]?(?:and)?{_NAMED}"
_COMES = r".{0,20}?(?:output|return(?:s|ed)?|result|answer|-+>|=+>|==)\W{0,5}?(?:is)?[:=]?\W{0,4}?"
"""Between a call and what comes of it, spaces left out."""


def shows_call(question: str, arguments: Sequence[object], expected: object) -> bool:
    """Whether a question has these arguments, after each other, and then what is expected of them.

    Spaces, kinds of quotes, and whether it is written as JSON or as Python make no difference.
    """
    parts = [_either(each) for each in (*arguments, expected)]
    if not arguments or sum(map(len, parts)) > LONGEST:
        return False
    *given, last = parts
    called = _BETWEEN.join(given)
    pattern = rf"(?<![\d.-]){_NAMED}{called}(?!\d|\.\d){_COMES}{last}(?!\d|\.\d)"
    return re.search(pattern, _squeezed(question)) is not None


def _either(value: object) -> str:
    """A pattern of a value as JSON and as Python write it."""
    forms = {_squeezed(repr(value)), _squeezed(json.dumps(value)), _squeezed(json.dumps(value, ensure_ascii=False))}
    return f"(?:{'|'.join(map(re.escape, sorted(forms)))})"


def _squeezed(text: str) -> str:
    return "".join(text.split()).replace("'", '"').replace("`", "").replace("*", "").lower()
