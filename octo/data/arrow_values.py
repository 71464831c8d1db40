"""The JSON form of every Arrow type, within a limit on how much a record may hold.

Numbers, texts and truth are what they are; a number that is none is null. Exact decimals are texts of their digits,
bytes are base64, dates and times ISO 8601 (an instant with a zone is given in UTC), intervals ISO 8601 too. Lists are
arrays; structures are objects, as are maps whose keys are different texts; other maps are arrays of pairs. A
dictionary, a run, a union and an extension have the form of their value.
"""

import base64
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa

from octo.data.records import different

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class TooMuchError(Exception):
    """A record holds more than the limit."""


class NoFormError(Exception):
    """A value has no JSON form."""


class Budget:
    """How many characters of JSON a record may still have."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> None:
        """Count a value; TooMuchError when there is no room for it."""
        self._left -= size
        if self._left < 0:
            raise TooMuchError


def ready_values(column: pa.Array) -> list[Any] | None:
    """The JSON forms of a column of plain values, all at once; None where each may be large in a way of its own."""
    kind = column.type
    if is_text(kind):
        return referred(column, _texts) if pa.types.is_dictionary(kind) else _texts(column)
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return plain_values(column)
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        return [value if value is not None and math.isfinite(value) else None for value in plain_values(column)]
    return None


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds texts, or refers to them."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(value) or pa.types.is_large_string(value))


def raw_texts(column: pa.Array) -> list[bytes | None]:
    """The texts of a column in bytes, which Arrow does not check to be UTF-8."""
    raw = column.cast(pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary())
    # Through numpy, each value is made without an Arrow scalar before.
    found: list[bytes | None] = raw.to_numpy(zero_copy_only=False).tolist()
    return found


def referred(column: pa.DictionaryArray, made: Callable[[pa.Array], list[Any]]) -> list[Any]:
    """The values that a column refers to, each made once however often it does.

    The dictionary may hold the values of all rows of a file: those of other rows are not looked at.
    """
    used = column.indices.drop_null().unique()
    values = dict(zip(used.to_pylist(), made(column.dictionary.take(used)), strict=True))
    return [values.get(index) for index in plain_values(column.indices)]


def plain_values(column: pa.Array) -> list[Any]:
    """The values of a column of numbers or truths."""
    found: list[Any] = column.to_pylist() if column.null_count else column.to_numpy(zero_copy_only=False).tolist()
    return found


def json_value(scalar: Any, budget: Budget) -> object:
    """The JSON form of an Arrow scalar.

    Raises:
        TooMuchError: it is larger than the budget allows.
        NoFormError: its type has none.
    """
    budget.take(1)
    if not scalar.is_valid:
        return None
    if isinstance(scalar, pa.ExtensionScalar):
        return _EXTENSIONS.get(type(scalar), json_value)(scalar.value, budget)
    form = _FORMS.get(type(scalar))
    if form is None:
        raise NoFormError(f"values of type {scalar.type} have no JSON form")
    found = form(scalar, budget)
    budget.take(len(found) if isinstance(found, str) else 0)
    return found


def _texts(column: pa.Array) -> list[str | None]:
    return [None if value is None else value.decode(errors="replace") for value in raw_texts(column)]


def _plain(scalar: Any, _budget: Budget) -> object:
    return scalar.as_py()


def _float(scalar: Any, _budget: Budget) -> float | None:
    number = float(scalar.as_py())
    return number if math.isfinite(number) else None


def _text(scalar: Any, _budget: Budget) -> str:
    return str(scalar.as_buffer().to_pybytes().decode(errors="replace"))


def _bytes(scalar: Any, budget: Budget) -> str:
    buffer = scalar.as_buffer()
    budget.take(buffer.size)
    return base64.b64encode(buffer).decode()


def _decimal(scalar: Any, _budget: Budget) -> str:
    return str(scalar.as_py())


def _day(scalar: Any, _budget: Budget) -> str:
    return str(np.datetime64(scalar.value, "D" if pa.types.is_date32(scalar.type) else "ms").astype("datetime64[D]"))


def _instant(scalar: Any, _budget: Budget) -> str:
    # numpy knows years beyond 9999, and nanoseconds.
    return f"{np.datetime64(scalar.value, scalar.type.unit)}{'Z' if scalar.type.tz else ''}"


def _time(scalar: Any, _budget: Budget) -> str:
    seconds, rest = divmod(scalar.value, _PER_SECOND[scalar.type.unit])
    fraction = str(rest).zfill(len(str(_PER_SECOND[scalar.type.unit])) - 1)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return clock if scalar.type.unit == "s" else f"{clock}.{fraction}"


def _duration(scalar: Any, _budget: Budget) -> str:
    return f"PT{_seconds(scalar.value, _PER_SECOND[scalar.type.unit])}S"


def _interval(scalar: Any, _budget: Budget) -> str:
    months, days, nanoseconds = scalar.value
    return f"P{months}M{days}DT{_seconds(nanoseconds, 10**9)}S"


def _seconds(value: int, per_second: int) -> str:
    whole, rest = divmod(abs(value), per_second)
    fraction = str(rest).zfill(len(str(per_second)) - 1).rstrip("0")
    return f"{'-' if value < 0 else ''}{whole}{'.' if rest else ''}{fraction if rest else ''}"


def _list(scalar: Any, budget: Budget) -> list[object]:
    # Counted before the first is made: a null takes no room in Arrow.
    budget.take(len(scalar.values))
    return [json_value(each, budget) for each in scalar.values]


def _struct(scalar: Any, budget: Budget) -> dict[str, object]:
    return {name: _named(name, scalar[index], budget) for index, name in enumerate(_field_names(scalar.type))}


@lru_cache(maxsize=64)
def _field_names(structure: pa.DataType) -> tuple[str, ...]:
    return tuple(different([structure.field(index).name for index in range(structure.num_fields)]))


def _named(name: str, scalar: Any, budget: Budget) -> object:
    budget.take(len(name))
    return json_value(scalar, budget)


def _map(scalar: Any, budget: Budget) -> object:
    pairs = [(json_value(pair[0], budget), json_value(pair[1], budget)) for pair in scalar.values]
    keys = {key for key, _ in pairs if isinstance(key, str)}
    return dict(pairs) if len(keys) == len(pairs) else [list(pair) for pair in pairs]


def _value(scalar: Any, budget: Budget) -> object:
    return json_value(scalar.value, budget)


_FORMS: Mapping[type, Callable[[Any, Budget], object]] = {
    **dict.fromkeys((pa.BooleanScalar, pa.Int8Scalar, pa.Int16Scalar, pa.Int32Scalar, pa.Int64Scalar), _plain),
    **dict.fromkeys((pa.UInt8Scalar, pa.UInt16Scalar, pa.UInt32Scalar, pa.UInt64Scalar), _plain),
    **dict.fromkeys((pa.HalfFloatScalar, pa.FloatScalar, pa.DoubleScalar), _float),
    **dict.fromkeys((pa.StringScalar, pa.LargeStringScalar, pa.StringViewScalar), _text),
    **dict.fromkeys((pa.BinaryScalar, pa.LargeBinaryScalar, pa.BinaryViewScalar, pa.FixedSizeBinaryScalar), _bytes),
    **dict.fromkeys((pa.Decimal32Scalar, pa.Decimal64Scalar, pa.Decimal128Scalar, pa.Decimal256Scalar), _decimal),
    **dict.fromkeys((pa.Date32Scalar, pa.Date64Scalar), _day),
    **dict.fromkeys((pa.Time32Scalar, pa.Time64Scalar), _time),
    **dict.fromkeys((pa.ListScalar, pa.LargeListScalar, pa.FixedSizeListScalar), _list),
    **dict.fromkeys((pa.ListViewScalar, pa.LargeListViewScalar), _list),
    **dict.fromkeys((pa.DictionaryScalar, pa.RunEndEncodedScalar, pa.UnionScalar), _value),
    pa.TimestampScalar: _instant,
    pa.DurationScalar: _duration,
    pa.MonthDayNanoIntervalScalar: _interval,
    pa.StructScalar: _struct,
    pa.MapScalar: _map,
}

_EXTENSIONS: Mapping[type, Callable[[Any, Budget], object]] = {
    pa.UuidScalar: lambda storage, _budget: str(UUID(bytes=storage.as_py())),
    pa.Bool8Scalar: lambda storage, _budget: bool(storage.as_py()),
}
