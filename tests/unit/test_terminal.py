import io
import json
from collections.abc import Callable

import pytest
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from octo.terminal import Console

HOSTILE = "said \x1b[2J\x1b]0;title\x9b31m \u202ereversed"
HARMLESS = r"said \x1b[2J\x1b]0;title\u009b31m \u202ereversed"
RED, END = "\x1b[31m", "\x1b[0m"


def in_table(text: str) -> Table:
    table = Table(text, box=None)
    table.add_row(text)
    return table


def printed(*what: object, **options: object) -> str:
    file = io.StringIO()
    Console(file=file, width=200, **options).print(*what)
    return file.getvalue()


@pytest.mark.parametrize("make", [str, Text, in_table, Tree, Panel])
def test_nothing_that_is_printed_acts(make: Callable[[str], object]) -> None:
    for terminal in (True, False):
        said = printed(make(HOSTILE), force_terminal=terminal, color_system=None)
        assert HARMLESS in said
        assert set(said) & {"\x1b", "\x9b", "\u202e"} == set()


def test_a_line_of_a_log_does_not_act() -> None:
    file = io.StringIO()
    Console(file=file, width=20).out(HOSTILE + "\r\x07")
    assert file.getvalue() == HARMLESS + "\\x0d\\x07\n"


def test_what_octo_draws_keeps_its_colours() -> None:
    said = printed(Text("failed", style="red"), force_terminal=True, color_system="standard")
    assert said == f"{RED}failed{END}\n"


@pytest.mark.parametrize("text", ["[bold]loud[/bold]", "[link=https://elsewhere]here[/link]", "[/]", ":bomb:", "'1.5'"])
def test_no_text_is_taken_for_markup(text: str) -> None:
    assert printed(text, force_terminal=True) == f"{text}\n"


def test_json_is_the_same_for_whoever_reads_it() -> None:
    file = io.StringIO()
    value = {"message": HOSTILE + "\x7f", "\u2066key": ["naïve"]}
    Console(file=file).print_json(json.dumps(value))
    assert json.loads(file.getvalue()) == value
    assert set(file.getvalue()) & {"\x1b", "\x9b", "\u202e", "\x7f"} == set()


def test_a_live_table_is_drawn_over_itself_whatever_its_cells_say() -> None:
    file = io.StringIO()
    console = Console(file=file, width=200, force_terminal=True, color_system=None)
    with Live(in_table(HOSTILE), console=console, auto_refresh=False) as live:
        live.update(in_table(HOSTILE), refresh=True)
    drawn = file.getvalue()
    assert HARMLESS in drawn
    # Up by the two lines that were drawn before, each wiped.
    assert "\x1b[1A\x1b[2K" in drawn
    assert set(drawn) & {"\x9b", "\u202e"} == set()
    assert "\x1b]" not in drawn
