"""Pages per CPU second through the extraction of HTML, beside datatrove's extractor, and formulas that survive it.

Pages are made: 200 of them, of some 30 kB each, with a menu, an article of words, lists, a table, a listing, comments
and a footer, and 20 formulas each by KaTeX, MathJax, MathML, images and dollars. octo takes the main content and the
whole of each; datatrove's extractor (trafilatura, as it is by default) takes the main content.

datatrove is measured where OCTO_BENCH_DATATROVE is the interpreter of an environment that has datatrove and
trafilatura; else octo alone.
"""

import json
import os
import subprocess
import tempfile
import time
from html import escape
from pathlib import Path
from random import Random

from octo.data.html_text import Extent, page_of

NUM_PAGES, NUM_FORMULAS, NUM_PARAGRAPHS = 200, 20, 40
ROUNDS = 3


def measure() -> dict[str, float]:
    """Rates by the least of a few rounds, and the share of formulas whose TeX stands in the text once."""
    pages = [_page(Random(number), number) for number in range(NUM_PAGES)]
    figures = {"pages": float(NUM_PAGES), "kilobytes_per_page": sum(map(len, pages)) / NUM_PAGES / 1e3}
    extents: tuple[tuple[str, Extent], ...] = (("main", "main"), ("whole", "whole"))
    for name, extent in extents:
        seconds, texts = min((_timed(pages, extent) for _ in range(ROUNDS)), key=lambda each: each[0])
        figures[f"{name}_pages_per_cpu_s"] = NUM_PAGES / seconds
        figures[f"{name}_formulas_kept"] = _kept(texts)
    interpreter = os.environ.get("OCTO_BENCH_DATATROVE", "")
    if interpreter:
        found = _datatrove(interpreter, pages)
        figures["datatrove_pages_per_cpu_s"] = NUM_PAGES / found["seconds"]
        figures["datatrove_formulas_kept"] = _kept(found["texts"])
        figures["ratio"] = figures["main_pages_per_cpu_s"] / figures["datatrove_pages_per_cpu_s"]
    return figures


def _timed(pages: list[str], extent: Extent) -> tuple[float, list[str]]:
    began = time.process_time()
    texts = [page_of(page, extent=extent).text for page in pages]
    return time.process_time() - began, texts


def _datatrove(interpreter: str, pages: list[str]) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "pages.json"
        path.write_text(json.dumps(pages))
        command = [interpreter, str(Path(__file__).with_name("_datatrove_html.py")), str(path), str(ROUNDS)]
        ended = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(ended.stdout.splitlines()[-1])


def _kept(texts: list[str]) -> float:
    asked = [(text, _tex(number, each)) for number, text in enumerate(texts) for each in range(NUM_FORMULAS)]
    return sum(text.count(tex) == 1 for text, tex in asked) / len(asked)


def _tex(page: int, number: int) -> str:
    return f"\\frac{{a_{{{page}}}}}{{b^{{{number}}}}}"


def _formula(page: int, number: int) -> str:
    tex = _tex(page, number)
    markup = (
        "<math><semantics><mfrac><mi>a</mi><mi>b</mi></mfrac>"
        f'<annotation encoding="application/x-tex">{tex}</annotation></semantics></math>'
    )
    shown = "".join(f'<span class="mord" style="height:{place}em"><span>a</span></span>' for place in range(12))
    return (
        f'<span class="katex"><span class="katex-mathml">{markup}</span><span class="katex-html">{shown}</span></span>',
        f'<span class="MathJax"><nobr>{shown}</nobr></span><script type="math/tex">{tex}</script>',
        markup,
        f'<img class="latex" src="/i.png" alt="{escape(tex)}">',
        f"${tex}$",
    )[number % 5]


def _page(draw: Random, number: int) -> str:
    words = ["wave", "height", "measure", "length", "theorem", "holds", "every", "proof", "the", "of", "is", "a", "and"]

    def text(count: int) -> str:
        return " ".join(draw.choices(words, k=count))

    links = "".join(f'<li class="menu-item"><a href="/{place}">{text(2)}</a></li>' for place in range(40))
    paragraphs = [f"<p>{text(60)} <b>{text(3)}</b> and <a href='/x'>{text(2)}</a>.</p>" for _ in range(NUM_PARAGRAPHS)]
    for place in range(NUM_FORMULAS):
        paragraphs[place] = f"<p>{text(20)} {_formula(number, place)} {text(20)}.</p>"
    items = "".join(f"<li>{text(12)}</li>" for _ in range(8))
    rows = "".join(f"<tr><td>{text(2)}</td><td>{place}</td></tr>" for place in range(10))
    comments = "".join(f'<div class="comment"><p>{text(15)}</p></div>' for _ in range(10))
    program = "var a = 1;" * 200
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{text(4)}</title><script>{program}</script>'
        f'<style>{".a{color:red}" * 100}</style></head><body><nav><ul class="menu">{links}</ul></nav><main><article>'
        f"<h1>{text(5)}</h1>{''.join(paragraphs)}<ul>{items}</ul><table>{rows}</table><pre>def f(x):\n    return  x\n"
        f"</pre></article></main><section id='comments'>{comments}</section><footer>{text(20)}</footer></body></html>"
    )
