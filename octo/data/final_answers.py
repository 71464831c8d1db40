r"""The final answer of a solution: what stands in its last box, and what can be said of it without any algebra.

Model output is only read here, in time linear in its length.
"""

import re

LONGEST = 1000
"""Characters of an answer; a longer one is right only if it is the true one letter by letter."""

_BOX = re.compile(r"\\(?:boxed|fbox)(?![a-zA-Z])\s*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_END = re.compile(r"\$|\n|\\\)|\\\]|$")
_MATHEMATICS = re.compile(r"\\\((.*)\\\)|\\\[(.*)\\\]|\$+([^$]*)\$+", re.DOTALL)
_TEXT = re.compile(r"\\(?:text(?:bf|it|rm|normal)?|math(?:rm|bf|it)|mbox)\s*\{([^{}\\]*)\}")
# A line break of a matrix comes first, lest its second half be taken for the beginning of a space.
_SPACE = re.compile(r"(\\\\)|\\[,;:> ]|~|\s+")
_SIZE = re.compile(r"\\(?:left|right)(?![a-zA-Z])|\\displaystyle(?![a-zA-Z])|\\!")
_SPACED_NUMBER = re.compile(r"[+-]?\d{1,3}(?: \d{3})+(?:\.\d+)?")
_INTEGER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)")
_WORDS = re.compile(r"[^\W\d_]+(?: [^\W\d_]+)*")
_LONG_WORD = re.compile(r"[^\W\d_]{4}")


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
    """Whether an answer is the true one, where the letters alone say so; None where it takes algebra.

    Equal texts are equal, two integers or two phrases of words that differ are not, and an answer that is missing,
    empty or longer than `LONGEST` is wrong.
    """
    if answer is None or len(answer) > LONGEST:
        return answer == gold
    true, given = plain(gold), plain(answer)
    if true == given or not given:
        return bool(given)
    if _INTEGER.fullmatch(true) and _INTEGER.fullmatch(given):
        return int(true.replace(",", "")) == int(given.replace(",", ""))
    # Algebra would read a word as the product of its letters, and even would be neve.
    if _WORDS.fullmatch(true) and _WORDS.fullmatch(given) and _LONG_WORD.search(f"{true} {given}"):
        return true.casefold() == given.casefold()
    return None


def plain(answer: str) -> str:
    """An answer without what only concerns its looks: delimiters, spacing, sizes, a full stop."""
    text = answer.strip().rstrip(".,;").strip()
    if inner := _MATHEMATICS.fullmatch(text):
        text = next(content for content in inner.groups() if content is not None)
    text = _SIZE.sub("", text).replace(r"\$", "").replace("$", "")
    text = (
        text.replace("\N{MINUS SIGN}", "-")
        .replace("{,}", ",")
        .replace(r"\dfrac", r"\frac")
        .replace(r"\tfrac", r"\frac")
    )
    text = _SPACE.sub(lambda space: space[1] or " ", text).strip().rstrip(".,;\\ ")
    if words := _TEXT.fullmatch(text):
        text = words[1].strip()
    return text.replace(" ", "") if _SPACED_NUMBER.fullmatch(text) else text
