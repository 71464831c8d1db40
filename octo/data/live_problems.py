"""Code problems in the layout of LiveCodeBench: tests that are shown, and private ones that are packed away.

Private tests are base64 of zlib of a pickle of JSON text. Nothing is unpickled: a pickle is a program. What this one
says is read off its instructions, and any but those that hold one text are refused.
"""

import base64
import binascii
import json
import pickletools
import zlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field

from octo.errors import InputError

LAYOUT = "public_test_cases"
"""The field that tells these records from others."""
PRIVATE = "private_test_cases"
MOST_BYTES = 64 << 20
"""Of the tests of a problem, unpacked."""
_TEXTS = frozenset({"UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"})
_AROUND = frozenset({"PROTO", "FRAME", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "STOP"})
"""What stands around a text, and does nothing by itself."""


def contest_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """The record as one of APPS's layout, with the number of tests that are shown, which come first.

    Raises:
        InputError: the tests cannot be read.
        ValidationError: a field is missing, or another kind of thing.
    """
    record = _Record.model_validate(fields)
    tests = [*record.shown, *record.private]
    kinds = {test.testtype for test in tests}
    if len(kinds) > 1:
        raise InputError("some of its tests call a function, and some give it an input to read: give one kind")
    name = record.metadata.func_name
    if kinds == {"functional"} and not name:
        raise InputError("its tests call a function that nothing names: give metadata a func_name")
    return {
        "question": record.question,
        "input_output": {
            "inputs": [test.input for test in tests],
            "outputs": [test.output for test in tests],
            "fn_name": name if kinds == {"functional"} else None,
        },
        "starter_code": record.starter_code,
        "solutions": fields.get("solutions") or fields.get("solution") or "",
        "num_shown": len(record.shown),
    }


def unpacked(packed: str) -> str:
    """The text of private tests.

    Raises:
        InputError: it is packed otherwise, larger than it may be, or a pickle of more than one text.
    """
    try:
        content = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"its {PRIVATE} are neither JSON nor base64: {packed[:40]!r}") from None
    reader = zlib.decompressobj()
    try:
        pickled = reader.decompress(content, MOST_BYTES)
    except zlib.error as error:
        raise InputError(f"its {PRIVATE} are not packed by zlib: {error}") from None
    if reader.unconsumed_tail:
        raise InputError(f"its {PRIVATE} unpack to more than {MOST_BYTES >> 20} MiB: give fewer")
    if not reader.eof:
        raise InputError(f"its {PRIVATE} are cut short: fetch the file again")
    return _text_of(pickled)


def _text_of(pickled: bytes) -> str:
    texts = []
    try:
        for instruction, argument, _ in pickletools.genops(pickled):
            if instruction.name in _TEXTS:
                texts.append(str(argument))
            elif instruction.name not in _AROUND:
                raise InputError(
                    f"its {PRIVATE} are a pickle that does {instruction.name}: none but of one text is read, for any "
                    "other is a program"
                )
    # What genops raises of bytes that are no pickle, or a broken one.
    except (ValueError, IndexError, KeyError, OverflowError, UnicodeError) as error:
        raise InputError(f"its {PRIVATE} are no pickle: {' '.join(str(error).split())[:100]}") from None
    if len(texts) != 1:
        raise InputError(f"its {PRIVATE} are a pickle of {len(texts)} texts: give one, of JSON")
    return texts[0]


def _public(value: object) -> object:
    return _json(value, LAYOUT) if isinstance(value, str) and value.strip() else value or []


def _private(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        return value or []
    return _json(value if value.lstrip().startswith("[") else unpacked(value.strip()), PRIVATE)


def _metadata(value: object) -> object:
    return _json(value, "metadata") if isinstance(value, str) and value.strip() else value or {}


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"its {what} cannot be read as JSON: {error}") from None


class _Test(BaseModel):
    input: str
    output: str
    testtype: Literal["stdin", "functional"] = "stdin"


class _Metadata(BaseModel):
    func_name: str | None = None


class _Record(BaseModel):
    question: str = Field(validation_alias=AliasChoices("question_content", "question"))
    shown: Annotated[Sequence[_Test], BeforeValidator(_public)] = Field(validation_alias=LAYOUT)
    private: Annotated[Sequence[_Test], BeforeValidator(_private)] = Field(default=(), validation_alias=PRIVATE)
    starter_code: str = ""
    metadata: Annotated[_Metadata, BeforeValidator(_metadata)] = _Metadata()
