"""What follows the question mark of a source: `?count=2000&digits=2`, checked where the source is named."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from string import Formatter
from typing import Literal, cast, get_args

from octo.errors import UsageError

ARITHMETIC_KINDS = ("noisy", "short", "long", "prompts", "validation", "evaluation")
"""What `arithmetic:KIND` may be."""
FUNCTION_KINDS = ("solutions", "prompts", "validation", "evaluation")
"""What `functions:KIND` may be."""
_DIGITS = ("digits", "second", "lowest", "highest")
DISTINCT = ("prompts", "validation", "evaluation")
"""Kinds in which nothing comes twice, and no mistake is made."""
NUM_FUNCTIONS = 1516
"""Different tasks that functions are generated of, for whatever they are."""
CodeStyle = Literal["continuation", "fenced"]
"""How a code problem asks: for what comes next, or for a block of code."""


@dataclass(frozen=True)
class ArithmeticOptions:
    """What follows the question mark of an arithmetic source."""

    count: int
    digits: int = 2
    """Digits of both operands. From two on, no step of a solution looks like a question."""
    second: int = 0
    """Digits of the second operand, where it has others than the first."""
    lowest: int = 0
    """The lowest digit that an operand has."""
    highest: int = 9
    """The highest one: of five digits there are 25 sums to learn, and not 100."""
    forget: float = 0.0
    """Share of the solutions that drop every carry."""

    @property
    def num_pairs(self) -> int:
        """How many different pairs of operands there are; a+b and b+a are one."""
        first = self._num_operands(self.digits)
        if self.second in (0, self.digits):
            return first * (first + 1) // 2
        return first * self._num_operands(self.second)

    def _num_operands(self, digits: int) -> int:
        leading = self.highest - (max(1, self.lowest) if digits > 1 else self.lowest) + 1
        return int(leading * (self.highest - self.lowest + 1) ** (digits - 1))


@dataclass(frozen=True)
class FunctionOptions:
    """What follows the question mark of a source of functions."""

    count: int
    mistakes: float = 0.0
    """Share of the solutions that raise what they should return."""


@dataclass(frozen=True)
class CodeOptions:
    """What follows the question mark of a source of code problems."""

    style: CodeStyle
    shown: int = 0
    """How many of a problem's tests its question shows; they score nothing."""
    hardest: float = 1.0
    """Share of the problems that models solved least often; the others are not chosen."""
    widest: float = 1.0
    """Share of the problems on which a model's tries differ most; the others are not chosen."""
    docstrings: bool = False
    """Whether a question is put once more as a function to complete, where it does not speak to its reader."""


TEXT = "text"
"""The column that a record's text is in, where nothing else is said."""
LAYOUTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "qa": ("{question}\n{answer}", ("question", "answer")),
    "think": ("{question}\n<think>\n{thinking}\n</think>\n{answer}", ("question", "thinking", "answer")),
    "chat": ("", ("messages",)),
}
"""Texts by name (OctoThinker, appendix, on formatting), and what they are made of: a question with its answer, with the
thinking between them, and the turns of a chat, `User:` and `Assistant:`, a line each."""
_TEXT_OPTIONS = {"text", "template", "layout", "url", "date", "id"}


@dataclass(frozen=True)
class TextOptions:
    """What follows the question mark of a source of records."""

    text: str = TEXT
    """The column that is the text."""
    pieces: tuple[tuple[str, str], ...] = ()
    """Where it is made of several: what stands before a column, and the column, empty behind the last."""
    messages: str = ""
    """The column of a chat's messages, where the text is its turns."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """What a layout's parts are called in the records."""
    url: str = "url"
    date: str = "date"
    id: str = "id"

    @property
    def is_column(self) -> bool:
        """Whether the text is a column as it is."""
        return not (self.pieces or self.messages)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the text is made of."""
        if self.messages:
            return (self.messages,)
        if self.is_column:
            return (self.text,)
        return tuple(dict.fromkeys(name for _, name in self.pieces if name))


def parse_arithmetic_options(what: str, options: Mapping[str, str]) -> ArithmeticOptions:
    """Check the kind and the options of an arithmetic source."""
    _check_generated(
        "arithmetic", what, ARITHMETIC_KINDS, options, {option.name for option in fields(ArithmeticOptions)}
    )
    try:
        parsed = ArithmeticOptions(
            count=int(options["count"]),
            forget=float(options.get("forget", 0)),
            **{name: int(options[name]) for name in _DIGITS if name in options},
        )
    except (KeyError, ValueError):
        raise UsageError(f"expected arithmetic:{what}?count=2000 with numbers, got {dict(options)}") from None
    if parsed.count < 1 or not 1 <= parsed.digits <= 15 or not 0 <= parsed.forget <= 1:
        raise UsageError(
            f"arithmetic:{what} needs count of 1 or more, digits of 1 to 15 and forget of 0 to 1, got {parsed}"
        )
    if not 0 <= parsed.second <= 15 or not 0 <= parsed.lowest <= parsed.highest <= 9 or not parsed.highest:
        raise UsageError(
            f"arithmetic:{what} needs second of 1 to 15, and lowest and highest of 0 to 9 in that order, got {parsed}"
        )
    _check_enough("arithmetic", what, parsed.count, parsed.num_pairs, "problems of so many digits")
    return parsed


def parse_function_options(what: str, options: Mapping[str, str]) -> FunctionOptions:
    """Check the kind and the options of a source of functions."""
    _check_generated("functions", what, FUNCTION_KINDS, options, {option.name for option in fields(FunctionOptions)})
    try:
        parsed = FunctionOptions(int(options["count"]), float(options.get("mistakes", 0)))
    except (KeyError, ValueError):
        raise UsageError(f"expected functions:{what}?count=2000 with numbers, got {dict(options)}") from None
    if parsed.count < 1 or not 0 <= parsed.mistakes <= 1:
        raise UsageError(f"functions:{what} needs count of 1 or more and mistakes of 0 to 1, got {parsed}")
    _check_enough("functions", what, parsed.count, NUM_FUNCTIONS, "tasks")
    return parsed


def parse_code_options(kind: str, options: Mapping[str, str]) -> CodeOptions:
    """Check the options of a source of code problems."""
    default = _CODE_DEFAULTS[kind]
    _check_known(kind, options, _CODE_OPTIONS[kind])
    style, shown = options.get("style", default.style), options.get("shown", str(default.shown))
    if style not in get_args(CodeStyle):
        raise UsageError(f"{kind} needs style of {' or '.join(get_args(CodeStyle))}, got {style!r}")
    if not (shown.isascii() and shown.isdigit()):
        raise UsageError(f"{kind} needs shown of 0 or more, got {shown!r}")
    shares = {name: _share(options[name], f"{kind} needs {name}") for name in ("hardest", "widest") if name in options}
    docstrings = options.get("docstrings", "0")
    if docstrings not in ("0", "1"):
        raise UsageError(f"{kind} needs docstrings of 0 or 1, got {docstrings!r}")
    return replace(default, style=cast("CodeStyle", style), shown=int(shown), docstrings=docstrings == "1", **shares)


def parse_text_options(source: str, options: Mapping[str, str]) -> TextOptions:
    """Check the options of a source of records."""
    layout = options.get("layout", "")
    template, parts = LAYOUTS.get(layout, ("", ()))
    if layout and layout not in LAYOUTS:
        raise UsageError(f"{source} needs layout of {', '.join(LAYOUTS)}, got {layout!r}")
    _check_known(source, options, _TEXT_OPTIONS | {*parts})
    if sum(name in options for name in ("text", "template", "layout")) > 1:
        raise UsageError(f"{source} takes one of text, template and layout: they say what a text is made of")
    if empty := [name for name, value in options.items() if not value]:
        raise UsageError(f"{source} needs a value for {empty[0]}, got none")
    roles = {part: options.get(part, part) for part in parts}
    named = TextOptions(
        text=options.get("text", TEXT),
        url=options.get("url", "url"),
        date=options.get("date", "date"),
        id=options.get("id", "id"),
    )
    if layout == "chat":
        return replace(named, messages=roles["messages"])
    if layout:
        pieces = tuple((before, roles.get(part, "")) for before, part in _pieces(source, template))
        return replace(named, pieces=pieces, roles=roles)
    return replace(named, pieces=_pieces(source, options["template"]) if "template" in options else ())


def _pieces(source: str, template: str) -> tuple[tuple[str, str], ...]:
    """A template taken apart: what stands before each column, and its name."""
    needed = f"{source} needs a template with names of columns in braces, such as {{question}}%0A{{answer}}"
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise UsageError(f"{needed}, got {template!r}: {error}") from None
    names = [name for _, name, _, _ in pieces if name is not None]
    if not names or not all(names) or any(form or conversion for _, _, form, conversion in pieces):
        raise UsageError(f"{needed}, got {template!r}")
    return tuple((before, name or "") for before, name, _, _ in pieces)


def _check_enough(kind: str, what: str, asked: int, there_are: int, of_what: str) -> None:
    """Refuse to ask for more different ones than there are. A kind has a part of them only, which the job finds out."""
    if what in DISTINCT and asked > there_are:
        raise UsageError(
            f"{kind}:{what} has no more than {there_are} different {of_what}, asked for {asked}: ask for fewer"
        )


def _check_generated(
    reader: str, what: str, kinds: tuple[str, ...], options: Mapping[str, str], known: set[str]
) -> None:
    """Check what is generated, and the names of its options."""
    if what not in kinds:
        raise UsageError(f"expected {reader}:KIND with KIND one of {', '.join(kinds)}, got {what!r}")
    _check_known(f"{reader}:{what}", options, known)


def _check_known(source: str, options: Mapping[str, str], known: set[str]) -> None:
    if unknown := set(options) - known:
        raise UsageError(f"{source} takes {', '.join(sorted(known))}, got {min(unknown)!r}")


def _share(text: str, needed: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise UsageError(f"{needed} over 0 and up to 1, got {text!r}")
    return share


_CODE_OPTIONS = {
    "human-eval": {"style"},
    "mbpp": {"shown", "style"},
    "tests": {"docstrings", "hardest", "shown", "widest"},
}
_CODE_DEFAULTS = {
    "human-eval": CodeOptions("continuation"),
    "mbpp": CodeOptions("fenced", shown=1),
    "tests": CodeOptions("fenced", shown=1),
}
