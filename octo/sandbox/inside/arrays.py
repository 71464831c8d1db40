"""Arrays and numbers of numpy's as data, where it is loaded."""

import sys
from collections.abc import Callable
from typing import Any

from octo.sandbox.inside.kinds import Back, Forward, Json, NotDataError, checked

ARRAY = "ndarray"
"""The tag, and the name of the class."""
NUMBERS = "?bBhHiIlLqQefdgFDGSUmM"
"""Kinds of elements that are bytes and nothing else."""


def writer_of(value: Any) -> Callable[[Any, Forward], Json] | None:
    """How an array, or a number, of numpy's is sent; None for what is neither."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if type(value) is numpy.ndarray:
        return _array if value.dtype.char in (*NUMBERS, "O") else None
    if isinstance(value, numpy.generic) and value.dtype.char in NUMBERS:
        return lambda value, _: {ARRAY: [value.dtype.str, None, bytes.hex(value.tobytes())]}
    return None


def _array(value: Any, forward: Forward) -> Json:
    held = value.dtype.char == "O"
    parts = [forward(part) for part in value.flat] if held else bytes.hex(value.tobytes())
    return {ARRAY: [value.dtype.str, list(value.shape), parts]}


def array_from(content: Json, back: Back) -> Any:
    """An array, or a number, from what was sent of it."""
    kind, shape, parts = content
    numpy = sys.modules.get("numpy")
    if numpy is None:
        raise NotDataError("an array where numpy is not known")
    dtype = numpy.dtype(checked(str, kind))
    if dtype.char == "O":
        made = numpy.empty(len(parts), dtype=object)
        made[:] = [back(part) for part in parts]
    elif dtype.char in NUMBERS:
        made = numpy.frombuffer(bytes.fromhex(parts), dtype=dtype).copy()
    else:
        raise NotDataError("no array of numbers")
    return made[0] if shape is None else made.reshape([checked(int, each) for each in shape])
