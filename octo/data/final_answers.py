r"""The final answer of a solution: what stands in its last box, and what can be said of it without any algebra.

Model output is only read here, in time linear in its length, and rational numbers compared.
"""

import re

from octo.data.answers.arithmetic import Exact, NeedsAlgebraError
from octo.data.answers.equality import Comparison
from octo.data.answers.formulas import UnreadableError
from octo.data.answers.looks import plain
from octo.data.answers.reading import LONGEST, read

_BOX = re.compile(r"\\(?:boxed|fbox)(?![a-zA-Z])\s*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_END = re.compile(r"\$|\n|\\\)|\\\]|$")


def boxed(text: str) -> str | None:
    r"""The content of the last \boxed or \fbox; None without one, or when its braces are not closed.

    Without braces, as in `$\boxed 5$`, it reaches to where the mathematics or the line ends.
    """
    box = max(_BOX.finditer(text), key=re.Match.end, default=None)
    if box is None:
        return None
    if not text.startswith("{", box.end()):
        end = _END.search(text, box.end())
        return text[box.end() : end and end.start()].strip() or None
    depth = 0
    for brace in _BRACE.finditer(text, box.end()):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            return text[box.end() + 1 : brace.start()].strip()
    return None


def settled(gold: str, answer: str | None) -> bool | None:
    """Whether an answer is the true one, where no algebra is needed to say so; None where it is.

    Equal texts are equal; numbers, fractions, units, words and what is made of them are compared as they are read. An
    answer that is missing, empty, longer than `LONGEST` or neither mathematics nor words is wrong.
    """
    if answer is None or len(answer) > LONGEST:
        return answer == gold
    if not plain(answer) or plain(gold) == plain(answer):
        return bool(plain(answer))
    try:
        true = read(gold)
    except UnreadableError:
        return None
    try:
        return Comparison(Exact()).same(true, read(answer))
    except UnreadableError:
        # Whichever it is: see `unreadable`.
        return None if unreadable(gold) else False
    except NeedsAlgebraError:
        return None


def unreadable(gold: str) -> str:
    """Why nothing can be compared with this as the true answer; nothing where something can."""
    try:
        true = read(gold)
        if not Comparison(Exact()).same(true, true):
            return "it does not equal itself"
    except UnreadableError as error:
        return str(error)
    except NeedsAlgebraError:
        pass
    return ""
