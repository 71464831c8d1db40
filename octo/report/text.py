"""Numbers as people read them, and text that models wrote made harmless to read."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta

from octo.findings import INTERVAL, MINUS, points
from octo.report.results import Estimate

__all__ = ("INTERVAL", "MINUS", "points")
THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"
MISSING = "\N{EN DASH}"


def visible(text: str) -> str:
    """The text with every character that would act instead of being read shown as a symbol.

    Control characters, marks that turn the direction of writing, and lone surrogates, which no file can hold.
    """
    return "".join(map(_visible, text))


def middle_cut(text: str, *, limit: int) -> tuple[str, str, int]:
    """The beginning and the end of a text longer than `limit`, and how many characters between them are left out."""
    if len(text) <= limit:
        return text, "", 0
    tail = limit // 3
    return text[: limit - tail], text[-tail:], len(text) - limit


def percent(share: float | None, digits: int = 1) -> str:
    """`61.2 %` of 0.612."""
    return MISSING if share is None else f"{100 * share:.{digits}f}{THIN_SPACE}%"


def range_of(estimate: Estimate, *, signed: bool = False) -> str:
    """The interval's ends: `54.1-67.9` (with an en dash) in per cent, or `-0.4 to +3.2` in points."""
    if estimate.low is None or estimate.high is None:
        return MISSING
    if signed:
        return f"{points(estimate.low)} to {points(estimate.high)}"
    return f"{100 * estimate.low:.1f}\N{EN DASH}{100 * estimate.high:.1f}"


def number(value: float | None, digits: int = 3) -> str:
    """A number with thousands set apart, or with that many significant digits when it is not whole."""
    if value is None:
        return MISSING
    if float(value).is_integer():
        return f"{int(value):,}".replace(",", THIN_SPACE).replace("-", MINUS)
    return f"{value:.{digits}g}".replace("-", MINUS)


def decimals(value: float | None, digits: int) -> str:
    """A number with that many digits after the point."""
    return MISSING if value is None else f"{value:.{digits}f}".replace("-", MINUS)


def duration(seconds: float | None) -> str:
    """`0.4 s`, `41 s`, `4 min 05 s`, `3 h 20 min`, `2 d 4 h`."""
    if seconds is None:
        return MISSING
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 2 * 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def age(then: datetime | None, now: datetime | None) -> str:
    """How long before: `2 h 05 min`."""
    return MISSING if then is None or now is None else duration(max(timedelta(), now - then).total_seconds())


def megabytes(size: int) -> str:
    """`12.3 MB`, `4.1 kB`."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def flattened(settings: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested settings as one level, with dots between the names."""
    flat: dict[str, object] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _visible(character: str) -> str:
    if character in "\n\t":
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    category = unicodedata.category(character)
    if category == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    if category in {"Cc", "Cf"}:
        return f"\u27e8U+{code:04X}\u27e9"
    return character


def excerpt_of(text: str, limit: int) -> str:
    """The beginning of a text, so that all of it is seen."""
    return visible(text if len(text) <= limit else f"{text[: limit - 1]}\N{HORIZONTAL ELLIPSIS}")
