import logging

import pytest

from octo.shown import ShownRecord, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[2J\x1b[H", r"\x1b[2J\x1b[H"),
        ("\x1b]0;a title\x07", r"\x1b]0;a title\x07"),
        ("\x1b]52;c;cm0gLXJm\x1b\\", "\\x1b]52;c;cm0gLXJm\\x1b\\"),
        ("done\rnot done", r"done\x0dnot done"),
        ("a\x08b\x00c\x7f", r"a\x08b\x00c\u007f"),
        ("\x9b31mred\x9d0;title\x9c", r"\u009b31mred\u009d0;title\u009c"),
        ("user\u202etxt.exe\u202c", r"user\u202etxt.exe\u202c"),
        ("\u2066a\u2069 \u200fb \u061cc", r"\u2066a\u2069 \u200fb \u061cc"),
        ("one\u2028two\u2029three", r"one\u2028two\u2029three"),
        ("half \ud83d of one", r"half \ud83d of one"),
        ("\U000e0041hidden", r"\U000e0041hidden"),
    ],
)
def test_what_acts_is_spelt_out(text: str, expected: str) -> None:
    assert shown(text) == expected
    assert shown(shown(text)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "two\n\tlines\n", "naïve 数学 مرحبا שלום", "👩‍👩‍👧 🇪🇺 e\u0301", r"C:\x1b", "a\u00a0b\u00adc\ufeff"],
)
def test_what_is_read_stays_as_it_is(text: str) -> None:
    assert shown(text) == text


def test_a_log_shows_what_its_arguments_hold() -> None:
    record = ShownRecord("octo", logging.WARNING, __file__, 1, "the store said %s", ("\x1b[2J\u202e",), None)
    assert logging.Formatter().format(record) == r"the store said \x1b[2J\u202e"
