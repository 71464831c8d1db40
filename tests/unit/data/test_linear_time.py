"""Every rule, filter and parser of documents takes time in proportion to its input, whatever that holds.

What is compared is the process's own time on a text and on one that is doubled four times: 16 times as much is linear,
256 times as much quadratic. The bound lies far from both, so that neither a busy machine nor a pause decides.
"""

import base64
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from octo.data.benchmarks import learned
from octo.data.c4 import c4
from octo.data.code_answers import cut, fenced
from octo.data.code_benchmarks import read_problems
from octo.data.curation import judge
from octo.data.decontamination import Benchmark, tokens_of, why_unprotected
from octo.data.dedup import copy_key
from octo.data.documents import Document, new_document
from octo.data.files import read_path
from octo.data.filters import quality_rules
from octo.data.final_answers import boxed, settled
from octo.data.fineweb import fineweb
from octo.data.gopher import gopher
from octo.data.hosts import host_of
from octo.data.html_text import Extent, page_of
from octo.data.lookalikes import disguised
from octo.data.markup import unmarked
from octo.data.mathematical import mathematics
from octo.data.personal_data import masked
from octo.data.python_code import functions
from octo.data.python_docs import docstrings
from octo.data.texts import Texts
from octo.data.time_limit import TooSlowError, document_clock
from octo.settings.curation import CurationSettings
from octo.settings.ingestion import parse_source
from octo.settings.rules import GopherSettings
from octo.source_files import SEEKED, STREAMED

DOUBLINGS = 4
SIZE = 4_000
LARGEST_GROWTH = 5 * 2**DOUBLINGS
LEAST_SECONDS = 0.0005
"""What less time counts as: it is mostly that of calling."""
GIVEN_UP_SECONDS = 10.0
TRIES = 3
RUNS = 8

NGRAM = "the sum of two even numbers is even because each of them "
PIECES = {
    "digits": "7",
    "spaces": " ",
    "tabs": "\t",
    "ends of lines": "\n",
    "returns": "\r",
    "one word": "x",
    "one long line": "many words in one line ",
    "a repeated n-gram": NGRAM,
    "repeated lines": f"{NGRAM}\n",
    "numbers": "12 + 34 = 46, ",
    "open brackets": "[{(",
    "closed brackets": "]})",
    "braces in boxes": "\\boxed{",
    "quotation marks": '"',
    "apostrophes": "'",
    "backslashes": "\\",
    "commas": ",",
    "unclosed tags": "<div><p class='a'><b>",
    "opened tags": "<a ",
    "unclosed attributes": '<a href="x',
    "unclosed comments": "<!-- ",
    "unclosed scripts": "<script>",
    "spaces in a listing": "<pre>     ",
    "entities": "&amp;&#38;&lt",
    "entities that do not end": "&",
    "references to no character": "&#9999999",
    "zeros of a reference": "&#0",
    "combining characters": "a\u0327\u0301\u0315\u0345",
    "marks alone": "\u0301\u0323",
    "unseen characters": "\u200b\ufeff\u00ad",
    "full-width characters": "\uff41\uff11",
    "characters that become many": "\ufdfa",
    "addresses of people": "a.b@c.d.",
    "signs of them": "a@b@",
    "addresses of machines": "1.2.3.4:",
    "beginnings of keys": "sk-eyJ-AKIA",
    "private keys": "-----BEGIN PRIVATE KEY-----",
    "addresses": "https://example.org/a?b=c&d=e#f ",
    "punctuation": "?!.,;:-_*#~",
    "fences": "```python\n",
    "quoted lines": "> > ",
    "commands": "\\emph\\frac{1}",
    "links": "[a](b",
    "underlines": "__**``",
    "rows": 'a,"b"\n',
    "records": '{"text": "a"}\n',
}


def base64_text(size: int) -> str:
    return base64.b64encode(Random(0).randbytes(size)).decode()[:size]


def repeated(piece: str, size: int) -> str:
    return (piece * (size // len(piece) + 1))[:size]


SHAPES: dict[str, Callable[[int], str]] = {
    "base64": base64_text,
    "digits in base64": lambda size: base64_text(size).translate(dict.fromkeys(range(65, 123), "7")),
    "marks in no order": lambda size: (
        "a" + "".join(Random(0).choices([chr(0x300 + each) for each in range(80)], k=size))
    ),
    **{name: partial(repeated, piece) for name, piece in PIECES.items()},
}
PAGES = {
    "blocks in blocks": "<div>",
    "links around blocks": "<a href=x><div>",
    "tables in cells": "<table><tr><td>",
    "lists in items": "<ul><li>",
    "marks that are opened again": "<b id=a><p>",
    "ends of what is not open": "</div></p>",
    "formulas that do not end": "<math><mrow>",
    "formulas in formulas": "<span class=MathJax><math>",
    "rows in rows": "<math><mrow></mrow></math>",
    "shown formulas": "<span class='MathJax'></span> ",
    "kept formulas": "<span class=MathJax data-mathml='&lt;math>",
    "scripts of formulas": "<script type=math/tex>x</script>",
    "images of formulas": "<img class=tex alt='\\frac'>",
    "styles in styles": "<img class=tex alt='{\\displaystyle ",
    "exponents": "x<sup>2</sup>",
    "exponents that do not end": "x<sup> ",
    "attributes": "<span class=math a=1 b c='2'",
    "places of formulas": "<math>x</math>&#xFDD0;0&#xFDD1;",
}
"""Pieces of pages that are work for whoever looks for formulas or builds a tree."""
QUESTIONS = [
    NGRAM * 2,
    "12 + 34 =",
    "7 + 7 = 7 + 7",
    "How many words in one line are many words in one line?",
    "x " * 20,
]
SETTINGS = CurationSettings()
EVERYTHING = GopherSettings(
    min_words=0,
    max_words=10**9,
    min_mean_word=0,
    max_mean_word=10**9,
    max_hashes=10**9,
    max_ellipses=10**9,
    max_bullet_lines=1,
    max_ellipsis_lines=1,
    min_alphabetic_words=0,
    min_stop_words=0,
    **{name: 1 for name in GopherSettings.model_fields if name.startswith(("max_repeated", "max_top"))},
)
BENCHMARK = Benchmark(QUESTIONS, ngram=13)


def judged(text: str) -> None:
    for rule in quality_rules(SETTINGS).values():
        rule(text)
    list(judge([(Document("0", text, "web", "u", "", "{}"), None)], set(), BENCHMARK))


def looked_at(text: str) -> None:
    """By every rule, each as if none before had dropped it."""
    gopher(Texts([text]), EVERYTHING)
    c4(text, SETTINGS.c4)
    fineweb(Texts([text]), SETTINGS.fineweb)
    mathematics(Texts([text]), SETTINGS.mathematics)
    masked(text, ("email", "ip", "key"))
    host_of(f"https://{text}")


def parsed(parser: Callable[[str], object], text: str) -> None:
    try:
        found = parser(text)
        if isinstance(found, Iterator):
            list(found)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass


WORK: dict[str, Callable[[str], object]] = {
    "the rules and the gate": judged,
    "the rule sets": looked_at,
    "the key of copies": partial(copy_key, text_id=""),
    "a document": partial(new_document, source="a", url="b"),
    "what is learned": partial(learned, metadata="{}"),
    "tokens": tokens_of,
    "undisguised": disguised,
    "unmarked": lambda text: list(unmarked(text)),
    "a question's protection": partial(why_unprotected, least_words=8),
    "the last box": boxed,
    "the final answer": partial(settled, "7"),
    "the fenced program": fenced,
    "the cut program": partial(cut, stops=("\nclass", "\ndef", "\n```")),
    "a page": page_of,
    "a page's main content": partial(page_of, extent="main"),
    "docstrings": partial(parsed, lambda text: docstrings(text.encode(errors="replace"))),
    "functions": partial(parsed, functions),
}


def read(path: Path) -> None:
    list(read_path(path, label="web", max_document_bytes=10_000_000, skip_bad_files=True))


def read_as_it_is(end: str, path: Path, text: str) -> None:
    (path / f"a{end}").write_text(text, newline="")
    read(path / f"a{end}")


def read_in_records(path: Path, text: str) -> None:
    record = {"text": text, "other": [text], text[:50]: {"a": text}}
    (path / "a.jsonl").write_text(json.dumps(record))
    (path / "a.json").write_text(json.dumps([record], indent=1, ensure_ascii=False))
    (path / "a.csv").write_text(f'text,other\n"{text.replace(chr(34), chr(34) * 2)}",1\n', newline="")
    for end in (".jsonl", ".json", ".csv"):
        read(path / f"a{end}")


def read_in_tables(path: Path, text: str) -> None:
    table = pa.table({"text": [text], "words": [text.split(" ")], "more": [{"a": text}]})
    pq.write_table(table, path / "a.parquet")
    with pa.OSFile(str(path / "a.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    for end in (".parquet", ".arrow"):
        read(path / f"a{end}")


def read_in_an_archive(path: Path, text: str) -> None:
    sink = io.BytesIO()
    writer = WARCWriter(sink, gzip=False)
    headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
    body = io.BytesIO(text.encode())
    writer.write_record(writer.create_warc_record("http://a/", "response", payload=body, http_headers=headers))
    (path / "a.warc").write_bytes(sink.getvalue())
    read(path / "a.warc")


def read_as_problem(path: Path, text: str) -> None:
    problem = {"question": text, "test_cases": ["assert f(1) == 2"] * (len(text) // 400), "answer": text}
    (path / "a.jsonl").write_text(json.dumps(problem))
    list(read_problems(parse_source(f"a=tests:{path}/a.jsonl"), max_record_bytes=10_000_000, skip_bad_files=True))


READ: dict[str, Callable[[Path, str], object]] = {
    **{f"a file {end}": partial(read_as_it_is, end) for end in (*STREAMED, *SEEKED)},
    "records": read_in_records,
    "tables": read_in_tables,
    "an archive": read_in_an_archive,
    "a problem": read_as_problem,
}


def test_there_are_shapes_and_everything_that_is_read_is_among_the_work() -> None:
    assert len(SHAPES) > 40
    assert {f"a file {end}" for end in (*STREAMED, *SEEKED)} <= READ.keys()
    assert all(len(make(SIZE)) >= SIZE for make in SHAPES.values())


def test_work_that_looks_at_everything_again_from_each_place_is_found_out() -> None:
    def quadratic(text: str) -> int:
        # Characters one by one: what is done at once for many would look cheaper the more there are.
        return sum(sum(map(ord, text[place:])) for place in range(0, len(text), 100))

    text = repeated("x", SIZE * 2**DOUBLINGS)
    assert least_growth(quadratic, text[:SIZE], text) > LARGEST_GROWTH
    assert least_growth(str.upper, text[:SIZE], text) < LARGEST_GROWTH


@pytest.mark.parametrize("name", WORK)
def test_work_on_a_text_grows_as_the_text_does(name: str) -> None:
    check_growth(WORK[name])


@pytest.mark.parametrize("name", READ)
def test_reading_grows_as_what_is_read_does(name: str, tmp_path: Path) -> None:
    check_growth(partial(READ[name], tmp_path))


@pytest.mark.parametrize("extent", ["whole", "main"])
def test_the_work_on_a_page_grows_as_its_tags_and_formulas_do(extent: Extent) -> None:
    shapes = {name: partial(repeated, piece) for name, piece in PAGES.items()}
    check_growth(partial(page_of, extent=extent), shapes)


def check_growth(work: Callable[[str], object], shapes: Mapping[str, Callable[[int], str]] = SHAPES) -> None:
    work("warm up")
    too_fast_growing = {}
    for shape, make in shapes.items():
        growth = least_growth(work, make(SIZE), make(SIZE * 2**DOUBLINGS))
        if growth > LARGEST_GROWTH:
            too_fast_growing[shape] = growth
    assert not too_fast_growing


def least_growth(work: Callable[[str], object], small: str, large: str) -> float:
    """How many times as long the larger text takes; of a few tries, as anything may come between."""
    growth = float("inf")
    # Some kernels count time by ticks that are longer than the work: the mean of several runs.
    before = max(LEAST_SECONDS, sum(seconds(work, small) for _ in range(RUNS)) / RUNS)
    for _ in range(TRIES):
        growth = min(growth, seconds(work, large) / before)
        if growth <= LARGEST_GROWTH:
            break
    return growth


def seconds(work: Callable[[str], object], text: str) -> float:
    with document_clock(GIVEN_UP_SECONDS) as clock:
        began = time.process_time()
        try:
            clock.timed(work, text)
        except TooSlowError:
            return float("inf")
        return time.process_time() - began
